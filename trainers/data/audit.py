"""What is found in staged samples before they are divided: copies, groups, near-duplicates."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.encodings import Content, Encoding
from trainers.data.grouping import Edges, Roots, connect, group_sizes, same_key_edges
from trainers.data.mapped import open_part
from trainers.data.near_duplicates import alike_images
from trainers.data.sources import Duplicates, Split
from trainers.data.splits import Parts, divide
from trainers.data.staging import Staged, count_duplicates
from trainers.data.vocabulary import PAD, UNKNOWN
from trainers.problem import DataKind


@dataclass(frozen=True)
class Audit:
    """Fields as in service.domain.records.Audit."""

    duplicates: Duplicates
    exact_duplicates: int
    dropped: int
    across_before: int
    across_after: int
    groups: int
    largest_group: int
    near_duplicates: int | None
    near_across: int | None
    unknown_tokens: float | None = None
    cut: int = 0
    filled: int = 0
    unseen_categories: int = 0
    late_train: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def divide_staged(
    staged: Staged, split: Split, path: str, kind: DataKind, duplicates: Duplicates
) -> tuple[Parts, Audit, bool]:
    """Divide staged rows so that what belongs together stays together, and say what was found.

    The last value tells whether that gave another division than row by row. Raises
    UnsuitableSplit.
    """
    count = len(staged.rows)
    copies = same_key_edges(staged.keys)
    first = np.ones(count, np.bool_)
    first[copies[:, 1]] = False
    near = _near_edges(staged, kind, first)
    roots = _roots(staged, copies, near, duplicates, count)
    plain = divide(split, path, staged.counts)
    # Not for copies alone: data of few different values is rather divided with duplicates: keep.
    parts = divide(split, path, staged.counts, roots, reserve=staged.groups is not None)
    moved = any(
        not np.array_equal(mine, theirs)
        for (_, mine), (_, theirs) in zip(parts.items(), plain.items(), strict=True)
    )
    kept = roots[roots >= 0]
    sizes = group_sizes(kept)
    audit = Audit(
        duplicates=duplicates,
        exact_duplicates=len(copies),
        dropped=count - len(kept),
        across_before=_across(staged.keys, plain),
        across_after=_across(staged.keys, parts),
        groups=len(sizes),
        largest_group=int(sizes.max()),
        near_duplicates=None if near is None else len(np.unique(near.max(axis=1))),
        near_across=None if near is None else _near_across(near, parts, count),
        late_train=_late_train(split, parts),
    )
    return parts, audit, moved


def _late_train(split: Split, parts: Parts) -> int:
    """Train samples behind the first validation sample, where the order of the file divides."""
    if split.order != "file" or split.paths:
        return 0
    return int((parts.train > parts.validation.min()).sum())


def _across(keys: npt.NDArray[np.uint64], parts: Parts) -> int:
    return count_duplicates(keys, parts.train, np.concatenate([parts.validation, parts.test]))


def _roots(
    staged: Staged, copies: Edges, near: Edges | None, duplicates: Duplicates, count: int
) -> Roots:
    """[N] the first row of each row's group; -1 for what is dropped."""
    edges = [np.empty((0, 2), np.int64)]
    if staged.groups is not None:
        edges.append(same_key_edges(staged.groups))
    if duplicates != "keep":
        edges.append(copies)
    if duplicates == "near" and near is not None:
        edges.append(near)
    roots = connect(count, np.concatenate(edges))
    if duplicates == "drop":
        roots[copies[:, 1]] = -1
    return roots


def _near_edges(staged: Staged, kind: DataKind, first: npt.NDArray[np.bool_]) -> Edges | None:
    """Pairs of near-duplicates that are no copies; None where they are not looked for."""
    if staged.near is None:
        return None
    if kind == "image":
        return alike_images(staged.rows, staged.near, first)
    rows = np.flatnonzero(first)
    return rows[same_key_edges(staged.near[rows])]


def _near_across(near: Edges, parts: Parts, count: int) -> int:
    """Validation and test samples with a near-duplicate in train."""
    part_of = np.full(count, -1)
    for number, (_, rows) in enumerate(parts.items()):
        part_of[rows] = number
    found = [
        near[(part_of[near[:, mine]] > 0) & (part_of[near[:, theirs]] == 0), mine]
        for mine, theirs in ((0, 1), (1, 0))
    ]
    return len(np.unique(np.concatenate(found)))


def complete_audit(audit: Audit, folder: Path, encoding: Encoding, content: Content) -> Audit:
    """The audit with what is known once the parts are written: what train did not know."""
    parts = {name: open_part(folder, name) for name in ("validation", "test")}
    unknown = None
    if encoding.tokens:
        ids = parts["validation"]
        unknown = float((ids == UNKNOWN).sum() / max(1, (ids != PAD).sum()))
    spans = [
        slice(column.start, column.start + column.width)
        for column in encoding.columns
        if column.kind == "categorical"
    ]
    counts = content.counts()
    return replace(
        audit,
        unknown_tokens=unknown,
        unseen_categories=sum(
            int((part[:, span].sum(axis=1) == 0).sum()) for part in parts.values() for span in spans
        ),
        cut=counts.get("cut", 0),
        filled=counts.get("filled", 0),
    )
