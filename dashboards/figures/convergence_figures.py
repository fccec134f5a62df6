"""The part of the registry about how a search converges."""

from typing import Any

from dashboards.figures.best_so_far import (
    draw_best_so_far,
    prepare_against_time,
    prepare_against_trials,
    summarise_best_so_far,
    tabulate_best_so_far,
)
from dashboards.figures.edf import draw_edf, prepare_edf, summarise_edf, tabulate_edf
from dashboards.figures.figure import Figure
from dashboards.figures.learning_curves import (
    draw_learning_curves,
    prepare_learning_curves,
    summarise_learning_curves,
    tabulate_learning_curves,
)
from dashboards.figures.timeline import (
    draw_timeline,
    prepare_timeline,
    summarise_timeline,
    tabulate_timeline,
)

CONVERGENCE: dict[str, Figure[Any]] = {
    "best_so_far": Figure(
        title="Best so far, by trial: is the search still finding better models?",
        group="convergence",
        needs=frozenset({"trials", "baselines"}),
        prepare=prepare_against_trials,
        draw=draw_best_so_far,
        summarise=summarise_best_so_far,
        tabulate=tabulate_best_so_far,
    ),
    "best_so_far_time": Figure(
        title="Best so far, by time: would more of it pay?",
        group="convergence",
        needs=frozenset({"trials", "baselines"}),
        prepare=prepare_against_time,
        draw=draw_best_so_far,
        summarise=summarise_best_so_far,
        tabulate=tabulate_best_so_far,
    ),
    "learning_curves": Figure(
        title="Learning curves: does the best trial stand out, and had the others converged?",
        group="convergence",
        needs=frozenset({"trials", "curves"}),
        prepare=prepare_learning_curves,
        draw=draw_learning_curves,
        summarise=summarise_learning_curves,
        tabulate=tabulate_learning_curves,
    ),
    "edf": Figure(
        title="Distribution of results: does the search move to better values?",
        group="convergence",
        needs=frozenset({"trials"}),
        prepare=prepare_edf,
        draw=draw_edf,
        summarise=summarise_edf,
        tabulate=tabulate_edf,
    ),
    "timeline": Figure(
        title="Timeline of slots: where did the time go, and when did nothing run?",
        group="convergence",
        needs=frozenset({"trials"}),
        prepare=prepare_timeline,
        draw=draw_timeline,
        summarise=summarise_timeline,
        tabulate=tabulate_timeline,
    ),
}
