"""Every registered family by name; models load lazily, so that the catalog needs no torch.

A package adds a family with an entry point in the group `hifitune.families` whose object is a
`Family`; its name must be new.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from service.domain.catalog import Catalog, Choice, FamilyEntry
from service.domain.space import Scalar
from trainers.families import BUILT_IN
from trainers.family import Family
from trainers.loss_catalog import LOSSES
from trainers.metric_catalog import METRICS
from trainers.problem import Problem
from trainers.task_catalog import TASK_METRICS, TASKS, task_metrics
from trainers.text_catalog import TEXT_METRICS

if TYPE_CHECKING:
    from trainers.base import ModelArray

__all__ = ["BUILT_IN", "Family", "catalog", "families", "find_family", "load_family", "signature"]

ENTRY_POINT_GROUP = "hifitune.families"

_SAMPLERS = [
    Choice(name="tpe", description="Tree-structured Parzen estimator: learns where good is."),
    Choice(name="random", description="Independent draws from the space."),
    Choice(name="grid", description="Every cell of a discrete space once."),
    Choice(name="gp", description="Gaussian process with expected improvement, for few trials."),
]
_PRUNERS = [
    Choice(name="halving", description="At each rung the best 1/reduction_factor go on."),
    Choice(name="median", description="At each rung what is worse than the median ends."),
    Choice(name="none", description="Every trial runs to its end."),
]
_DATASETS = [
    Choice(name="digits", description="1,797 handwritten digits of 8 x 8 pixels, built in."),
]


@cache
def families() -> dict[str, Family]:
    """Every family by name: built-in ones first, then installed packages by name.

    Raises TypeError or ValueError naming a package whose entry point is not a new Family.
    """
    found = {family.name: family for family in BUILT_IN}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda item: item.name):
        family = point.load()
        if not isinstance(family, Family):
            raise TypeError(f"{point.value} ({ENTRY_POINT_GROUP}) is not a trainers Family")
        if family.name in found:
            raise ValueError(f"{point.value}: there is already a family {family.name!r}")
        found[family.name] = family
    return found


def find_family(name: str) -> Family:
    """A family by name. Raises KeyError that lists the known ones."""
    known = families()
    if name not in known:
        raise KeyError(f"no family {name!r}; there are {', '.join(known)}")
    return known[name]


def load_family(name: str) -> "type[ModelArray]":
    """The array class of a family; imports torch."""
    module, _, attribute = find_family(name).array.partition(":")
    array: type[ModelArray] = getattr(import_module(module), attribute)
    return array


def count_parameters(name: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
    """Trainable parameters of one model of a family; `problem` as Problem.to_json gives it."""
    return find_family(name).count_parameters(config, Problem.from_json(problem))


def signature(name: str, config: Mapping[str, Scalar]) -> str:
    """What trials must share to train in one array: the family and its structural parameters."""
    structure = find_family(name).params.structure(config)
    return f"{name} {json.dumps(structure, sort_keys=True, separators=(',', ':'))}"


@cache
def catalog() -> Catalog:
    """Everything that can be asked for."""
    return Catalog(
        families={
            family.name: FamilyEntry(
                name=family.name,
                title=family.title,
                description=family.description,
                likelihood=family.likelihood,
                parameters=family.params.entries(),
                metrics=[*family.metrics, *task_metrics(family.tasks)],
                tasks=list(family.tasks),
                data_kinds=list(family.data),
            )
            for family in families().values()
        },
        metrics={metric.name: metric for metric in (*METRICS, *TEXT_METRICS, *TASK_METRICS)},
        tasks=TASKS,
        samplers=_SAMPLERS,
        pruners=_PRUNERS,
        datasets=_DATASETS,
        count_parameters=count_parameters,
        signature=signature,
        losses={loss.name: loss for loss in LOSSES},
    )
