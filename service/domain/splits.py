"""How many samples the parts of a split get, and what cannot be divided."""

from dataclasses import dataclass

from service.domain.datasets import BuiltInDataset, DatasetSpec, IdxDataset
from service.domain.records import DataHeader
from service.domain.spec import SplitSpec
from service.domain.strategies import SelectionSpec
from service.errors import FieldError

MIN_TRAIN = 2
DEFAULT_TEST = SplitSpec().test


@dataclass(frozen=True)
class PartSizes:
    """Samples in each part; `test` counts the test file where there is one."""

    train: int
    validation: int
    test: int
    unused: int
    """Samples that are in no part."""


def has_test_file(dataset: DatasetSpec) -> bool:
    """Whether the data set brings its own sealed test split."""
    return isinstance(dataset, IdxDataset) and dataset.test_images is not None


def resolve_split(split: SplitSpec, dataset: DatasetSpec) -> SplitSpec:
    """The split with `test: null` when a test file takes the place of the default share."""
    if has_test_file(dataset) and split.test == DEFAULT_TEST:
        return split.model_copy(update={"test": None})
    return split


def part_sizes(split: SplitSpec, header: DataHeader) -> PartSizes | None:
    """Samples in each part, or None when the parts are files of their own.

    Shares are cut at rounded running totals, so that shares that add up to 1 use every sample:
    0.7, 0.15 and 0.15 of 1797 are 1258, 269 and 270.
    """
    if isinstance(split.train, str):
        return None
    parts = [split.train, split.validation] + ([] if split.test is None else [split.test])
    sizes, shares, counts, start = [], 0.0, 0, 0
    for part in parts:
        if isinstance(part, float):
            shares += part
        else:
            counts += int(part)
        end = round(shares * header.samples) + counts
        sizes.append(end - start)
        start = end
    test = sizes[2] if split.test is not None else header.test_samples or 0
    return PartSizes(sizes[0], sizes[1], test, header.samples - start)


def not_resplittable(split: SplitSpec) -> str | None:
    """Why train and validation cannot be drawn anew from what is not in the test part.

    A test file of the data set's own is no obstacle; None: they can.
    """
    if isinstance(split.train, str):
        return "train and validation are files of their own"
    return "the order of the file divides the samples" if split.order == "file" else None


def check_selection(selection: SelectionSpec, split: SplitSpec) -> list[FieldError]:
    """What is wrong with a selection on this resolved split."""
    if not (selection.top_k and selection.resplit):
        return []
    obstacle = not_resplittable(split)
    if obstacle is None:
        return []
    return [
        FieldError(
            pointer="/selection/resplit",
            reason=f"{obstacle}: it cannot be drawn anew for each seed",
            remedy="write resplit: false, or split by shares or counts with order: seed",
        )
    ]


def check_split(split: SplitSpec, dataset: DatasetSpec, header: DataHeader) -> list[FieldError]:
    """What is wrong with a resolved split of this data."""
    errors: list[FieldError] = []
    own_test = has_test_file(dataset)
    if split.test is None and isinstance(split.train, str):
        errors.append(
            FieldError(
                pointer="/split/test",
                reason="train and validation are files of their own, the test part is missing",
                remedy="give the path of its file",
            )
        )
    elif split.test is None and not own_test:
        errors.append(
            FieldError(
                pointer="/split/test",
                reason="no samples are left for the sealed test, and the data set brings no "
                "test file",
                remedy="give a share or a count (test: 0.15)"
                + ("" if isinstance(dataset, BuiltInDataset) else ", or a test file"),
            )
        )
    if split.test is not None and own_test:
        errors.append(
            FieldError(
                pointer="/split/test",
                reason="the data set brings its own test file (test_images)",
                remedy="write test: null, or leave test_images out",
            )
        )
    if split.resplit and (obstacle := not_resplittable(split)) is not None:
        errors.append(
            FieldError(
                pointer="/split/resplit",
                reason=f"{obstacle}: it cannot be drawn anew",
                remedy="write resplit: 0, or split by shares or counts with order: seed",
            )
        )
    sizes = part_sizes(split, header)
    if sizes is None or header.estimated:
        return errors  # whoever has read all of it knows better than an estimate
    if sizes.unused < 0:
        wanted = header.samples - sizes.unused
        errors.append(
            FieldError(
                pointer="/split",
                reason=f"the parts ask for {wanted} samples, the data set has {header.samples}",
                remedy=f"make the parts add up to at most {header.samples}",
            )
        )
    errors += [
        FieldError(
            pointer=f"/split/{name}",
            reason=f"{getattr(split, name)} of {header.samples} samples is {size}, too few",
            remedy=f"give a larger share, or a count of at least {least}",
        )
        for name, size, least in (
            ("train", sizes.train, MIN_TRAIN),
            ("validation", sizes.validation, 1),
            ("test", sizes.test, 1),
        )
        if size < least and getattr(split, name) is not None
    ]
    return errors
