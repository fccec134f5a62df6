"""Whether a parameter has a price: whether models get larger by it."""

from service.domain.catalog import Catalog, FamilyEntry
from service.domain.configuration import extremes
from service.domain.data import DataHeader
from service.domain.problems import problem_fields
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec


def sizes_differ(
    resolved: ResolvedSpec, family: FamilyEntry, name: str, catalog: Catalog, header: DataHeader
) -> bool:
    """Whether models of a family differ in size between the extremes of a searched parameter.

    MACs and latency go with the size. Where it cannot be counted (a convolution of no images,
    which is refused elsewhere) it counts as different.
    """
    config: dict[str, Scalar] = {**resolved.defaults[family.name]}
    for other in resolved.space:
        if other in family.parameters:
            config[other] = extremes(resolved, family.name, other)[0]
    # It takes part: what it needs is as it needs it.
    config |= {other: values[0] for other, values in family.parameters[name].needs.items()}
    problem = problem_fields(header, resolved.task)
    try:
        counts = {
            catalog.count_used(family.name, {**config, name: value}, problem)
            for value in extremes(resolved, family.name, name)
        }
    except ValueError:
        return True
    return len(counts) > 1
