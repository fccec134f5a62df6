"""How often validation uses each entry of a trial's codebook."""

import math
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import VALIDATION, axis, needs_log, number, rounded, share, sheet

MAX_BARS = 1024


class CodeUse(NamedTuple):
    """Entries from the most used to the least, as shares of all uses."""

    trial: int
    codes: list[int]
    shares: list[float]
    used: int
    size: int
    perplexity: float
    """The exponential of the entropy of use: how many codes it amounts to."""


def prepare_code_use(frame: StudyFrame) -> CodeUse | Waiting:
    """Counts over the evaluated validation samples, at the best epoch."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    counts = evidence.get("codes/best") if evidence is not None else None
    if facts is None or counts is None or counts.sum() <= 0:
        return no_evidence(frame, "use of its codebook", "a model with a codebook")
    shares = counts / counts.sum()
    order = (-shares).argsort(kind="stable")
    kept = [int(order[i]) for i in spread(len(order), MAX_BARS)]
    entropy = -sum(float(p) * math.log(float(p)) for p in shares if p > 0)
    return CodeUse(
        trial=facts.number,
        codes=kept,
        shares=[float(shares[code]) for code in kept],
        used=int((counts > 0).sum()),
        size=len(counts),
        perplexity=math.exp(entropy),
    )


def draw_code_use(data: CodeUse) -> go.Figure:
    """Bars by rank; unused codes have none."""
    figure = sheet(height=300, showlegend=False)
    figure.add_bar(
        x=list(range(1, len(data.codes) + 1)),
        y=[100 * each for each in data.shares],
        marker={"color": VALIDATION},
        customdata=[[code] for code in data.codes],
        hovertemplate="code %{customdata[0]}: %{y:.3g} %<extra></extra>",
    )
    log = needs_log([each for each in data.shares if each > 0])
    figure.update_xaxes(axis("codes, the most used first (rank)"))
    figure.update_yaxes(axis("share of all uses (%)", log=log))
    return figure


def summarise_code_use(data: CodeUse) -> str:
    """One sentence: how many codes are in use."""
    return (
        f"Trial {data.trial} uses {data.used:,} of its {data.size:,} codes on validation "
        f"({share(data.used / data.size)}); their use amounts to {number(data.perplexity)} codes "
        "used equally often (perplexity)."
    )


def tabulate_code_use(data: CodeUse) -> Table:
    """Code and its share."""
    rows: list[list[Cell]] = [
        [code, rounded(100 * data.shares[i])] for i, code in enumerate(data.codes)
    ]
    return Table(["code", "share of uses (%)"], rows)
