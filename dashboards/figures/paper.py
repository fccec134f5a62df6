"""The look that all figures share: colours, marks, axes; every colour reads on white and on dark.

Colours of data have a contrast of at least 3:1 on both backgrounds (WCAG 2.2, 1.4.11); colours of
text, grid and background are left to the page, which sets them from its CSS variables.
"""

import html
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import is_whole

BLUE = "#3b82d0"
ORANGE = "#d9730d"
TEAL = "#14967f"
RED = "#d8474f"
PURPLE = "#9166cc"
GOLD = "#b3830c"
GREY = "#7c8796"

TRAIN, VALIDATION, BEST = TEAL, BLUE, ORANGE


class Mark(NamedTuple):
    """How one kind of trial looks: by shape as well as by colour."""

    label: str
    color: str
    symbol: str


def marker_of(mark: Mark, size: int) -> dict[str, Any]:
    """A mark as Plotly wants it; open and thin symbols are drawn by their line."""
    line = {"color": mark.color, "width": 1.6}
    return {"color": mark.color, "symbol": mark.symbol, "size": size, "line": line}


STATE_MARKS = {
    "COMPLETE": Mark("complete", BLUE, "circle"),
    "PRUNED": Mark("pruned", GREY, "triangle-down-open"),
    "DIVERGED": Mark("diverged", RED, "x-thin-open"),
    "FAILED": Mark("failed", PURPLE, "square-x-open"),
    "STOPPED": Mark("stopped", GOLD, "diamond-open"),
    "RUNNING": Mark("running", TEAL, "circle-open"),
    "QUEUED": Mark("queued", GREY, "circle-open-dot"),
}

STATE_DASHES = {"PRUNED": "dot", "DIVERGED": "dash", "FAILED": "dashdot", "STOPPED": "longdash"}
"""How the line of a trial looks that did not run to its end; others are solid."""

VERDICT_MARKS = {
    "converged": Mark("converged", TEAL, "circle"),
    "overfit": Mark("overfit", RED, "triangle-up"),
    "large_gap": Mark("large gap", GOLD, "diamond"),
    "underfit": Mark("underfit", PURPLE, "square"),
    "censored": Mark("censored", GREY, "triangle-down-open"),
    "diverged": Mark("diverged", RED, "x-thin-open"),
    "": Mark("not judged", GREY, "circle-open"),
}


def sheet(height: int = 380, **layout: Any) -> go.Figure:
    """An empty figure with the shared layout; `uirevision` keeps zoom over updates."""
    base: dict[str, Any] = {
        "template": {"layout": {"autotypenumbers": "strict"}},
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 56, "b": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "hovermode": "closest",
        "uirevision": "keep",
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"size": 12},
        },
    }
    return go.Figure(layout={**base, **layout})


def axis(title: str, *, log: bool = False, **more: Any) -> dict[str, Any]:
    """An axis with its title (which names the unit)."""
    base: dict[str, Any] = {
        "title": {"text": title, "standoff": 8, "font": {"size": 12}},
        "type": "log" if log else "linear",
        "automargin": True,
        "zeroline": False,
        "exponentformat": "power",
        "gridcolor": "rgba(124,135,150,0.25)",
        "linecolor": "rgba(124,135,150,0.6)",
    }
    if log:
        base |= {"minor": {"ticks": "outside"}}
    return {**base, **more}


def epoch_axis(last: int, title: str = "epoch (passes over the training split)") -> dict[str, Any]:
    """An axis of whole epochs up to `last`."""
    return axis(title, dtick=1) if last <= 10 else axis(title)


def escape(text: object) -> str:
    """User text as Plotly may show it: its pseudo-HTML and template marks are made harmless."""
    shown = html.escape(str(text), quote=False)
    return shown.replace("%{", "%&#123;").replace("$", "&#36;")


def label(name: str, unit: str) -> str:
    """`mse`, or `elbo (nats)`: the title of an axis."""
    return f"{escape(name)} ({escape(unit)})" if unit else escape(name)


def number(value: float | int | None) -> str:
    """A number for people, at four significant digits."""
    if value is None:
        return "none"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}"


def rounded(value: float | None) -> float | None:
    """Six significant digits: what a table on a page needs, in fewer bytes; a file has them all."""
    return value if value is None or is_whole() else float(f"{value:.6g}")


def share(value: float) -> str:
    """0.614 as `61 %`."""
    if 0 < value < 0.005:
        return "under 1 %"
    return f"{100 * value:.0f} %"


def plural(count: int, noun: str) -> str:
    """`1 trial`, `24 trials`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def needs_log(values: Iterable[float | None]) -> bool:
    """Whether positive values span more than a factor of five."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) > 5 * min(finite)


def unsquashed_range(values: Iterable[float | None], *, minimize: bool) -> list[float] | None:
    """A range for a linear axis in which a few terrible trials do not flatten the good ones.

    From the best value to the 90th percentile of badness, padded; None where nothing sticks out.
    """
    finite = sorted(value for value in values if value is not None and math.isfinite(value))
    if len(finite) < 8:
        return None
    ordered = finite if minimize else finite[::-1]
    best, far, worst = ordered[0], ordered[int(0.9 * (len(ordered) - 1))], ordered[-1]
    if far == best or abs(worst - best) < 4 * abs(far - best):
        return None
    padding = 0.08 * abs(far - best)
    return sorted([best - padding, far + padding] if minimize else [far - padding, best + padding])
