"""Rules of the linter about finished trials: edges of ranges, collapse, divergence."""

from collections.abc import Callable, Iterator, Sequence
from math import comb, log
from statistics import median
from typing import NamedTuple, TypeAlias

from service.domain.aims import best_trials
from service.domain.catalog import Catalog
from service.domain.parameters import owners
from service.domain.records import Notice, Trial
from service.domain.space import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Params,
    Scalar,
    contains,
    distributions,
    varies,
)
from service.domain.spec import ResolvedSpec
from service.domain.states import TERMINAL_TRIAL_STATES, TrialState

ResultRule: TypeAlias = Callable[[ResolvedSpec, Catalog, Sequence[Trial]], Iterator[Notice]]

BEST = 3
EDGE = 0.05
"""The outer twentieth of a range is its edge."""
BY_CHANCE = 0.05
"""Of studies whose values have nothing to do with the parameters: how many may name an edge."""
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED)
"""Trials that say something of their params."""
MANY_DIVERGED = 0.25


class Edge(NamedTuple):
    """A range on whose end the best trials lie, although it could be wider."""

    parameter: str
    upper: bool
    values: list[float | int]
    """Of the best trials, the best first."""
    sitting: int
    """How many of them lie on the edge."""
    beyond: float | int
    """A value outside the range, a good step further, that every family allows."""

    @property
    def end(self) -> str:
        """`upper` or `lower`."""
        return "upper" if self.upper else "lower"

    @property
    def claim(self) -> str:
        """`2 of the best 3 trials sit on the upper edge of dropout`."""
        best = len(self.values)
        return f"{self.sitting} of the best {best} trials sit on the {self.end} edge of " + (
            self.parameter
        )


def find_edges(
    resolved: ResolvedSpec, catalog: Catalog, ranked: Sequence[Params], leading: int = BEST
) -> Iterator[Edge]:
    """The median of the best trials lies on the edge of a range that could be wider.

    And not by chance: more of the best quarter lie there than trials drawn from all would, in
    one of twenty studies that look at as many ranges. `ranked`: params of all ended trials, the
    best first; `leading` of them are the best (of a Pareto set: all its members, no quarter).
    """
    families = [catalog.families[name] for name in resolved.families]
    ranges = {name: entry for name, entry in distributions(resolved.space).items() if varies(entry)}
    for name, entry in ranges.items():
        found = [_place(entry, params[name]) if name in params else None for params in ranked]
        places = [place for place in found[:leading] if place is not None]
        if len(places) < BEST:
            continue
        middle = median(places)
        if EDGE < middle < 1 - EDGE:
            continue
        upper = middle >= 1 - EDGE
        allowed = [family.parameters[name].allowed for family in owners(name, entry, families)]
        beyond = _clip(_beyond(entry, upper), allowed)
        if beyond is None or contains(entry, beyond):
            continue
        on_edge = [
            (place >= 1 - EDGE if upper else place <= EDGE) for place in found if place is not None
        ]
        good = leading if resolved.aims.is_pareto else max(leading, len(ranked) // 4)
        inside = sum(place is not None for place in found[:good])
        if _probability(on_edge, inside) > BY_CHANCE / len(ranges):
            continue
        values = [params[name] for params in ranked[:leading] if name in params]
        numbers = [value for value in values if isinstance(value, int | float)]
        yield Edge(name, upper, numbers, sum(on_edge[: len(places)]), beyond)


def _probability(marked: Sequence[bool], first: int) -> float:
    """That as many of `first` drawn at random would be marked as of the first (hypergeometric)."""
    every, marks, seen = len(marked), sum(marked), sum(marked[:first])
    ways = sum(
        comb(marks, hits) * comb(every - marks, first - hits)
        for hits in range(seen, min(marks, first) + 1)
    )
    return ways / comb(every, first)


def warn_of_edges(
    resolved: ResolvedSpec, catalog: Catalog, trials: Sequence[Trial]
) -> Iterator[Notice]:
    """More of the best trials than by chance lie on the edge of a range that could be wider."""
    best = best_trials(resolved.aims, trials)
    chosen = {trial.number for trial in best}
    others = [t for t in trials if t.state in ENDED and t.number not in chosen]
    ranked = [trial.params for trial in (*best, *others)]
    leading = len(best) if resolved.aims.is_pareto else min(BEST, len(best))
    for edge in find_edges(resolved, catalog, ranked, leading):
        yield Notice(
            code="edge-of-range",
            pointer=f"/space/{edge.parameter}",
            message=f"{edge.claim}: " + ", ".join(f"{value:g}" for value in edge.values),
            remedy=f"widen {edge.parameter} beyond its {edge.end} end, for example to "
            f"{edge.beyond:g}, and search again",
        )


def warn_of_collapsed_winner(
    resolved: ResolvedSpec, catalog: Catalog, trials: Sequence[Trial]
) -> Iterator[Notice]:
    """The winner has no active unit: it gives the mean sample (truth 7)."""
    for winner in best_trials(resolved.aims, trials)[:1]:
        if winner.metrics and winner.metrics.validation.get("active_units") == 0:
            yield Notice(
                code="collapsed-winner",
                pointer="/space",
                message=f"trial {winner.number} won with 0 active units: its code says nothing "
                "about the input",
                remedy="lower beta, or use loss: gaussian with sigma: learned",
            )


def warn_of_untaught_winner(
    resolved: ResolvedSpec, catalog: Catalog, trials: Sequence[Trial]
) -> Iterator[Notice]:
    """The winner was still learning, or is worse than PCA."""
    for winner in best_trials(resolved.aims, trials)[:1]:
        if winner.verdict and winner.verdict.kind == "underfit":
            yield Notice(
                code="underfit-winner",
                pointer="/training/epochs",
                message=f"trial {winner.number} won, but: {winner.verdict.sentence}",
                remedy="train for more epochs, or allow larger models and rates",
            )


def warn_of_divergence(
    resolved: ResolvedSpec, catalog: Catalog, trials: Sequence[Trial]
) -> Iterator[Notice]:
    """Many trials were lost to infinite losses."""
    over = [trial for trial in trials if trial.state in TERMINAL_TRIAL_STATES]
    diverged = [trial for trial in over if trial.state is TrialState.DIVERGED]
    if diverged and len(diverged) >= MANY_DIVERGED * len(over):
        yield Notice(
            code="many-diverged",
            pointer="/space/learning_rate" if "learning_rate" in resolved.space else "/space",
            message=f"{len(diverged)} of {len(over)} trials diverged",
            remedy="lower the upper end of learning_rate",
        )


def _place(entry: Distribution, value: Scalar) -> float | None:
    """Where a value lies in a range: 0 is its lower end, 1 its upper; None: it has no order."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(entry, CategoricalDistribution):
        choices = _numbers(entry)
        if len(choices) < BEST or len(choices) < len(entry.choices):
            return None
        return choices.index(value) / (len(choices) - 1)
    if entry.log:
        return log(value / entry.low) / log(entry.high / entry.low)
    return (value - entry.low) / (entry.high - entry.low)


def _beyond(entry: Distribution, upper: bool) -> float | int:
    """A value outside a range, a good step further."""
    if isinstance(entry, CategoricalDistribution):
        choices = _numbers(entry)
        end, inner = (choices[-1], choices[-2]) if upper else (choices[0], choices[1])
        value = end * end / inner if min(choices) > 0 else 2 * end - inner
    else:
        low, high = entry.low, entry.high
        if entry.log:
            value = high * 3 if upper else low / 3
        else:
            value = high + (high - low) / 2 if upper else low - (high - low) / 2
    whole = isinstance(entry, IntDistribution) or (
        isinstance(entry, CategoricalDistribution)
        and all(isinstance(choice, int) for choice in entry.choices)
    )
    if isinstance(entry, FloatDistribution) or not whole:
        return value
    return round(value)


def _clip(value: float | int, allowed: Sequence[Distribution]) -> float | int | None:
    """The value inside what every family allows; None where that is no range."""
    for bounds in allowed:
        if isinstance(bounds, CategoricalDistribution):
            return value if contains(bounds, value) else None
        value = max(bounds.low, min(value, bounds.high))
    return value


def _numbers(entry: CategoricalDistribution) -> list[float | int]:
    return sorted(
        choice
        for choice in entry.choices
        if isinstance(choice, int | float) and not isinstance(choice, bool)
    )


RESULT_RULES: tuple[ResultRule, ...] = (
    warn_of_edges,
    warn_of_collapsed_winner,
    warn_of_untaught_winner,
    warn_of_divergence,
)
