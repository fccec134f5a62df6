"""Pairs of searched numeric parameters that a plane is drawn of, the most telling first."""

import itertools
import math
from collections.abc import Mapping

import numpy as np

from dashboards.figures.basin import Array, Numeric
from dashboards.figures.frame import StudyFrame
from dashboards.figures.rank_correlation import spearman
from service.domain.space import (
    Distribution,
    FloatDistribution,
    IntDistribution,
    varies,
)


def numeric_entries(space: Mapping[str, Distribution]) -> dict[str, Numeric]:
    """The searched parameters that are numbers."""
    return {
        name: entry
        for name, entry in space.items()
        if isinstance(entry, FloatDistribution | IntDistribution) and varies(entry)
    }


def column_of(frame: StudyFrame, name: str, entry: Numeric) -> Array:
    """A value per trial; nan where it does not have the parameter."""
    found = [params.get(name) for params in frame.trials.params]
    column = np.array(
        [
            value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
            for value in found
        ],
        np.float64,
    )
    if entry.log:
        column[~(column > 0)] = math.nan
    column[~np.isfinite(column)] = math.nan
    return column


def choose_pairs(
    frame: StudyFrame, columns: dict[str, Array], inside: list[int], fewest: int, most: int
) -> tuple[list[tuple[str, str]], str]:
    """At most `most` pairs that `fewest` trials share, by the sum of both weights; and what gave
    the weights. Neither of them where no pair is shared."""
    known = {name: np.isfinite(column[inside]) for name, column in columns.items()}
    shares = frame.analyses.get("importance", {}).get("values") or {}
    weights = {
        name: float(share)
        for name, share in shares.items()
        if name in columns and isinstance(share, int | float) and math.isfinite(share)
    }
    by = "importance"
    if len(weights) < 2:
        by, loss = "rank correlation", frame.study.aims.objectives[0].loss
        losses = np.array([loss(frame.trials.value[i] or 0.0) for i in inside], np.float64)
        weights = {
            name: abs(spearman(columns[name][inside][mask], losses[mask]) or 0.0)  # type: ignore[arg-type]
            for name, mask in known.items()
            if mask.sum() >= fewest
        }
    ranked = sorted(columns, key=lambda name: (-weights.get(name, 0.0), name))
    pairs = [
        pair
        for pair in itertools.combinations(ranked, 2)
        if int((known[pair[0]] & known[pair[1]]).sum()) >= fewest
    ]
    pairs.sort(key=lambda pair: -sum(weights.get(name, 0.0) for name in pair))
    return pairs[:most], by
