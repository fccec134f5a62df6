"""What can be tuned: families, parameters and roles, metrics, samplers, pruners, data sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from service.domain.model import Record
from service.domain.space import Distribution, Scalar

Role: TypeAlias = Literal["optimisation", "capacity", "objective"]
"""optimisation: free to search. capacity: runs to its edge unless it costs something.
objective: a weight of the loss itself; degenerate under a single reconstruction objective
(DOMAIN.md truth 1)."""


class ParameterEntry(Record):
    """One parameter of a family: its role, default, and what it may be."""

    name: str
    role: Role
    default: Scalar
    default_range: Distribution | None
    """Searched when a study's space is empty; None: stays at its default."""
    allowed: Distribution
    """Every value or range in a space must lie inside this."""
    also_allowed: list[Scalar] = []
    """Values outside `allowed` that are fine too (`sigma: learned`)."""
    per_slot: bool
    """Whether trials that differ in it can still share an array."""
    needs: dict[str, list[Scalar]] = {}
    """It takes part only where these other parameters have one of these values
    (`channels` needs {architecture: [conv]})."""
    follows: str | None = None
    """The field of the task whose value is its default in studies of a task that has it."""
    description: str


class FamilyEntry(Record):
    """A kind of model, as the catalog shows it."""

    name: str
    title: str
    description: str
    likelihood: bool
    """Whether it has a KL term (a VAE); then `loss` has the role objective."""
    parameters: dict[str, ParameterEntry]
    metrics: list[str]
    """The metrics that its trials report, usable as an objective."""
    tasks: list[str] = ["reconstruct"]
    """Kinds of task that it can do."""
    data_kinds: list[str] = ["vector", "image", "table"]
    """Kinds of data that it takes."""


class LossEntry(Record):
    """A reconstruction loss that a family can train by (`loss`)."""

    name: str
    description: str
    assumes: str
    """What of the data or the errors makes it the right one."""
    density: bool = True
    """Whether it is a negative log-likelihood up to a constant: only then is there an ELBO."""
    unit_range: bool = False
    """Whether it needs data in [0, 1]."""
    logits: bool = False
    data_kinds: list[str]


class MetricEntry(Record):
    """A ranking metric."""

    name: str
    direction: Literal["minimize", "maximize"]
    unit: str
    reconstruction: bool
    """Whether it measures reconstruction alone (then roles of truth 1 apply)."""
    source: Literal["validation", "complexity"] = "validation"
    """Where a trial has it: among the metrics of its epochs, or in its complexity."""
    tasks: list[str] = []
    """The kinds of task that have it; empty: all of them."""
    data_kinds: list[str] = []
    """The kinds of data that have it; empty: all of them."""
    density: bool = False
    """Whether it needs a training loss that is a density."""
    description: str


class Choice(Record):
    """A named option of the catalog (sampler, pruner, data set)."""

    name: str
    description: str


class TaskField(Choice):
    """A field of a task, as a study's spec names it."""

    default: Scalar
    allowed: Distribution


class TaskEntry(Choice):
    """A kind of task: what is reconstructed from what."""

    fields: list[TaskField] = []
    data_kinds: list[str] = []
    """Kinds of data that it makes sense for."""


class Unbuildable(ValueError):
    """A family that cannot make a model of a config for this data, and what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


ParameterCounter: TypeAlias = Callable[[str, Mapping[str, Scalar], Mapping[str, Any]], int]
"""(family, complete config, problem) -> trainable parameters of one model; `problem` says what
data and task are (data.problem_fields). Raises Unbuildable."""

SignatureFunction: TypeAlias = Callable[[str, Mapping[str, Scalar]], str]
"""(family, complete config) -> what trials must share to train in one array."""


@dataclass(frozen=True)
class Catalog:
    """Every registered family and metric, and the torch-free functions over them."""

    families: dict[str, FamilyEntry]
    metrics: dict[str, MetricEntry]
    tasks: list[TaskEntry]
    samplers: list[Choice]
    pruners: list[Choice]
    datasets: list[Choice]
    count_parameters: ParameterCounter = field(repr=False)
    count_used: ParameterCounter = field(repr=False)
    """The same of a model in use, which is the metric `parameters`: no discriminator, but a
    codebook."""
    count_activations: ParameterCounter = field(repr=False)
    """Numbers that one training step of one model keeps for its backward pass; 0: unknown."""
    signature: SignatureFunction = field(repr=False)
    losses: dict[str, LossEntry] = field(default_factory=dict)
