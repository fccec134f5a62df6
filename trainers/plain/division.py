"""Which samples train and which validate, as the study divided them. Needs NumPy alone."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

Rows: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

DEFAULT_SPLIT: dict[str, Any] = {
    "train": 0.7,
    "validation": 0.15,
    "test": 0.15,
    "order": "seed",
    "seed": 0,
}
DEFAULT_DIVISION: dict[str, Any] = {
    "duplicates": "group",
    "limit": None,
    "test_file": False,
    "together": None,
}
"""`together`: what else than being exact copies keeps samples in one part."""


def group_samples(keys: Iterable[Hashable], duplicates: str) -> Rows:
    """[N] the first row of each row's group: exact copies have equal keys.

    -1: a copy that is left out (drop). With `keep` each row is by itself.
    """
    first: dict[Hashable, int] = {}
    found = np.array([first.setdefault(key, row) for row, key in enumerate(keys)], np.int64)
    rows = np.arange(len(found))
    if duplicates == "keep":
        return rows
    return np.where(found == rows, rows, -1) if duplicates == "drop" else found


def divide_samples(
    roots: Rows, split: Mapping[str, Any], division: Mapping[str, Any]
) -> tuple[Rows, Rows]:
    """Rows of the training and the validation part; what is in the test part is in neither.

    Parts are shares (below 1) or counts, and a group stays in one of them. With `resplit` both
    are drawn anew from the rows that the test part leaves. Ends the program where the samples
    alone do not say what the study did.
    """
    split = {**DEFAULT_SPLIT, "test": None, **split} if split else DEFAULT_SPLIT
    if division["together"] is not None:
        raise SystemExit(
            f"the study kept {division['together']} in one part, which these samples do not say: "
            "give the training part as data, and the other with --validation"
        )
    inside = np.flatnonzero(roots >= 0)
    wanted = [split["train"], split["validation"]]
    if split["test"] is not None and not division["test_file"]:
        wanted.append(split["test"])
    sizes = _sizes(wanted, len(inside))
    parts = _fill_parts(split, inside, roots, sizes, 0)
    if resplit := split.get("resplit", 0):
        left = inside if len(parts) == 2 else np.setdiff1d(inside, parts[2])
        parts = _fill_parts(split, left, roots, [len(part) for part in parts[:2]], resplit)
    if min(len(parts[0]) - 1, len(parts[1])) < 1:
        raise SystemExit("one of the parts is empty: give more samples, or --validation")
    return parts[0], parts[1]


def _sizes(wanted: list[int | float | str], count: int) -> list[int]:
    share, fixed, ends = 0.0, 0, [0]
    for size in wanted:
        if isinstance(size, str):
            raise SystemExit("the study read its parts from files: give --validation as well")
        if isinstance(size, float):
            share += size
        else:
            fixed += int(size)
        ends.append(round(share * count) + fixed)
    if ends[-1] > count:
        raise SystemExit(
            f"the study's parts have {ends[-1]:,} samples, and here are {count:,}: give the data "
            "that it read, or parts of your own with --validation"
        )
    return np.diff(ends).tolist()


def _fill_parts(
    split: Mapping[str, Any], rows: Rows, roots: Rows, sizes: list[int], resplit: int
) -> list[Rows]:
    order = rows
    if split["order"] == "seed":
        source = np.random.SeedSequence(split["seed"], spawn_key=(resplit,) if resplit else ())
        stream = np.random.PCG64(source).random_raw(len(roots))
        # Members of a group stand together, at the place that the seed gives its first one.
        order = rows[np.lexsort((rows, roots[rows], stream[roots[rows]]))]
    if len(np.unique(roots[rows])) == len(rows):
        ends = np.cumsum(sizes).tolist()
        return [order[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    if split["order"] == "seed":
        return _fill(order, roots, sizes)
    # In the order of the file a group goes where its middle falls.
    _, group, counts = np.unique(roots[order], return_inverse=True, return_counts=True)
    part_of = np.searchsorted(np.cumsum(sizes), np.cumsum(counts) - counts / 2, side="right")
    return [order[part_of[group] == part] for part in range(len(sizes))]


def _fill(order: Rows, roots: Rows, sizes: list[int]) -> list[Rows]:
    """Whole groups, each into the first part with room, else where most is left."""
    starts = np.flatnonzero(np.r_[True, np.diff(roots[order]) != 0]).tolist()
    room, unasked = list(sizes), len(order) - sum(sizes)
    parts: list[list[Rows]] = [[] for _ in sizes]
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        size = end - start
        part = next((index for index, left in enumerate(room) if left >= size), None)
        if part is None:
            if unasked >= size or max(room) <= 0:
                unasked -= size
                continue
            part = room.index(max(room))
        room[part] -= size
        parts[part].append(order[start:end])
    return [np.concatenate([np.empty(0, np.int64), *part]) for part in parts]
