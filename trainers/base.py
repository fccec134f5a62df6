"""What a model array must offer: K models of one family side by side."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

from trainers.contract import (
    Config,
    EarlyStopping,
    EndState,
    FitPlan,
    Slot,
    SlotEnd,
    SlotReport,
    TrainingData,
)
from trainers.degradation import degrade
from trainers.draws import StepDraws
from trainers.intervals import SampleFigures
from trainers.knobs import FamilyParams
from trainers.layers import Layout, Pass
from trainers.noise import Noise
from trainers.plain.augmentation import augmentation_of
from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Problem

__all__ = [
    "Batch",
    "Config",
    "EarlyStopping",
    "EndState",
    "FitPlan",
    "MetricMeter",
    "ModelArray",
    "Player",
    "Slot",
    "SlotEnd",
    "SlotReport",
    "Step",
    "TrainingData",
]


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


class MetricMeter(Protocol):
    """Gathers metrics of K slots over one part of the data, chunk by chunk."""

    def add(self, samples: Tensor, outputs: Any) -> None:
        """Take in a chunk: targets [n, F] and what the array's `outputs` said of them."""

    def keep(self, figures: SampleFigures) -> None:
        """Tell `figures` what every sample gives, from now on; K = 1."""

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64."""

    def equivalent_variance(self) -> Tensor:
        """[K] the factor from beta to effective beta (losses.py)."""


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
        self.augmentation = augmentation_of([slot.config for slot in slots], self.device)
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
        given = degrade(self.problem, target, fill, self.noise, step.index)
        return self.blur(given, step)

    def blur(self, given: Given, step: Step) -> Given:
        """What the models see, with the noise of their augmentation on it."""
        if self.augmentation is None:
            return given
        return self.augmentation.given(given, self.draws(given.start, step))

    def augment(self, target: Tensor, step: Step) -> Tensor:
        """A training batch [K, B, F] before the task's corruption; other samples of its kind."""
        if self.augmentation is None:
            return target
        return self.augmentation.samples(self.problem.fields, target, self.draws(target, step))

    def draws(self, samples: Tensor, step: Step) -> StepDraws:
        """Random numbers of a step for samples [K, B, F]."""
        return StepDraws(self.noise, step.index, samples.shape[1])

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
    def meter(self, scale: Tensor) -> MetricMeter:
        """A fresh meter for one part of the data; `scale` [1] or [F] gives raw units."""

    @abstractmethod
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Any:
        """What the meter needs of n samples, [n, ...], eval mode; `chunk` keys the frozen noise."""

    @classmethod
    @abstractmethod
    def plain_twin(cls, config: Config, problem: Problem) -> PlainModel:
        """An untrained plain module of one config."""

    @classmethod
    @abstractmethod
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Any:
        """The same as `outputs`, by a plain twin, with K = 1."""
