"""Dividing samples into train, validation and the sealed test part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnsuitableSplit
from trainers.data.sources import Split

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


def _check(sizes: PartSizes, path: str) -> PartSizes:
    for name, size, least in (
        ("train", sizes.train, MIN_TRAIN),
        ("validation", sizes.validation, 1),
        ("test", sizes.test, 1),
    ):
        if size < least:
            raise UnsuitableSplit(
                path,
                f"{name} would have {size} samples; it needs at least {least}",
                "give it a larger share, or more data",
                f"/split/{name}",
            )
    return sizes


def divide(split: Split, path: str, counts: list[int]) -> Parts:
    """The staged rows of each part; rows of all files are numbered through.

    `order: seed` sorts the samples by the raw 64-bit stream of PCG64(seed), which NumPy keeps
    stable over its versions (Generator.permutation is not).
    """
    sizes = part_sizes(split, path, counts)
    if split.paths or split.order == "file":
        order = np.arange(counts[0] if not split.paths else sum(counts))
    else:
        stream: npt.NDArray[Any] = np.random.PCG64(split.seed).random_raw(counts[0])
        order = np.argsort(stream, kind="stable")
    ends = (sizes.train, sizes.train + sizes.validation)
    test = order[ends[1] : ends[1] + sizes.test]
    if not split.paths and len(counts) == 2:
        test = np.arange(counts[0], counts[0] + counts[1])
    return Parts(order[: ends[0]], order[ends[0] : ends[1]], test)
