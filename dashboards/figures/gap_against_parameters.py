"""The gap between train and validation against what is searched and is no regulariser.

Regularisers have a figure of their own (regularisers.py); no panel is shown twice.
"""

from dashboards.figures.figure import Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.gap_panels import (
    Gaps,
    is_regulariser,
    prepare_panels,
    say_median_gap,
    searched,
)
from dashboards.figures.paper import number
from dashboards.figures.rank_correlation import exceeds_chance
from dashboards.figures.regularisers import FEWEST, NOTABLE
from service.domain.catalog import Catalog
from service.domain.space import distributions, varies
from service.domain.spec import ResolvedSpec


def searches_others(resolved: ResolvedSpec, catalog: Catalog) -> bool:
    """Whether a study searches anything that is no regulariser."""
    return resolved.family_is_searched or any(
        varies(entry) and not is_regulariser(name)
        for name, entry in distributions(resolved.space).items()
    )


def prepare_gaps(frame: StudyFrame) -> Gaps | Waiting:
    """Trials that ended by themselves, with a value on both parts."""
    names = searched(frame)
    others = [name for name in names if not is_regulariser(name)]
    if not names:
        return Waiting("This study searches no parameter: there is nothing to compare.")
    if not others:
        return Waiting(
            "All parameters that this study searches are regularisers: "
            "see gap_against_regularisers."
        )
    return prepare_panels(frame, others)


def summarise_gaps(data: Gaps) -> str:
    """One sentence: the median gap, and what moved it most."""
    start = say_median_gap(data)
    told = [panel for panel in data.panels if panel.correlation is not None]
    if not told or data.trials < FEWEST:
        return f"{start}; with so few trials nothing can be said of what moves it."
    strongest = max(told, key=lambda panel: abs(panel.correlation or 0.0))
    correlation = strongest.correlation or 0.0
    sure = exceeds_chance(correlation, strongest.having, len(told))
    if abs(correlation) < NOTABLE or not sure:
        return (
            f"{start}; no parameter that is no regulariser moved it beyond chance "
            f"(the strongest is {strongest.parameter}, rank correlation "
            f"{number(round(correlation, 2))})."
        )
    # Below zero validation is the better one: there is no gap that could narrow.
    ways = ("falls", "rises") if data.median < 0 else ("narrows", "widens")
    way = ways[correlation > 0]
    return (
        f"{start}; it {way} most clearly with a higher {strongest.parameter} "
        f"(rank correlation {number(round(correlation, 2))})."
    )
