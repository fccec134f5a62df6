"""What is said of parameters and the gap: the direction, and only beyond chance."""

import pytest

from dashboards.figures.gap_against_parameters import summarise_gaps
from dashboards.figures.gap_panels import GapPanel, Gaps


def gaps(median: float, correlation: float, trials: int = 40) -> Gaps:
    """One parameter with a rank correlation with the gap."""
    panel = GapPanel("learning_rate", True, [], [], [], [], trials, correlation)
    return Gaps("mse", "% of train", True, [panel], trials, median, 0, 0)


@pytest.mark.parametrize(
    ("median", "correlation", "said"),
    [
        (0.2, -0.8, "it narrows most clearly with a higher learning_rate"),
        (0.2, 0.8, "it widens most clearly"),
        # Validation is the better one: a gap that falls goes away from 0.
        (-0.02, -0.8, "2 % better on validation; it falls most clearly"),
        (-0.02, 0.8, "it rises most clearly"),
    ],
)
def test_the_direction_is_that_of_the_gap(median: float, correlation: float, said: str) -> None:
    assert said in summarise_gaps(gaps(median, correlation))


def test_what_chance_gives_is_not_told() -> None:
    assert "beyond chance" in summarise_gaps(gaps(0.2, -0.31, 40))
    assert "narrows" in summarise_gaps(gaps(0.2, -0.31, 60))
    assert "so few trials" in summarise_gaps(gaps(0.2, -0.99, 6))
