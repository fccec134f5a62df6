"""The part of the registry about what quality costs."""

from typing import Any

from dashboards.figures.figure import Figure
from dashboards.figures.gap_closed import (
    draw_gap_closed,
    prepare_gap_closed,
    summarise_gap_closed,
    tabulate_gap_closed,
)
from dashboards.figures.pareto import (
    has_rate,
    has_size,
    has_trade_off,
    prepare_complexity,
    prepare_pareto,
    prepare_rate_distortion,
    summarise_complexity,
    summarise_pareto,
    summarise_rate_distortion,
)
from dashboards.figures.trade_offs import draw_trade_offs, tabulate_trade_offs

TRADE_OFFS: dict[str, Figure[Any]] = {
    "pareto": Figure(
        title="Objectives against one another: which compromises does nothing beat?",
        group="trade-offs",
        needs=frozenset({"trials", "scores"}),
        prepare=prepare_pareto,
        draw=draw_trade_offs,
        summarise=summarise_pareto,
        tabulate=tabulate_trade_offs,
        applies=has_trade_off,
    ),
    "rate_distortion": Figure(
        title="Rate and distortion: where does another nat stop paying?",
        group="trade-offs",
        needs=frozenset({"trials", "scores"}),
        prepare=prepare_rate_distortion,
        draw=draw_trade_offs,
        summarise=summarise_rate_distortion,
        tabulate=tabulate_trade_offs,
        applies=has_rate,
    ),
    "complexity": Figure(
        title="Quality against size: does a larger or slower model pay?",
        group="trade-offs",
        needs=frozenset({"trials", "scores"}),
        prepare=prepare_complexity,
        draw=draw_trade_offs,
        summarise=summarise_complexity,
        tabulate=tabulate_trade_offs,
        applies=has_size,
    ),
    "gap_closed": Figure(
        title="Gap closed: how far from the mean sample towards a perfect copy?",
        group="trade-offs",
        needs=frozenset({"trials", "scores", "baselines"}),
        prepare=prepare_gap_closed,
        draw=draw_gap_closed,
        summarise=summarise_gap_closed,
        tabulate=tabulate_gap_closed,
    ),
}
