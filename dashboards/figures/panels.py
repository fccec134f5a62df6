"""Small multiples: where each panel stands. The page re-lays them in one column on a phone."""

from collections.abc import Sequence

import plotly.graph_objects as go

PANEL_HEIGHT = 230
CLOSE = 0.1
"""Numbers whose range is below this share of them need every digit under an axis."""
GAP_X, GAP_Y = 0.09, 70


def lay_out(figure: go.Figure, index: int, count: int, columns: int = 3) -> tuple[str, str]:
    """Give panel `index` of `count` its pair of axes; returns their short names (`x2`, `y2`).

    `layout.meta.panels` tells the page how many there are.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    height = rows * PANEL_HEIGHT + (rows - 1) * GAP_Y
    width = (1 - GAP_X * (columns - 1)) / columns
    left = (index % columns) * (width + GAP_X)
    top = (index // columns) * (PANEL_HEIGHT + GAP_Y) / height
    suffix = str(index + 1) if index else ""
    figure.update_layout(
        {
            f"xaxis{suffix}": {"domain": [left, min(1.0, left + width)], "anchor": f"y{suffix}"},
            f"yaxis{suffix}": {
                "domain": [max(0.0, 1 - top - PANEL_HEIGHT / height), 1 - top],
                "anchor": f"x{suffix}",
            },
            "height": height + 130,
            "meta": {"panels": count},
        }
    )
    return f"x{suffix}", f"y{suffix}"


def few_ticks(values: Sequence[float]) -> dict[str, object]:
    """As many ticks as their numbers leave room for under a small panel."""
    if len(set(values)) == 1:
        return {"tickvals": list(values[:1])}
    close = bool(values) and max(values) - min(values) < CLOSE * max(map(abs, values))
    return {"nticks": 3 if close else 5}


STRIP_LABEL = 26
STRIP_WIDTH = 760
"""Pixels that a strip is wide when nobody re-lays it."""


def lay_out_strips(
    figure: go.Figure, index: int, rooms: int | Sequence[int], title: str, size: tuple[int, int]
) -> str:
    """Give strip `index` its y axis under its title; returns the axis' short name.

    `rooms` are the pixels above each strip for its title, or how many strips there are. `size`
    is a strip's height and width in pixels of its pictures. `layout.meta.strips` lets the page
    lay the strips out again for its own width.
    """
    ratio = size[0] / size[1]
    labels = [STRIP_LABEL] * rooms if isinstance(rooms, int) else list(rooms)
    row = STRIP_WIDTH * ratio
    height = row * len(labels) + sum(labels)
    suffix = str(index + 1) if index else ""
    top = 1 - (index * row + sum(labels[: index + 1])) / height
    figure.update_layout(
        {
            f"yaxis{suffix}": {
                "domain": [max(0.0, top - row / height), top],
                "anchor": "x",
                "visible": False,
                # Not autorange: it makes room for the marks that carry the notes.
                "range": [size[0] - 0.5, -0.5],
                "fixedrange": True,
                "scaleanchor": "x",
                "constrain": "domain",
            },
            "height": height + 66,
            "margin": {"l": 8, "r": 8, "t": 56, "b": 10},
            "meta": {"strips": {"ratio": ratio, "labels": labels}},
        }
    )
    figure.add_annotation(
        text=title, x=0, y=top, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
        showarrow=False, font={"size": 12},
    )  # fmt: skip
    return f"y{suffix}"
