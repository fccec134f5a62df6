"""How many samples the parts of a split get, and what cannot be divided."""

from dataclasses import dataclass

from service.domain.records import DataHeader
from service.domain.spec import BuiltInDataset, DatasetSpec, IdxDataset, Part, SplitSpec
from service.errors import FieldError

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
    """Samples in each part, or None when the parts are files of their own."""
    if isinstance(split.train, str):
        return None
    train = _count(split.train, header.samples)
    validation = _count(split.validation, header.samples)
    inside = 0 if split.test is None else _count(split.test, header.samples)
    test = (header.test_samples or 0) if split.test is None else inside
    return PartSizes(train, validation, test, header.samples - train - validation - inside)


def check_split(split: SplitSpec, dataset: DatasetSpec, header: DataHeader) -> list[FieldError]:
    """What is wrong with a resolved split of this data."""
    errors: list[FieldError] = []
    own_test = has_test_file(dataset)
    if split.test is None and not own_test:
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
    sizes = part_sizes(split, header)
    if sizes is None:
        return errors
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
            reason=f"{getattr(split, name)} of {header.samples} samples is none at all",
            remedy="give a larger share or a count",
        )
        for name in ("train", "validation", "test")
        if getattr(sizes, name) == 0 and getattr(split, name) is not None
    ]
    return errors


def _count(part: Part, samples: int) -> int:
    """A share is rounded down; float noise is not (0.7 of 10 is 7)."""
    if isinstance(part, float):
        return int(part * samples + 1e-9)
    assert isinstance(part, int)
    return part
