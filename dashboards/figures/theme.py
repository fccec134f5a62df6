"""The colours and sizes of a figure that stands in a file: for a paper, a slide, a notebook.

On a page the style sheet gives them (static/paper.js); a file has none.
"""

import copy
import re
import textwrap
from typing import Any, Literal, NamedTuple, TypeAlias

ThemeName: TypeAlias = Literal["light", "dark"]


class Colours(NamedTuple):
    """Contrast of text on ground is at least 4.5:1 (WCAG 2.2, 1.4.3)."""

    ground: str
    text: str
    muted: str
    line: str
    grid: str


THEMES: dict[ThemeName, Colours] = {
    "light": Colours("#ffffff", "#1a222d", "#4a5563", "#8a94a1", "#e3e7ec"),
    "dark": Colours("#171c23", "#e7ebf0", "#a0acba", "#5b6775", "#2b343f"),
}
FONT = "system-ui, 'DejaVu Sans', Arial, sans-serif"
TEXT, TICKS, SMALL, TITLE = 14, 13, 12, 17
LETTER_WIDTH = 0.56
"""Of a title's letter, of its size."""
LEGEND_BELOW = 64
"""Pixels under the axes: their numbers and their title stand between."""
LEGEND_LINE = 24
SIDE = 24
WIDE_MARGINS = 90
MIN_HEIGHT = 420
AXES_HEIGHT = 340
ENTRY_WIDTH = 60
"""Of a legend's entry without its letters."""
_AXIS = re.compile(r"^[xy]axis\d*$")


def dress(
    figure: dict[str, Any],
    theme: ThemeName,
    width: int,
    height: int | None = None,
    *,
    moves: bool = True,
) -> dict[str, Any]:
    """Plotly JSON with ground, legible text, a wrapped title, and the legend below the axes.

    Sizes are in CSS pixels; without a height it is as high as its content wants. `moves`: sliders
    stay; without them the figure shows where they stand. The figure given is not changed.
    """
    dressed = copy.deepcopy({key: figure[key] for key in ("data", "layout")})
    if moves and figure.get("frames"):
        dressed["frames"] = copy.deepcopy(figure["frames"])
    layout, colours = dressed["layout"], THEMES[theme]
    if not moves:
        layout.pop("sliders", None)
        layout.pop("updatemenus", None)
    _colour(layout, colours)
    inner = _inner_height(layout)
    title_room = _set_title(layout, colours, width)
    bottom = _place_legend(dressed, width, inner)
    margin = {**layout.get("margin", {})}
    served_bottom = margin.get("b", 80) + (bottom if bottom else 0)
    margin |= {"t": title_room, "b": served_bottom}
    margin["r"] = max(margin.get("r", 0), SIDE)
    margin["l"] = max(margin.get("l", 0), SIDE)
    layout["margin"] = margin
    whole = inner + title_room + served_bottom
    layout |= {"width": width, "height": height or max(round(whole), 200), "autosize": False}
    for trace in dressed["data"]:
        if trace.get("type") == "table":
            _colour_table(trace, colours)
            layout["height"] = height or max(layout["height"], MIN_HEIGHT)
    return dressed


def _inner_height(layout: dict[str, Any]) -> float:
    """Of the axes, as served; a single pair of them has room for a long title at its side."""
    margin = layout.get("margin", {})
    served = float(layout.get("height") or MIN_HEIGHT)
    inner = max(120.0, served - float(margin.get("t", 100)) - float(margin.get("b", 80)))
    return max(inner, AXES_HEIGHT) if inner > AXES_HEIGHT / 2 and not layout.get("meta") else inner


def _colour(layout: dict[str, Any], colours: Colours) -> None:
    layout["paper_bgcolor"] = layout["plot_bgcolor"] = colours.ground
    layout["font"] = {**layout.get("font", {}), "family": FONT, "size": TEXT}
    layout["font"]["color"] = colours.text
    layout["hoverlabel"] = {
        "bgcolor": colours.ground,
        "bordercolor": colours.line,
        "font": {"color": colours.text, "family": FONT},
    }
    layout["modebar"] = {"bgcolor": "rgba(0,0,0,0)", "color": colours.muted}
    named = SMALL if (layout.get("meta") or {}).get("panels", 0) > 1 else TICKS
    for name, axis in layout.items():
        if not _AXIS.match(name):
            continue
        axis |= {
            "gridcolor": colours.grid,
            "linecolor": colours.line,
            "tickcolor": colours.line,
            "tickfont": {"size": TICKS, **axis.get("tickfont", {}), "color": colours.muted},
        }
        if isinstance(axis.get("title"), dict):
            axis["title"]["font"] = {"size": named, "color": colours.text}
    for note in layout.get("annotations", []):
        note["font"] = {"color": colours.muted, **note.get("font", {})}
    for slider in layout.get("sliders", []):
        slider |= {"font": {"color": colours.muted}, "tickcolor": colours.line}


def _set_title(layout: dict[str, Any], colours: Colours, width: int) -> int:
    """The title in as many lines as it needs; returns the room above the axes."""
    title = layout.get("title") or {}
    text = str(title.get("text") or "")
    if not text:
        return SIDE
    letters = max(16, int((width - 2 * SIDE) / (TITLE * LETTER_WIDTH)))
    lines = textwrap.wrap(text, letters, break_long_words=False)
    layout["title"] = {
        "text": "<br>".join(lines),
        "font": {"size": TITLE, "color": colours.text, "family": FONT, "weight": 600},
        "x": SIDE / width,
        "xanchor": "left",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"t": 16},
    }
    # Strips and panels have titles of their own above their axes.
    above = 30 if layout.get("annotations") else 14
    return 18 + round(1.35 * TITLE * len(lines)) + above


def _place_legend(figure: dict[str, Any], width: int, inner: float) -> int:
    """Below the axes; returns the room that it needs there, 0 where there is none."""
    layout = figure["layout"]
    named = [
        str(trace["name"])
        for trace in figure["data"]
        if trace.get("name") and trace.get("showlegend", True) is not False
    ]
    shown = layout.get("showlegend")
    if shown is False or not named or (shown is None and len(named) < 2):
        return 0
    below = LEGEND_BELOW if _has_axis_text(layout) else 12
    layout["legend"] = {
        **layout.get("legend", {}),
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": -below / inner,
        "yanchor": "top",
        "font": {"size": TICKS},
        "bgcolor": "rgba(0,0,0,0)",
    }
    widest = ENTRY_WIDTH + max(map(len, named)) * TICKS * LETTER_WIDTH
    a_line = max(1, int((width - WIDE_MARGINS) / widest))
    return LEGEND_LINE * -(-len(set(named)) // a_line)


def _has_axis_text(layout: dict[str, Any]) -> bool:
    return layout.get("xaxis", {}).get("visible", True) is not False


def _colour_table(trace: dict[str, Any], colours: Colours) -> None:
    for part in ("header", "cells"):
        served = trace.get(part, {})
        trace[part] = {
            **served,
            "fill": {"color": colours.grid if part == "header" else colours.ground},
            "line": {"color": colours.grid},
            "font": {**served.get("font", {}), "color": colours.text, "size": TICKS},
        }
