"""Dividing samples into train, validation and the sealed test part."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnsuitableSplit
from trainers.data.grouping import Roots
from trainers.data.sources import Split

Rows: TypeAlias = npt.NDArray[np.int64]

MIN_TRAIN = 2


@dataclass(frozen=True)
class PartSizes:
    """Samples in each part."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Parts:
    """Which staged rows make up each part, in the part's own order."""

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]

    def items(self) -> list[tuple[str, npt.NDArray[np.int64]]]:
        """(name, rows) of each part, train first."""
        return [("train", self.train), ("validation", self.validation), ("test", self.test)]


def part_sizes(split: Split, path: str, counts: list[int]) -> PartSizes:
    """The sizes of the parts of files with `counts` samples (see readers.open_files).

    Shares are cut at rounded running totals, so that shares which add up to 1 use every
    sample: 1797 x (0.7, 0.15, 0.15) = 1258 + 269 + 270. Raises UnsuitableSplit.
    """
    if split.paths:
        return _check(_sizes_of_paths(path, counts), path)
    wanted = [("train", split.train), ("validation", split.validation)]
    if len(counts) == 1:
        if split.test is None:
            raise UnsuitableSplit(
                path,
                "there is no test part: the data set brings no test file",
                "give `test` a share or a count, or the data set a test file",
                "/split/test",
            )
        wanted.append(("test", split.test))
    shares, fixed, start = 0.0, 0, 0
    sizes: list[int] = []
    for name, part in wanted:
        if isinstance(part, float):
            shares += part
        else:
            fixed += int(part)
        end = round(shares * counts[0]) + fixed
        if end > counts[0]:
            raise UnsuitableSplit(
                path,
                f"{name} would need {end:,} samples in all, the data set has {counts[0]:,}",
                "ask for fewer samples, or give shares below 1",
                f"/split/{name}",
            )
        sizes.append(end - start)
        start = end
    test = sizes[2] if len(counts) == 1 else counts[1]
    return _check(PartSizes(sizes[0], sizes[1], test), path)


def _sizes_of_paths(path: str, counts: list[int]) -> PartSizes:
    if len(counts) != 3:
        raise UnsuitableSplit(
            path, "a part is missing", "give paths for train, validation and test", "/split/test"
        )
    return PartSizes(*counts)


def _check(sizes: PartSizes, path: str, grouped: bool = False) -> PartSizes:
    for name, size, least in (
        ("train", sizes.train, MIN_TRAIN),
        ("validation", sizes.validation, 1),
        ("test", sizes.test, 1),
    ):
        if size < least:
            raise UnsuitableSplit(
                path,
                f"{name} would have {size} samples; it needs at least {least}",
                "its groups (or exact copies) are few and large: give shares that whole groups can "
                "fill, group by something finer, or write duplicates: keep"
                if grouped
                else "give it a larger share, or more data",
                f"/split/{name}",
            )
    return sizes


def divide(
    split: Split, path: str, counts: list[int], roots: Roots | None = None, reserve: bool = False
) -> Parts:
    """The staged rows of each part; rows of all files are numbered through.

    `order: seed` sorts the samples by the raw 64-bit stream of PCG64(seed), which NumPy keeps
    stable over its versions (Generator.permutation is not). `roots` names each row's group by its
    first row, -1 a row that is left out: a group stays in one part. Files of their own stay as
    they are divided by whoever wrote them. With `resplit` the test part is that of resplit 0, and
    train and validation, as large as there, are drawn anew from all that is not in it.
    `reserve`: where groups are so few that a part would stay empty, each part gets one of them.
    Raises UnsuitableSplit.
    """
    if split.resplit and (split.paths or split.order == "file"):
        raise UnsuitableSplit(
            path,
            "a split by paths or in the order of the file cannot be drawn anew",
            "write resplit: 0, or split by shares or counts with order: seed",
            "/split/resplit",
        )
    kept = np.arange(sum(counts)) if roots is None else np.flatnonzero(roots >= 0)
    ends = np.cumsum(counts)
    file_of = np.searchsorted(ends, kept, side="right")
    per_file = np.bincount(file_of, minlength=len(counts)).tolist()
    sizes = part_sizes(split, path, per_file)
    if split.paths:
        first, second = per_file[0], per_file[0] + per_file[1]
        return Parts(kept[:first], kept[first:second], kept[second:])
    inside, outside = kept[: per_file[0]], kept[per_file[0] :]
    capacities = [sizes.train, sizes.validation] + ([] if len(counts) == 2 else [sizes.test])
    few = reserve and split.order == "seed"
    divided = _fill_parts(split, counts[0], inside, roots, capacities, resplit=0, reserve=few)
    if split.resplit:
        test = divided[2:]
        rest = np.setdiff1d(inside, np.concatenate([np.empty(0, np.int64), *test]))
        capacities = [len(part) for part in divided[:2]]
        again = _fill_parts(
            split, counts[0], rest, roots, capacities, resplit=split.resplit, reserve=few
        )
        divided = again + test
    if len(counts) == 2:
        divided.append(outside)
    _check(PartSizes(*(len(part) for part in divided)), path, grouped=roots is not None)
    return Parts(*divided)


def _fill_parts(
    split: Split,
    count: int,
    rows: Rows,
    roots: Roots | None,
    capacities: list[int],
    *,
    resplit: int,
    reserve: bool,
) -> list[Rows]:
    """Parts of the given sizes from `rows`, ascending ones of a file of `count`."""
    order = rows
    if split.order == "seed":
        stream = _stream(split.seed, resplit, count)
        leader = rows if roots is None else roots[rows]
        # Members of a group stand together, at the place that the seed gives its first one.
        order = rows[np.lexsort((rows, leader, stream[leader]))]
    if roots is None or len(np.unique(roots[rows])) == len(rows):
        cuts = np.cumsum(capacities)
        return [order[end - size : end] for end, size in zip(cuts, capacities, strict=True)]
    if split.order == "seed":
        divided = _fill(order, roots, capacities)
        # Only then: where every part has samples, they are those of the data sets that are stored.
        if reserve and not all(map(len, divided)):
            divided = _fill(order, roots, capacities, reserve=True)
        return divided
    return _cut(order, roots, capacities)


def _stream(seed: int, resplit: int, count: int) -> npt.NDArray[Any]:
    """[count] of 64 bits: the place of every row in the shuffled order."""
    # A spawned sequence is nobody's seed: resplit 1 of seed 0 is not the split of another seed.
    source = np.random.SeedSequence(seed, spawn_key=(resplit,) if resplit else ())
    stream: npt.NDArray[Any] = np.random.PCG64(source).random_raw(count)
    return stream


def _fill(order: Rows, roots: Roots, capacities: list[int], reserve: bool = False) -> list[Rows]:
    """Whole groups in order, each into the first part that still has room for it.

    What fits nowhere goes where most room is left, so that no part is more than one group too
    large; samples that nobody asked for stay outside. With `reserve` the last groups go to the
    parts that are still empty, the larger to the larger.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(roots[order]) != 0])
    ends = np.r_[starts[1:], len(order)]
    room = list(capacities)
    unasked = len(order) - sum(capacities)
    divided: list[list[Rows]] = [[] for _ in capacities]
    groups = list(zip(starts.tolist(), ends.tolist(), strict=True))
    for index, (start, end) in enumerate(groups):
        empty = [part for part, rows in enumerate(divided) if not rows]
        if reserve and len(groups) - index <= len(empty):
            last = sorted(groups[index:], key=lambda ends: ends[0] - ends[1])
            empty.sort(key=lambda place: -capacities[place])
            for place, (first, behind) in zip(empty, last, strict=False):
                divided[place].append(order[first:behind])
            break
        size = end - start
        part = next((p for p, left in enumerate(room) if left >= size), None)
        if part is None:
            if unasked >= size or max(room) <= 0:
                unasked -= size
                continue
            part = room.index(max(room))
        room[part] -= size
        divided[part].append(order[start:end])
    return [np.concatenate([np.empty(0, np.int64), *part]) for part in divided]


def _cut(order: Rows, roots: Roots, capacities: list[int]) -> list[Rows]:
    """Whole groups by first appearance, cut where the sizes say; each part in file order.

    A group goes where its middle falls: no part is more than half a group too large or too small.
    """
    _, group, sizes = np.unique(roots[order], return_inverse=True, return_counts=True)
    middles = np.cumsum(sizes) - sizes / 2
    part_of = np.searchsorted(np.cumsum(capacities), middles, side="right")
    belongs = part_of[group]
    return [order[belongs == part] for part in range(len(capacities))]
