"""What a drawing of the best so far shows: dots by state, and the steps of the best."""

from typing import NamedTuple


class Dots(NamedTuple):
    """The trials of one state; `y` of a trial without a value is the worst value shown."""

    state: str
    x: list[float]
    y: list[float]
    numbers: list[int]
    values: list[float | None]


class BestSoFar(NamedTuple):
    """What is drawn: dots by state, the steps of the best, and the baselines to beat."""

    x_title: str
    y_title: str
    log: bool
    y_range: list[float] | None
    dots: list[Dots]
    step_x: list[float]
    step_y: list[float]
    baselines: list[tuple[str, float]]
    best_number: int | None
    best_value: float | None
    reached: str
    """When, in words; empty against trials, whose number says it."""
    improvements: int
    ended: int
    planned: int
    unfinished: str
    front: str = ""
    """Of several objectives: how large the Pareto set is, and its knee."""
