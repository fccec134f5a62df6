"""Two to six trials of one study side by side: what their figures are given, and how they look."""

from typing import NamedTuple

from dashboards.figures.frame import StudyFacts, TrialFacts
from dashboards.figures.paper import BLUE, GOLD, ORANGE, PURPLE, RED, TEAL

MOST, FEWEST = 6, 2
LOOKS = (
    (BLUE, "circle"),
    (ORANGE, "square"),
    (TEAL, "diamond"),
    (PURPLE, "triangle-up"),
    (RED, "cross"),
    (GOLD, "triangle-down"),
)
"""Of the trials in their order: they differ by shape as well as by colour."""


class SideBySide(NamedTuple):
    """The study and the trials, in the order in which they were asked for."""

    study: StudyFacts
    trials: list[TrialFacts]


def say_list(parts: list[str]) -> str:
    """Nothing, `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1])] * (len(parts) > 1) + parts[-1:])
