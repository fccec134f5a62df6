"""What a study would cost at most, computed before a byte is allocated."""

from collections.abc import Mapping

from service.domain.catalog import Catalog
from service.domain.configuration import extremes
from service.domain.problems import problem_fields
from service.domain.records import DataHeader, Estimate
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec

MAX_PARAMETERS = 200_000_000
MAX_ARRAY_BYTES = 8 * 2**30

BYTES_PER_FLOAT = 4
COPIES_OF_WEIGHTS = 5
"""Weights, gradients, two moments, best weights."""


def estimate(resolved: ResolvedSpec, catalog: Catalog, header: DataHeader) -> Estimate:
    """The study's largest model, its largest array and its data, in numbers and bytes."""
    trials = resolved.trials
    parameters = max(
        largest_model(resolved, family, catalog, header) for family in resolved.families
    )
    slots = min(resolved.cohort_size, trials)
    samples = header.samples + (header.test_samples or 0)
    return Estimate(
        trials=trials,
        cohorts=-(-trials // resolved.cohort_size),
        parameters_max=parameters,
        array_bytes_max=slots * parameters * BYTES_PER_FLOAT * COPIES_OF_WEIGHTS,
        data_bytes=samples * header.features * BYTES_PER_FLOAT,
    )


def largest_model(resolved: ResolvedSpec, family: str, catalog: Catalog, header: DataHeader) -> int:
    """Trainable parameters of the family's largest model in the space.

    Climbs from the upper corner, one parameter at a time: exact as long as no parameter
    shrinks the model at one value of another and grows it at the next.
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
        return catalog.count_parameters(family, {**config, **changed}, problem)

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
