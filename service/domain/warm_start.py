"""Where a study begins that knows of earlier ones: their best configs, as far as they fit. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from service.domain.catalog import Catalog
from service.domain.enqueue_checks import fit_params
from service.domain.records import Notice
from service.domain.space import FAMILY, Params, Scalar, distributions
from service.domain.spec import ResolvedSpec
from service.domain.strategies import GridSampler
from service.errors import FieldError, InvalidSpec

MOST = 5
"""Configs taken from earlier studies at most, and no more than a tenth of the trials: on an
unrelated task they are all that is lost (measured: benchmarks/warm_start.py)."""


class Earlier(NamedTuple):
    """What another study has found."""

    name: str
    configs: list[Mapping[str, Scalar]]
    """Complete, `family` among them; best first."""


def warmed(
    resolved: ResolvedSpec, catalog: Catalog, earlier: Sequence[Earlier]
) -> tuple[ResolvedSpec, list[Notice]]:
    """The spec with what `warm_start` brings enqueued after the user's own entries.

    The best configs of earlier studies take turns. Of a config those parameters are taken that
    the space searches and contains; the sampler chooses the others. What has nothing to give is
    left out, and said.
    """
    wish = resolved.warm_start
    if wish is None:
        return resolved, []
    if isinstance(resolved.sampler, GridSampler):
        raise InvalidSpec(
            [
                FieldError(
                    pointer="/warm_start",
                    reason="a grid tries every cell once, in a fixed order: nothing goes before it",
                    remedy="leave warm_start out, or use the random, the tpe or the gp sampler",
                )
            ]
        )
    known: list[Params] = list(resolved.enqueue)
    idle = []
    for index, config in enumerate(wish.configs):
        if not _take(config, resolved, catalog, known, resolved.trials):
            idle.append(f"config {index}")
    most = min(len(known) + max(1, min(MOST, resolved.trials // 10)), resolved.trials)
    longest = max((len(each.configs) for each in earlier), default=0)
    used = {
        each.name
        for place in range(longest)
        for each in earlier
        if place < len(each.configs) and _take(each.configs[place], resolved, catalog, known, most)
    }
    idle += [f"study {each.name}" for each in earlier if each.name not in used]
    notices = [
        Notice(
            code="warm-start-unused",
            pointer="/warm_start",
            message=f"nothing of {', '.join(idle)} is tried first: other families, values outside "
            "of this space, the same as another entry, or no room",
            remedy="widen the space, or leave them out",
        )
    ]
    found = resolved.model_copy(update={"enqueue": known})
    return found, notices if idle else []


def _take(
    config: Mapping[str, Scalar],
    resolved: ResolvedSpec,
    catalog: Catalog,
    known: list[Params],
    most: int,
) -> bool:
    """Add what fits of a config; whether there is something new in it."""
    fitted = fit_loosely(config, resolved, catalog)
    if not fitted or fitted in known or len(known) >= most:
        return False
    known.append(fitted)
    return True


def fit_loosely(config: Mapping[str, Scalar], resolved: ResolvedSpec, catalog: Catalog) -> Params:
    """The searched parameters of a config that this space can take, as a sampler writes them."""
    families = [catalog.families[name] for name in resolved.families]
    searched = distributions(resolved.space)
    family = config.get(FAMILY)
    if family is not None and family not in resolved.families:
        return {}
    kept = {
        name: value
        for name, value in config.items()
        if name in searched or (name == FAMILY and resolved.family_is_searched)
    }
    while kept:
        fitted, errors = fit_params(kept, resolved, families)
        wrong = {error.pointer.removeprefix("/") for error in errors}
        if not wrong:
            return {} if set(fitted) == {FAMILY} and searched else fitted
        kept = {name: value for name, value in kept.items() if name not in wrong}
    return {}
