"""What the figures need to know of a study's objectives and constraints."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dashboards.figures.paper import label
from service.domain.aims import BEST_STATES, COMPLEXITY, RATE
from service.domain.data import TEXT_METRIC
from service.domain.objectives import Constraint
from service.domain.studies import Study

DISTORTIONS = ("mse", TEXT_METRIC)
"""What a reconstruction loses: of numbers, and of texts, which have no mse."""


class Axis(NamedTuple):
    """A metric, as an axis shows it."""

    name: str
    unit: str
    minimize: bool = True

    @property
    def title(self) -> str:
        """`mse (scaled data, squared)`."""
        return label(self.name, self.unit)

    def loss(self, value: float) -> float:
        """Oriented so that smaller is better."""
        return value if self.minimize else -value


class AimFacts(NamedTuple):
    """Objectives, constraints, and the Pareto set as it stands in the study's record."""

    objectives: tuple[Axis, ...]
    constraints: tuple[Constraint, ...]
    distortions: tuple[Axis, ...]
    """mse, then what texts have instead; a study's trials report one of them."""
    costs: tuple[Axis, ...]
    """rate first, then parameters, macs, latency_seconds."""
    front: tuple[int, ...]
    """Numbers; empty where there is one objective."""
    knee: int | None

    @property
    def is_pareto(self) -> bool:
        """Whether the answer is a set."""
        return len(self.objectives) > 1

    @property
    def names(self) -> str:
        """`mse and kl`."""
        return " and ".join(axis.name for axis in self.objectives)

    def distortion(self, scores: Mapping[int, Mapping[str, float | None]]) -> Axis:
        """The distortion that the trials report; mse before any of them has."""
        return next(
            (
                axis
                for axis in self.distortions
                if any(each.get(axis.name) is not None for each in scores.values())
            ),
            self.distortions[0],
        )


def build_aims(study: Study, units: Mapping[str, str]) -> AimFacts:
    """The facts of a study; `units` of metrics as in the catalog."""
    aims = study.resolved.aims

    def axis(name: str, minimize: bool = True) -> Axis:
        return Axis(name, units.get(name, ""), minimize)

    best = study.best
    return AimFacts(
        objectives=tuple(axis(o.metric, o.direction == "minimize") for o in aims.objectives),
        constraints=tuple(aims.constraints),
        distortions=tuple(axis(name) for name in DISTORTIONS),
        costs=tuple(axis(name) for name in (RATE, *COMPLEXITY)),
        front=tuple(best.front) if best else (),
        knee=best.trial if best and best.front else None,
    )


def eligible_positions(
    states: Sequence[str], values: Sequence[float | None], feasible: Sequence[bool | None]
) -> list[int]:
    """Feasible trials with a value: finished ones, stopped ones if none finished."""
    for state in BEST_STATES:
        found = [
            position
            for position, value in enumerate(values)
            if value is not None and states[position] == state and feasible[position] is not False
        ]
        if found:
            return found
    return []


def score_names(study: Study) -> list[str]:
    """The metrics that the trade-off figures look at."""
    return list(dict.fromkeys([*study.resolved.aims.metrics, *DISTORTIONS, RATE, *COMPLEXITY]))
