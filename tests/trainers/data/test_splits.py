import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.errors import UnsuitableSplit
from trainers.data.sources import Split
from trainers.data.splits import PartSizes, divide, part_sizes


def test_shares_that_add_up_to_one_use_every_sample():
    assert part_sizes(Split(), "x", [1797]) == PartSizes(1258, 269, 270)


def test_counts_are_taken_as_they_are():
    assert part_sizes(Split(100, 50, 25), "x", [1797]) == PartSizes(100, 50, 25)


def test_a_test_file_replaces_the_share_of_the_test_part():
    assert part_sizes(Split(), "x", [1000, 77]) == PartSizes(700, 150, 77)


def test_paths_take_whole_files():
    assert part_sizes(Split("a", "b", "c"), "x", [5, 6, 7]) == PartSizes(5, 6, 7)


@pytest.mark.parametrize(
    ("split", "counts", "pointer"),
    [
        (Split(1000, 798, 1), [1797], "/split/validation"),
        (Split(1797, 1, 1), [1797], "/split/validation"),
        (Split(0.7, 0.15, None), [1797], "/split/test"),
        (Split(0.7, 0.15, 0.00001), [1797], "/split/test"),
        (Split(0.0001, 0.5, 0.4), [1797], "/split/train"),
        (Split(0.7, 0.15, 0.15), [2], "/split/train"),
        (Split("a", "b", None), [5, 5], "/split/test"),
        (Split("a", "b", "c"), [1, 5, 5], "/split/train"),
    ],
)
def test_a_split_that_does_not_fit_points_at_its_field(split, counts, pointer):
    with pytest.raises(UnsuitableSplit) as refusal:
        part_sizes(split, "x", counts)
    assert refusal.value.pointer == pointer


@given(
    st.integers(40, 3000),
    st.floats(0.1, 0.5),
    st.floats(0.1, 0.2),
    st.sampled_from(["seed", "file"]),
    st.integers(0, 2**63 - 1),
)
def test_parts_never_share_a_sample(count, train, rest, order, seed):
    parts = divide(Split(train, rest, rest, order, seed), "x", [count])
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert len(np.unique(rows)) == len(rows)
    assert rows.min() >= 0
    assert rows.max() < count


def test_file_order_lays_the_parts_one_after_another():
    parts = divide(Split(5, 3, 2, "file"), "x", [12])
    assert parts.train.tolist() == [0, 1, 2, 3, 4]
    assert parts.validation.tolist() == [5, 6, 7]
    assert parts.test.tolist() == [8, 9]


def test_the_seed_shuffles_the_same_way_on_every_machine_and_version():
    parts = divide(Split(5, 3, 2, "seed", 7), "x", [10])
    assert np.concatenate([parts.train, parts.validation, parts.test]).tolist() == [
        *(6, 3, 4, 9, 0),
        *(2, 8, 7),
        *(5, 1),
    ]


def test_another_seed_gives_other_parts():
    first, second = (divide(Split(seed=seed), "x", [1797]) for seed in (0, 1))
    assert not np.array_equal(first.train, second.train)


def test_a_test_file_keeps_its_order_behind_the_divided_samples():
    parts = divide(Split(0.5, 0.5, None), "x", [10, 4])
    assert parts.test.tolist() == [10, 11, 12, 13]
    assert set(parts.train) | set(parts.validation) == set(range(10))


@pytest.mark.parametrize("sizes", [[10] * 3, [10] * 4, [1, 1, 100], [4, 80, 8, 8]])
@pytest.mark.parametrize("seed", range(4))
def test_few_groups_give_each_part_one_where_they_are_asked_to(sizes, seed):
    starts = np.cumsum([0, *sizes[:-1]])
    roots = np.repeat(starts, sizes)
    parts = divide(Split(seed=seed), "x", [sum(sizes)], roots, reserve=True)
    groups = [set(roots[rows].tolist()) for _, rows in parts.items()]
    assert all(groups)
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_two_groups_cannot_fill_three_parts():
    with pytest.raises(UnsuitableSplit, match="0 samples") as refusal:
        divide(Split(), "x", [20], np.repeat([0, 10], 10), reserve=True)
    assert "few and large" in refusal.value.remedy


def test_reserving_changes_nothing_where_every_part_has_its_groups():
    roots = np.repeat(np.arange(12) * 5, 5)
    plain = divide(Split(), "x", [60], roots)
    reserved = divide(Split(), "x", [60], roots, reserve=True)
    for (_, mine), (_, theirs) in zip(plain.items(), reserved.items(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
