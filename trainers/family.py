"""Family: a kind of model, as it is registered. Torch-free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.domain.space import Scalar
from trainers.activations import count_activations
from trainers.knobs import FamilyParams
from trainers.metric_catalog import NUMBER_METRICS
from trainers.own.description import OwnDescription
from trainers.problem import Problem


@dataclass(frozen=True)
class Family:
    """A kind of model: its parameters, and where its torch code is."""

    name: str
    title: str
    description: str
    params: type[FamilyParams]
    array: str
    """`module:Class` of its ModelArray."""
    plain: str
    """Module of its plain twin, which imports nothing of ours and travels with the model."""
    count_parameters: Callable[[Mapping[str, Scalar], Problem], int]
    """(complete config, problem) -> trainable parameters of one model."""
    count_used: Callable[[Mapping[str, Scalar], Problem], int] | None = None
    """The same of a model in use (the metric `parameters`): without what only training needs, and
    with what is no trainable parameter. None: as many."""
    count_activations: Callable[[Mapping[str, Scalar], Problem], int] = count_activations
    """Numbers that one training step of one model keeps for its backward pass."""
    metrics: tuple[str, ...] = NUMBER_METRICS
    likelihood: bool = False
    """Whether it has a KL term."""
    tasks: tuple[str, ...] = ("reconstruct", "denoise", "inpaint", "super_resolve")
    """Kinds of task that it can do."""
    data: tuple[str, ...] = ("vector", "image", "table")
    """Kinds of data that it takes."""
    own: OwnDescription | None = None
    """Of an ordinary module that is a family: where it comes from."""
