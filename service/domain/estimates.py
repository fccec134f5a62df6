"""What a study would cost at most, computed before a byte is allocated."""

from collections.abc import Mapping
from typing import Any

from service.domain.catalog import Catalog, ParameterCounter
from service.domain.configuration import extremes
from service.domain.problems import problem_fields
from service.domain.records import DataHeader, Estimate
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec

MAX_PARAMETERS = 200_000_000
MAX_ARRAY_BYTES = 8 * 2**30

ARRAY_PARAMETERS = 1_000_000
"""Fusing pays on a CPU up to about this many parameters an array (measured; DESIGN.md 6).

A constant and not a look at the machine: composition must be the same everywhere (rule R2)."""
ARRAY_ACTIVATIONS = 1 << 27
"""So many numbers may the models of an array keep between forward and backward: 512 MiB.

A constant for the same reason. Maps of images pass it long before their few weights count:
64 x 64 pixels, 32 channels and 4 blocks take two thirds of it by themselves."""

BYTES_PER_FLOAT = 4
BYTES_PER_ACTIVATION = 5
"""Kept, with the gradients of those at work (measured: 4.7 of super_resolution)."""
COPIES_OF_WEIGHTS = 5
"""Weights, gradients, two moments, best weights."""


def estimate(resolved: ResolvedSpec, catalog: Catalog, header: DataHeader) -> Estimate:
    """The study's largest model, its largest array and its data, in numbers and bytes."""
    trials = resolved.trials
    parameters = max(
        largest(resolved, family, catalog, header, catalog.count_parameters)
        for family in resolved.families
    )
    slots = min(resolved.cohort_size, trials)

    def count(family: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
        return count_kept(catalog, family, config, problem, header.samples)

    kept = max(largest(resolved, family, catalog, header, count) for family in resolved.families)
    activations = max(kept, min(slots * kept, ARRAY_ACTIVATIONS))
    samples = header.samples + (header.test_samples or 0)
    return Estimate(
        trials=trials,
        cohorts=-(-trials // resolved.cohort_size),
        parameters_max=parameters,
        array_bytes_max=slots * parameters * BYTES_PER_FLOAT * COPIES_OF_WEIGHTS
        + activations * BYTES_PER_ACTIVATION,
        data_bytes=samples * header.features * BYTES_PER_FLOAT,
    )


def array_capacity(parameters: int, activations: int) -> int:
    """How many models of so many weights, each keeping so many numbers, train side by side."""
    by_weights = ARRAY_PARAMETERS // max(1, parameters)
    return max(1, min(by_weights, ARRAY_ACTIVATIONS // max(1, activations)))


def count_kept(
    catalog: Catalog,
    family: str,
    config: Mapping[str, Scalar],
    problem: Mapping[str, Any],
    samples: int,
) -> int:
    """Numbers that a model keeps in one step, whose batch is at most the `samples` there are."""
    batch = min(int(config["batch_size"]), samples)
    return catalog.count_activations(family, {**config, "batch_size": batch}, problem)


def largest(
    resolved: ResolvedSpec,
    family: str,
    catalog: Catalog,
    header: DataHeader,
    count: ParameterCounter,
) -> int:
    """The most that `count` finds in a model of the family in the space.

    Climbs from the upper corner, one parameter at a time: exact as long as no parameter
    shrinks it at one value of another and grows it at the next.
    """
    corners = {
        name: sorted(extremes(resolved, family, name), key=_order)
        for name in resolved.space
        if name in catalog.families[family].parameters
    }
    config: dict[str, Scalar] = {
        **resolved.defaults[family],
        **{name: values[-1] for name, values in corners.items()},
    }

    problem = problem_fields(header, resolved.task)

    def size(changed: Mapping[str, Scalar]) -> int:
        return count(family, {**config, **changed}, problem)

    best = size({})
    for name, values in corners.items():
        for value in values[:-1]:
            candidate = size({name: value})
            if candidate > best:
                best = candidate
                config[name] = value
    return best


def _order(value: Scalar) -> tuple[float, str]:
    """Numbers ascending, after everything else."""
    return (float(value) if isinstance(value, int | float) else float("-inf"), str(value))
