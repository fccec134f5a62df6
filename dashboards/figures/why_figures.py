"""The part of the registry about which parameters decide."""

from typing import Any

from dashboards.figures.contour import (
    prepare_contour,
    searches_a_plane,
    summarise_contour,
    tabulate_contour,
)
from dashboards.figures.contour_drawing import draw_contour
from dashboards.figures.figure import Figure
from dashboards.figures.importance import (
    draw_importance,
    prepare_importance,
    summarise_importance,
    tabulate_importance,
)
from dashboards.figures.parallel_coordinates import (
    draw_parallel_coordinates,
    prepare_parallel_coordinates,
    summarise_parallel_coordinates,
    tabulate_parallel_coordinates,
)
from dashboards.figures.ranks import (
    draw_ranks,
    prepare_ranks,
    summarise_ranks,
    tabulate_ranks,
)
from dashboards.figures.slices import (
    draw_slices,
    prepare_slices,
    summarise_slices,
    tabulate_slices,
)

WHY: dict[str, Figure[Any]] = {
    "importance": Figure(
        title="Importance: which parameters decide the result?",
        group="why",
        needs=frozenset({"analyses"}),
        prepare=prepare_importance,
        draw=draw_importance,
        summarise=summarise_importance,
        tabulate=tabulate_importance,
    ),
    "slice": Figure(
        title="Slices: where in each range do the good trials lie, and is an edge in the way?",
        group="why",
        needs=frozenset({"trials"}),
        prepare=prepare_slices,
        draw=draw_slices,
        summarise=summarise_slices,
        tabulate=tabulate_slices,
    ),
    "contour": Figure(
        title="Contour: where in the plane of two parameters do the good trials lie?",
        group="why",
        needs=frozenset({"trials", "analyses"}),
        prepare=prepare_contour,
        draw=draw_contour,
        summarise=summarise_contour,
        tabulate=tabulate_contour,
        applies=searches_a_plane,
    ),
    "parallel_coordinates": Figure(
        title="Parallel coordinates: what do the best trials share?",
        group="why",
        needs=frozenset({"trials", "analyses"}),
        prepare=prepare_parallel_coordinates,
        draw=draw_parallel_coordinates,
        summarise=summarise_parallel_coordinates,
        tabulate=tabulate_parallel_coordinates,
    ),
    "rank": Figure(
        title="Ranks: do good trials lie together, whatever the outliers?",
        group="why",
        needs=frozenset({"trials", "analyses"}),
        prepare=prepare_ranks,
        draw=draw_ranks,
        summarise=summarise_ranks,
        tabulate=tabulate_ranks,
        applies=searches_a_plane,
    ),
}
