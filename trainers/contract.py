"""The contract of training: what goes into a run (slots, plan, data) and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trainers.problem import Column, DataKind
from trainers.tasks import RECONSTRUCT, Task

Config: TypeAlias = Mapping[str, bool | int | float | str]
EndState: TypeAlias = Literal["COMPLETE", "DIVERGED", "STOPPED"]


@dataclass(frozen=True)
class Slot:
    """One trial of an array: its number, its seed and its complete config."""

    trial: int
    seed: int
    config: Config


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after `patience` epochs without an improvement of more than `min_delta`.

    Epochs that are not eligible are not counted; nothing stops before `min_epochs`.
    """

    patience: int
    min_delta: float
    min_epochs: int


@dataclass(frozen=True)
class FitPlan:
    """What is the same for every slot. `metric` ranks epochs on validation."""

    epochs: int
    first_eligible_epoch: int
    early_stopping: EarlyStopping | None
    metric: str
    direction: str
    task: Task = RECONSTRUCT


@dataclass(frozen=True)
class SlotReport:
    """One epoch of one trial: the same metrics on both parts, eval mode, weights at target.

    `train` also holds what only training has (a discriminator's loss), over the epoch's steps.
    """

    trial: int
    epoch: int
    train: dict[str, float]
    validation: dict[str, float]
    effective_beta: float | None
    """The KL weight at the end of the epoch, in units of half a sum of squares (losses.py)."""
    learning_rate: float
    gradient_norm: float | None
    """Before clipping, mean over the steps."""
    seconds: float
    """Wall-clock of the array's epoch divided by its slots."""


@dataclass(frozen=True)
class SlotEnd:
    """A trial is over.

    `value` is the validation metric at `best_epoch`, which the checkpoint replays to;
    `weights` the state dict of the plain twin there. Both None where no epoch was eligible
    or the trial diverged. `pictures` holds samples of the validation part in scaled units,
    [8, *shape]: `input`, `given`, `best`, `last` (the first eight), `worst_input`,
    `worst_given`, `worst_best`, `worst_index` (the eight with the largest squared error), and
    of the first eight `snapshots` [E, 8, *shape] at `snapshot_epochs` (trainers.snapshots).
    `evidence`: see trainers.evidence. `complexity`: see trainers.complexity.
    """

    trial: int
    state: EndState
    value: float | None
    best_epoch: int | None
    epochs: int
    stopped_early: bool
    train: dict[str, float] | None
    validation: dict[str, float] | None
    weights: dict[str, Tensor] | None
    pictures: dict[str, Tensor] | None
    message: str | None
    evidence: dict[str, Tensor] | None = None
    complexity: dict[str, float] | None = None


class TrainingData(Protocol):
    """What training reads of a data set (trainers.data.mapped.MappedData is one).

    raw = scaled * scale + offset.
    """

    @property
    def train(self) -> NDArray[np.float32]:
        """Scaled training part, [N, F]."""

    @property
    def validation(self) -> NDArray[np.float32]:
        """Scaled validation part, [N, F]."""

    @property
    def mean(self) -> NDArray[np.float32]:
        """[F] the mean scaled sample of the training part."""

    @property
    def kind(self) -> DataKind:
        """vector, image, text or table."""

    @property
    def tokens(self) -> Sequence[str]:
        """Text: the vocabulary; a token's id is its index."""

    @property
    def tokenizer(self) -> str:
        """Text: char, byte or word."""

    @property
    def columns(self) -> Sequence[Column]:
        """Tables: the spans of the columns."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""

    @property
    def low(self) -> float:
        """Smallest scaled value of the training part."""

    @property
    def high(self) -> float:
        """Largest scaled value of the training part."""

    @property
    def offset(self) -> NDArray[Any]:
        """[1] or [F]; float64, so that what is large against its spread keeps its digits."""

    @property
    def scale(self) -> NDArray[Any]:
        """[1] or [F], float64."""
