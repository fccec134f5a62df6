"""The words of training: slots, plans, reports, and what a model array must offer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.degradation import degrade
from trainers.knobs import FamilyParams
from trainers.layers import Layout, Pass
from trainers.metrics import Meter, Outputs
from trainers.noise import Noise
from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Column, DataKind, Problem
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
    `worst_given`, `worst_best`, `worst_index` (the eight with the largest squared error).
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


@dataclass(frozen=True)
class Batch:
    """Samples of one step: what is to be reconstructed, [K, B, F], and what the models see."""

    target: Tensor
    given: Given


@dataclass(frozen=True)
class Player:
    """Weights that one optimizer steps by one loss; most families have a single player."""

    name: str
    columns: slice
    """Of the weight matrix."""
    rates: tuple[float, ...] | None = None
    """A factor on each slot's learning rate; None: 1."""


@dataclass(frozen=True)
class Step:
    """Where training stands: epoch from 1, step of the epoch from 0."""

    epoch: int
    index: int
    kl_share: Tensor
    """[K] the share of beta that the KL is charged now (its warm-up)."""


class ModelArray(ABC):
    """K models of one family and one signature, trained side by side.

    All weights lie in one matrix [K, P], all buffers in one [K, Q]: row k is slot k. Nothing
    may mix rows; then a trial is the same alone or in company (rule R3), and compaction,
    snapshots and saved state are row selections. A family declares its layers in `build`,
    names them as its plain twin does, and computes a loss per slot.
    """

    params_class: ClassVar[type[FamilyParams]]

    def __init__(
        self,
        slots: Sequence[Slot],
        problem: Problem,
        device: torch.device | None = None,
        *,
        initialise: bool = True,
    ) -> None:
        self.slots = list(slots)
        self.problem = problem
        self.features = problem.features
        self.device = device or torch.device("cpu")
        self.params = [self.params_class.model_validate(dict(slot.config)) for slot in slots]
        self.noise = Noise([slot.seed for slot in slots], self.device)
        self.layout = Layout()
        self.buffers = Layout()
        self.build()
        count = len(self.slots)
        self.state = self.buffers.constants(count, self.device)
        self.weights = torch.zeros(count, self.layout.size, device=self.device)
        if initialise:
            self.initialise()
        self.bind()

    def initialise(self) -> None:
        """Fill `weights` with what training starts from, keyed by the slots' seeds."""
        self.weights = self.layout.initial(self.noise)

    def bind(self) -> None:
        """Make `weights` the leaf of differentiation and `state` the live buffers."""
        self.weights = self.weights.detach().requires_grad_()
        self.state_views = self.buffers.split(self.state)

    def column(self, name: str) -> Tensor:
        """A numeric parameter of every slot, [K]."""
        values = [float(getattr(params, name)) for params in self.params]
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def select(self, rows: Sequence[int]) -> Self:
        """The array of a subset of the slots, in the order of `rows`."""
        index = torch.tensor(list(rows), dtype=torch.int64, device=self.device)
        chosen = type(self)(
            [self.slots[row] for row in rows], self.problem, self.device, initialise=False
        )
        chosen.weights = self.weights.detach().index_select(0, index)
        chosen.state = self.state.index_select(0, index)
        chosen.bind()
        return chosen

    def training_pass(self, step: Step) -> Pass:
        """Views of the weights for one forward pass in training mode."""
        return Pass(
            self.layout.split(self.weights), self.state_views, noise=self.noise, step=step.index
        )

    def evaluation_pass(self) -> Pass:
        """Views of the weights for a forward pass in eval mode."""
        return Pass(self.layout.split(self.weights.detach()), self.state_views)

    def export(self, row: int, weights: Tensor, state: Tensor) -> dict[str, Tensor]:
        """The plain twin's state dict of one row of a weight and a buffer matrix."""
        return {
            **self.layout.export(weights[row]),
            **self.buffers.export(state[row]),
            **self.constant_buffers(),
        }

    def constant_buffers(self) -> dict[str, Tensor]:
        """Buffers of the plain twin that are the same for every model."""
        suffix = "running_mean"
        return {
            f"{entry.name.removesuffix(suffix)}num_batches_tracked": torch.tensor(0)
            for entry in self.buffers.entries
            if entry.name.endswith(suffix)
        }

    @abstractmethod
    def build(self) -> None:
        """Declare the layers in `self.layout` and the buffers in `self.buffers`."""

    @property
    def players(self) -> tuple[Player, ...]:
        """Who is trained, in the order in which they step in every batch."""
        return (Player("model", slice(0, self.layout.size)),)

    def training_given(self, target: Tensor, step: Step, fill: Tensor) -> Given:
        """What the models see of a training batch [K, B, F]: the task's fresh corruption."""
        return degrade(self.problem, target, fill, self.noise, step.index)

    def augment(self, target: Tensor, step: Step) -> Tensor:
        """A training batch [K, B, F] before the task's corruption; other samples of its kind."""
        return target

    @abstractmethod
    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """The loss of a player for each slot, [K], mean over its batch."""

    def begin_epoch(self) -> None:  # noqa: B027
        """Reset what is gathered over an epoch."""

    def end_epoch(self) -> None:  # noqa: B027
        """Freeze into `state` what training has learned by statistics (sigma)."""

    def epoch_terms(self) -> dict[str, Tensor]:
        """What only training has, over the steps of the epoch: name -> [K]."""
        return {}

    @abstractmethod
    def meter(self, scale: Tensor) -> Meter:
        """A fresh meter for one part of the data; `scale` [1] or [F] gives raw units."""

    @abstractmethod
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """What metrics need of n samples, [n, ...], eval mode; `chunk` keys the frozen noise."""

    @classmethod
    @abstractmethod
    def plain_twin(cls, config: Config, problem: Problem) -> PlainModel:
        """An untrained plain module of one config."""

    @classmethod
    @abstractmethod
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin, with K = 1."""
