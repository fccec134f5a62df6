"""What any text model must beat: add-0.1 n-grams of train, in nats per real token (truth 14)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.principal_axes import Samples
from trainers.data.vocabulary import PAD

Tokens = npt.NDArray[np.int64]

ORDERS = (1, 2, 3)
ADDED = 0.1
MAX_TOKENS = 4_000_000
"""Tokens of a part that are counted: of longer ones evenly spread samples."""
_START = 0
_UNPREDICTED = 2
"""Pad and the dropped token never follow."""


def compute_ngrams(parts: Mapping[str, Samples], vocabulary: int) -> list[dict[str, Any]]:
    """Cross-entropy of every part under n-grams of train: {order, train, validation, test}.

    Every real token is predicted, the end of the text among them, from the n - 1 before it; before
    the first stands a mark of the start. p = (count + 0.1) / (count of the context + 0.1 V), V the
    tokens that may follow.
    """
    return [
        {"order": order, **_scores(parts, vocabulary, order)}
        for order in ORDERS
        if vocabulary**order < 2**62
    ]


def _scores(parts: Mapping[str, Samples], vocabulary: int, order: int) -> dict[str, float]:
    grams, counts = _count(parts["train"], vocabulary, order)
    contexts, starts = np.unique(grams // vocabulary, return_index=True)
    totals = np.add.reduceat(counts, starts)
    spread = ADDED * (vocabulary - _UNPREDICTED)
    found = {}
    for name, samples in parts.items():
        nats, seen = 0.0, 0
        for block in _grams(samples, vocabulary, order):
            count = _look_up(grams, counts, block)
            total = _look_up(contexts, totals, block // vocabulary)
            nats -= float(np.log((count + ADDED) / (total + spread)).sum())
            seen += len(block)
        found[name] = nats / max(seen, 1)
    return found


def _count(train: Samples, vocabulary: int, order: int) -> tuple[Tokens, Tokens]:
    """Every gram of train, ascending, and how often it occurs."""
    grams: Tokens = np.empty(0, np.int64)
    counts: Tokens = np.empty(0, np.int64)
    for block in _grams(train, vocabulary, order):
        more, times = np.unique(block, return_counts=True)
        both = np.concatenate([grams, more])
        grams, where = np.unique(both, return_inverse=True)
        counts = np.bincount(where, np.concatenate([counts, times])).astype(np.int64)
    return grams, counts


def _look_up(known: Tokens, counts: Tokens, wanted: Tokens) -> Tokens:
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, counts[place], 0)


def _grams(samples: Samples, vocabulary: int, order: int) -> Iterator[Tokens]:
    """Grams as numbers, the oldest token in the highest place, in blocks."""
    length = samples.shape[1]
    step = max(1, (1 << 18) // length)
    every = max(1, -(-samples.size // MAX_TOKENS))
    for start in range(0, len(samples), step * every):
        ids = samples[start : start + step * every : every].astype(np.int64)
        padded = np.pad(ids, ((0, 0), (order - 1, 0)), constant_values=_START)
        grams = np.zeros_like(ids)
        for back in range(order):
            grams = grams * vocabulary + padded[:, back : back + length]
        yield grams[ids != PAD]
