"""Where validation samples lie in a trial's latent space: its two widest axes."""

import math
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import Evidence, StudyFrame
from dashboards.figures.inputs import PER_ROW, oddness, sprite_of, texts_of, thumbnails
from dashboards.figures.paper import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    VALIDATION,
    axis,
    escape,
    number,
    plural,
    rounded,
    share,
    sheet,
)
from dashboards.figures.pictures import Pixels
from dashboards.figures.png import as_data_uri
from dashboards.figures.rank_correlation import spearman

MAX_POINTS = 500
CLEAR = 0.3
"""A rank correlation from which a sentence says so without "slightly"."""
BEYOND_CHANCE = 2.0
"""Standard deviations of a rank correlation, 1 / sqrt(n - 1), below which it may be chance."""


class LatentScatter(NamedTuple):
    """Points at the best epoch, and the variance that the two axes hold."""

    trial: int
    samples: list[int]
    x: list[float]
    y: list[float]
    shares: tuple[float, float]
    hardest: list[int]
    """Those of the samples that came out worst."""
    trait: str
    """What the colour says; empty: nothing."""
    traits: list[float]
    """Of each point; empty where the data store no longer has the data."""
    correlation: float | None
    """Spearman's, between the trait and the distance from the middle of the codes."""
    texts: list[str]
    """What each sample is, where words say it."""
    sprite: Pixels | None
    """Thumbnails, PER_ROW in a row, in the order of `samples`."""
    thumbnail: tuple[int, int]
    """Height and width of one."""


def prepare_latent_scatter(frame: StudyFrame) -> LatentScatter | Waiting:
    """Posterior means (or codes) of up to 500 validation samples, and what they are."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    points = evidence.get("latent/best") if evidence is not None else None
    if facts is None or evidence is None or points is None:
        return no_evidence(frame, "codes of validation samples", "a model with a code")
    held = evidence.get("latent_share/best")
    kept = spread(len(points), MAX_POINTS)
    pictures = facts.pictures
    worst = pictures.worst_index if pictures is not None else ()
    x, y = ([float(points[i, column]) for i in kept] for column in (0, 1))
    trait, traits, texts, pixels = _seen(evidence, kept)
    known = len(traits)
    radius = np.hypot(np.subtract(x, np.mean(x)), np.subtract(y, np.mean(y))).tolist()
    return LatentScatter(
        trial=facts.number,
        samples=kept,
        x=x,
        y=y,
        shares=(0.0, 0.0) if held is None else (float(held[0]), float(held[1])),
        hardest=[sample for sample in worst if sample in set(kept)],
        trait=trait,
        traits=traits,
        correlation=spearman(traits, radius[:known]) if known > 2 else None,
        texts=texts,
        sprite=None if pixels is None else sprite_of(pixels),
        thumbnail=(0, 0) if pixels is None else (pixels.shape[1], pixels.shape[2]),
    )


def _seen(evidence: Evidence, kept: list[int]) -> tuple[str, list[float], list[str], Pixels | None]:
    """What colours the points, what says each in words, and its thumbnail."""
    inputs = evidence.inputs
    if inputs is None or not len(inputs):
        return "", [], [], None
    rows = inputs[[index for index in kept if index < len(inputs)]]
    trait, traits = oddness(rows, evidence)
    texts = texts_of(rows, evidence)
    pixels = None if texts else thumbnails(rows, evidence.shape, evidence.low, evidence.high)
    return trait, traits, texts, pixels


def draw_latent_scatter(data: LatentScatter) -> go.Figure:
    """Equal units on both axes: distances are what the decoder sees."""
    figure = sheet(height=460, showlegend=bool(data.hardest))
    marker: dict[str, Any] = {"color": VALIDATION, "size": 7, "opacity": 0.8}
    if len(data.traits) == len(data.samples):
        marker |= {
            "color": data.traits,
            "colorscale": [[0, BLUE], [0.5, GREY], [1, ORANGE]],
            "colorbar": {
                "title": {"text": data.trait, "side": "right", "font": {"size": 12}},
                "tickfont": {"size": 11},
                "thickness": 12,
                "y": 0.46,
                "len": 0.92,
            },
        }
    texts = [escape(text) for text in data.texts]
    figure.add_scatter(
        x=data.x,
        y=data.y,
        mode="markers",
        name="validation sample",
        marker=marker,
        customdata=[[sample] for sample in data.samples],
        text=texts or None,
        hovertemplate="validation sample %{customdata[0]}"
        + ("<br>%{text}" if texts else "")
        + "<extra></extra>",
    )
    places = {sample: place for place, sample in enumerate(data.samples)}
    if data.hardest:
        figure.add_scatter(
            x=[data.x[places[sample]] for sample in data.hardest],
            y=[data.y[places[sample]] for sample in data.hardest],
            mode="markers",
            name="one of the hardest",
            marker={"symbol": "diamond-open", "color": RED, "size": 14, "line": {"width": 2}},
            hoverinfo="skip",
        )
    meta: dict[str, Any] = {"preview": {"count": len(data.samples)}}
    if data.sprite is not None:
        height, width = data.thumbnail
        meta["sprite"] = {
            "source": as_data_uri(data.sprite), "columns": PER_ROW,
            "count": len(data.traits), "height": height, "width": width,
        }  # fmt: skip
    first, second = (share(each) for each in data.shares)
    figure.update_layout(meta=meta)
    figure.update_xaxes(axis(f"first principal axis ({first} of the variance)"))
    figure.update_yaxes(axis(f"second ({second})", scaleanchor="x"))
    return figure


def summarise_latent_scatter(data: LatentScatter) -> str:
    """One sentence: how much two axes show, and whether the unusual lies outside."""
    sentence = (
        f"{plural(len(data.x), 'validation sample')} in the latent space of trial {data.trial}: "
        f"its two widest axes hold {share(sum(data.shares))} of the variance of the codes"
    )
    if data.correlation is not None:
        what = "longer texts" if data.trait == "tokens" else "samples far from the mean sample"
        where = _say_where(data.correlation, len(data.traits))
        sentence += f"; on these two axes {what} {where} "
        sentence += f"(rank correlation {number(data.correlation)})"
    if not data.traits:
        sentence += "; the data store no longer has the samples, so none can be shown beside them"
    elif len(data.traits) < len(data.samples):
        sentence += f"; the first {len(data.traits):,} of them can be looked at"
    return f"{sentence}."


def _say_where(correlation: float, points: int) -> str:
    """Clearly, slightly, or not beyond chance; at least 3 points."""
    if abs(correlation) * math.sqrt(points - 1) < BEYOND_CHANCE:
        return "lie neither further out nor further in beyond chance"
    much = "" if abs(correlation) >= CLEAR else "only slightly "
    return f"lie {much}further {'out' if correlation > 0 else 'in'}"


def tabulate_latent_scatter(data: LatentScatter) -> Table:
    """Sample and its two coordinates, and what is known of it."""
    columns = ["validation sample", "first axis", "second axis"]
    columns += [data.trait] if data.traits else []
    columns += ["what it is"] if data.texts else []
    rows: list[list[Cell]] = []
    for i, sample in enumerate(data.samples):
        row: list[Cell] = [sample, rounded(data.x[i]), rounded(data.y[i])]
        if data.traits:
            row.append(rounded(data.traits[i]) if i < len(data.traits) else None)
        if data.texts:
            row.append(data.texts[i] if i < len(data.texts) else None)
        rows.append(row)
    return Table(columns, rows)
