from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.domain.datasets import IdxDataset, NpzDataset
from service.domain.records import DataHeader
from service.domain.spec import SplitSpec
from service.domain.splits import check_selection, check_split, part_sizes, resolve_split
from service.domain.strategies import SelectionSpec

FILE = NpzDataset(kind="npz", path="a.npy")
PAIR = IdxDataset(kind="idx", images="a", test_images="b")


def header(samples: int, test_samples: int | None = None) -> DataHeader:
    return DataHeader(
        samples=samples, shape=[4], dtype="uint8", test_samples=test_samples, bytes=samples * 4
    )


def split(**fields: Any) -> SplitSpec:
    return SplitSpec.model_validate(fields)


def test_digits_are_divided_as_the_store_divides_them() -> None:
    sizes = part_sizes(SplitSpec(), header(1797))
    assert sizes is not None
    assert (sizes.train, sizes.validation, sizes.test, sizes.unused) == (1258, 269, 270, 0)


def test_counts_and_a_test_file() -> None:
    wanted = split(train=50_000, validation=10_000, test=None, order="file")
    sizes = part_sizes(wanted, header(60_000, 10_000))
    assert sizes is not None
    assert (sizes.train, sizes.validation, sizes.test, sizes.unused) == (50_000, 10_000, 10_000, 0)


@given(st.integers(10, 100_000), st.floats(0.05, 0.9), st.floats(0.05, 0.9))
def test_shares_that_add_up_to_one_use_every_sample(
    samples: int, train: float, validation: float
) -> None:
    assume(train + validation < 0.95)
    wanted = split(train=train, validation=validation, test=1 - train - validation)
    sizes = part_sizes(wanted, header(samples))
    assert sizes is not None
    assert sizes.train + sizes.validation + sizes.test == samples


def test_parts_in_files_of_their_own_have_no_sizes_yet() -> None:
    assert part_sizes(split(train="a", validation="b", test="c"), header(9)) is None


@pytest.mark.parametrize(
    ("wanted", "data", "samples", "where"),
    [
        (split(test=None), FILE, 100, "/split/test"),
        (split(test=0.1), PAIR, 100, "/split/test"),
        (split(train="a", validation="b", test=None), FILE, 100, "/split/test"),
        (split(train="a", validation="b", test=None), PAIR, 100, "/split/test"),
        (split(train=90, validation=9, test=9), FILE, 100, "/split"),
        (split(train=1), FILE, 100, "/split/train"),
        (split(validation=0.001), FILE, 100, "/split/validation"),
        (split(test=0.001), FILE, 100, "/split/test"),
        (split(resplit=1, order="file"), FILE, 100, "/split/resplit"),
        (split(resplit=1, train="a", validation="b", test="c"), FILE, 100, "/split/resplit"),
    ],
)
def test_what_cannot_be_divided_is_refused(
    wanted: SplitSpec, data: Any, samples: int, where: str
) -> None:
    assert [error.pointer for error in check_split(wanted, data, header(samples))] == [where]


@pytest.mark.parametrize("dataset", [FILE, PAIR])
def test_train_and_validation_can_be_drawn_anew_beside_any_test_part(dataset: Any) -> None:
    wanted = resolve_split(split(resplit=7), dataset)
    assert check_split(wanted, dataset, header(100, 10)) == []
    assert check_selection(SelectionSpec(resplit=True), wanted) == []


@pytest.mark.parametrize(
    "wanted", [split(order="file"), split(train="a", validation="b", test="c")]
)
def test_a_selection_over_splits_needs_a_split_that_can_be_drawn_anew(wanted: SplitSpec) -> None:
    (error,) = check_selection(SelectionSpec(resplit=True), wanted)
    assert error.pointer == "/selection/resplit"
    assert "resplit: false" in error.remedy
    assert check_selection(SelectionSpec(), wanted) == []
    assert check_selection(SelectionSpec(top_k=0, resplit=True), wanted) == []


def test_a_test_file_replaces_the_default_share_only() -> None:
    assert resolve_split(SplitSpec(), PAIR).test is None
    assert resolve_split(split(test=0.1), PAIR).test == 0.1
    assert resolve_split(SplitSpec(), FILE).test == 0.15
