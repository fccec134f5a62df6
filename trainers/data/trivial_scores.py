"""Figures that need no model: the entropy of the targets, and a table's commonest values."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from trainers.data.principal_axes import Doubles, Samples, chunks
from trainers.problem import Column

Scores = dict[str, float | None]


def entropy_floors(parts: Mapping[str, Samples]) -> Scores:
    """Nats per sample that no model can learn away from a binary cross-entropy (truth 3).

    The sum over features of the entropy of each target in [0, 1]; None for a part that leaves it.
    """
    return {name: _entropy(samples) for name, samples in parts.items()}


def _entropy(samples: Samples) -> float | None:
    total = 0.0
    for chunk in chunks(samples):
        if chunk.min() < 0 or chunk.max() > 1:
            return None
        inner = chunk[(chunk > 0) & (chunk < 1)]
        total -= float((inner * np.log(inner) + (1 - inner) * np.log1p(-inner)).sum())
    return total / len(samples)


def table_scores(
    parts: Mapping[str, Samples], columns: Sequence[Column], mean: Doubles
) -> dict[str, Scores | None]:
    """`numeric_mse` of the train mean (scaled), `majority_accuracy` of the commonest category.

    Over the numeric and over the categorical columns; None where there are none. A value whose
    category train lacks is never right.
    """
    numeric = [column.start for column in columns if column.kind == "numeric"]
    spans = [
        (column.start, column.start + int(mean[column.start :][: column.width].argmax()))
        for column in columns
        if column.kind == "categorical" and column.width
    ]
    commonest = [place for _, place in spans]
    return {
        "numeric_mse": {
            name: _average(np.square(chunk[:, numeric] - mean[numeric]) for chunk in chunks(part))
            for name, part in parts.items()
        }
        if numeric
        else None,
        "majority_accuracy": {
            name: _average(chunk[:, commonest] for chunk in chunks(part))
            for name, part in parts.items()
        }
        if commonest
        else None,
    }


def _average(blocks: Iterator[Doubles]) -> float:
    total, count = 0.0, 0
    for block in blocks:
        total += float(block.sum())
        count += block.size
    return total / count
