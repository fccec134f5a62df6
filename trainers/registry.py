"""Every registered family by name; models load lazily, so that the catalog needs no torch.

A package adds a family with an entry point in the group `hifitune.families` whose object is a
`Family` in a module that loads no torch, or a class of modules (trainers.own); the operator adds
modules of their own by `use_sources`. Names must be new.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from service.domain.catalog import Catalog, Choice, FamilyEntry
from service.domain.space import Scalar
from trainers.families import BUILT_IN
from trainers.family import Family
from trainers.loss_catalog import LOSSES
from trainers.metric_catalog import METRICS
from trainers.own.description import OwnDescription, OwnFamilyError
from trainers.own.families import own_family
from trainers.own.probe import Probe
from trainers.problem import Problem
from trainers.task_catalog import TASK_METRICS, TASKS, task_metrics
from trainers.text_catalog import TEXT_METRICS

if TYPE_CHECKING:
    from trainers.base import ModelArray

__all__ = [
    "BUILT_IN",
    "Family",
    "catalog",
    "check_made_of",
    "close",
    "families",
    "find_family",
    "fingerprints",
    "load_family",
    "remembered_family",
    "signature",
    "use_sources",
    "version_key",
]

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
    Choice(name="digits", description="1,797 handwritten digits of 8 x 8 pixels."),
    Choice(name="photos", description="2,080 colour patches of 16 x 16 from two photographs."),
    Choice(name="breast_cancer", description="569 tumours: 30 measurements and the diagnosis."),
    Choice(name="diabetes", description="442 patients: 11 numbers and the sex."),
    Choice(name="iris", description="150 flowers: four measurements and the species."),
    Choice(name="wine", description="178 wines: 13 measurements and the cultivar."),
    Choice(name="unicode_names", description="9,218 names of characters of at most 31 letters."),
]


_sources: list[str] = []
_probe = Probe()


def use_sources(sources: Sequence[str]) -> None:
    """The operator's own modules, `file.py:Class`, as families from now on, and no others."""
    if list(sources) == _sources:
        return
    _sources[:] = sources
    families.cache_clear()
    catalog.cache_clear()


def close() -> None:
    """End the process that looks at modules; it is started again when it is needed."""
    _probe.close()


@cache
def families() -> dict[str, Family]:
    """Every family by name: built-in ones, installed packages by name, the operator's own.

    Raises OwnFamilyError for a module that cannot be a family, TypeError or ValueError naming a
    package whose entry point is not a new Family.
    """
    found = {family.name: family for family in BUILT_IN}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda item: item.name):
        family = _installed(point)
        if family.name in found:
            raise ValueError(f"{point.value}: there is already a family {family.name!r}")
        found[family.name] = family
    for source in _sources:
        family = own_family(_probe.describe(source), _probe)
        if family.name in found:
            raise OwnFamilyError(
                source, f"there is already a family {family.name!r}", "rename the class"
            )
        found[family.name] = family
    return found


def _installed(point: EntryPoint) -> Family:
    # Modules are looked at elsewhere: loading one here would load torch.
    description = _probe.describe_module(point.value)
    if description is not None:
        return own_family(description, _probe)
    family = point.load()
    if not isinstance(family, Family):
        raise TypeError(f"{point.value} ({ENTRY_POINT_GROUP}) is not a trainers Family")
    return family


def fingerprints() -> dict[str, str]:
    """What the families of one's own are made of: `family NAME` -> the start of a hash."""
    return {
        version_key(family.name): family.own.fingerprint[:16]
        for family in families().values()
        if family.own is not None
    }


def check_made_of(name: str, recorded: str | None) -> None:
    """Raise OwnFamilyError for a family of one's own that is not made of what a study recorded.

    What is trained would not be what its versions, and the model taken away, show.
    """
    own = find_family(name).own
    if recorded is None or own is None or fingerprints()[version_key(name)] == recorded:
        return
    raise OwnFamilyError(
        own.source,
        "it has changed since the service was started, or since the study was submitted",
        "restart the service and submit the study again, or bring the file back as it was",
    )


def version_key(name: str) -> str:
    """Under which a study's versions say what a family of one's own was made of."""
    return f"family {name}"


def remembered_family(description: OwnDescription) -> Family:
    """A family of one's own as it once was; its models can be packed, not trained."""
    return own_family(description, _probe)


def find_family(name: str) -> Family:
    """A family by name. Raises KeyError that lists the known ones."""
    known = families()
    if name not in known:
        raise KeyError(f"no family {name!r}; there are {', '.join(known)}")
    return known[name]


def load_family(name: str) -> "type[ModelArray]":
    """The array class of a family; imports torch."""
    family = find_family(name)
    if family.own is not None:
        own: type[ModelArray] = import_module("trainers.own.array").own_array(family)
        return own
    module, _, attribute = family.array.partition(":")
    array: type[ModelArray] = getattr(import_module(module), attribute)
    return array


def count_parameters(name: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
    """Trainable parameters of one model of a family; `problem` as Problem.to_json gives it."""
    return find_family(name).count_parameters(config, Problem.from_json(problem))


def count_used(name: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
    """Weights of one model in use: what a trial reports as `parameters`."""
    family = find_family(name)
    return (family.count_used or family.count_parameters)(config, Problem.from_json(problem))


def count_activations(name: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
    """Numbers that one training step of one model keeps for its backward pass."""
    return find_family(name).count_activations(config, Problem.from_json(problem))


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
        count_used=count_used,
        count_activations=count_activations,
        signature=signature,
        losses={loss.name: loss for loss in LOSSES},
    )
