"""`resplit`: another train and validation part of the same data, under the same test part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.data.files import npy_bytes, samples, store
from trainers.data.errors import UnsuitableSplit
from trainers.data.grouping import group_sizes
from trainers.data.mapped import MappedData
from trainers.data.sources import BuiltIn, Npz, Split, Text
from trainers.data.splits import divide

SEEDS = st.integers(0, 2**63 - 1)
RESPLITS = st.integers(1, 2**31 - 1)


def divisions(split_of, counts, roots=None):
    """Resplit 0, and the resplits that `split_of` makes."""
    return [divide(each, "x", counts, roots) for each in split_of]


def splits(seed, *resplits, shares=(0.7, 0.15, 0.15)):
    return [Split(*shares, seed=seed, resplit=resplit) for resplit in (0, *resplits)]


def roots_of(labels):
    first: dict[int, int] = {}
    return np.array([first.setdefault(label, row) for row, label in enumerate(labels)], np.int64)


def sizes_of(parts):
    return [len(rows) for _, rows in parts.items()]


@given(st.integers(40, 2000), SEEDS, RESPLITS, st.sampled_from([0.15, 0.1]))
def test_the_test_part_stays_and_the_others_are_drawn_anew(count, seed, resplit, test):
    before, after = divisions(splits(seed, resplit, shares=(0.7, 0.15, test)), [count])
    np.testing.assert_array_equal(after.test, before.test)
    assert sizes_of(after) == sizes_of(before)
    rows = np.concatenate([rows for _, rows in after.items()])
    assert len(np.unique(rows)) == len(rows)
    assert not np.array_equal(after.train, before.train)
    assert set(after.validation) != set(before.validation)


def test_the_draw_is_the_same_on_every_machine_and_version():
    parts = divide(Split(5, 3, 2, "seed", 7, resplit=1), "x", [10])
    assert [rows.tolist() for _, rows in parts.items()] == [[4, 9, 3, 2, 6], [8, 0, 7], [5, 1]]


def test_no_two_resplits_and_no_two_seeds_draw_alike():
    found = [divide(Split(seed=s, resplit=r), "x", [400]) for s in range(4) for r in range(5)]
    assert len({tuple(sorted(parts.validation)) for parts in found}) == len(found)
    assert len({tuple(sorted(parts.test)) for parts in found}) == 4


def test_every_sample_outside_the_test_part_can_be_validated_on():
    found = [divide(Split(seed=3, resplit=r), "x", [100]) for r in range(60)]
    seen = set().union(*(set(parts.validation) for parts in found))
    assert seen == set(range(100)) - set(found[0].test)


@given(st.integers(60, 200), st.integers(0, 999), RESPLITS)
def test_groups_stay_whole_and_the_sizes_within_one_group(count, seed, resplit):
    labels = np.random.default_rng(seed).integers(0, 60, count).tolist()
    roots = roots_of(labels)
    try:
        before, after = divisions(splits(seed, resplit, shares=(0.6, 0.2, 0.2)), [count], roots)
    except UnsuitableSplit:
        return
    np.testing.assert_array_equal(after.test, before.test)
    found = [{labels[row] for row in rows} for _, rows in after.items()]
    assert sum(map(len, found)) == len(set.union(*found))
    assert sum(sizes_of(after)) == sum(sizes_of(before))
    moved = np.abs(np.subtract(sizes_of(after), sizes_of(before)))
    assert moved.max() <= group_sizes(roots).max()


@given(st.integers(0, 999), RESPLITS)
def test_with_single_samples_to_fill_up_the_sizes_are_equal(seed, resplit):
    labels = np.random.default_rng(seed).integers(0, 400, 200).tolist()
    roots = roots_of(labels + list(range(1000, 1100)))
    before, after = divisions(splits(seed, resplit, shares=(200, 60, 40)), [300], roots)
    assert sizes_of(after) == sizes_of(before) == [200, 60, 40]


def test_what_is_dropped_is_in_no_part():
    roots = np.arange(40)
    roots[[3, 11]] = -1
    parts = divide(Split(0.6, 0.2, 0.2, resplit=2), "x", [40], roots)
    rows = np.concatenate([rows for _, rows in parts.items()])
    assert sorted(rows) == [row for row in range(40) if row not in (3, 11)]


def test_a_test_file_stays_behind_samples_that_are_drawn_anew():
    before, after = divisions(splits(0, 1, shares=(0.5, 0.5, None)), [30, 4])
    assert after.test.tolist() == before.test.tolist() == [30, 31, 32, 33]
    assert set(after.train) != set(before.train)
    assert set(after.train) | set(after.validation) == set(range(30))


def test_samples_that_nobody_asked_for_may_be_drawn():
    found = [divide(Split(10, 5, 5, resplit=r), "x", [100]) for r in range(20)]
    assert all(sizes_of(parts) == [10, 5, 5] for parts in found)
    assert len(set().union(*(set(parts.train) for parts in found))) > 60


@pytest.mark.parametrize(
    ("split", "counts"),
    [(Split(order="file", resplit=1), [100]), (Split("a", "b", "c", resplit=1), [9, 9, 9])],
)
def test_what_cannot_be_drawn_anew_is_refused(split, counts):
    with pytest.raises(UnsuitableSplit) as refusal:
        divide(split, "x", counts)
    assert refusal.value.pointer == "/split/resplit"
    assert "resplit: 0" in refusal.value.remedy


HASHES = {
    "7bca9357f451392bc809fbcd3858a4da335fb394c506d13314a29b0176259f04": (
        BuiltIn("digits"),
        Split(),
        "unit",
    ),
    "fbb940f569c029e7f8ea6bba41796cbebed03642dd9b8ac348d452fb308ac67a": (
        BuiltIn("digits"),
        Split(order="file"),
        "unit",
    ),
    "6f88c50fe57317ba57b2485ff53f92a2d921ce7a0c854da7691ef17fc66277d0": (
        BuiltIn("iris", duplicates="drop"),
        Split(),
        "unit",
    ),
    "7783a290d25c204c472a10df43bb63fd00c6310b7cdf75b6a08d6305b5013bc5": (
        BuiltIn("unicode_names", limit=500, duplicates="near"),
        Split(),
        "unit",
    ),
}
"""As they were before there was a resplit: the stores of users hold folders of these names."""


@pytest.mark.parametrize("data_hash", HASHES)
def test_hashes_of_data_that_is_not_resplit_are_what_they_were(data_hash, tmp_path):
    source, split, scaling = HASHES[data_hash]
    assert store(source, tmp_path, split, scaling)[0].data_hash == data_hash


def test_every_resplit_is_a_data_set_with_its_own_scaling_and_baselines(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(200)))
    found = [store(Npz("x.npy"), tmp_path, split, "standard") for split in splits(0, 1, 2)]
    data = [MappedData.open(folder) for _, folder in found]
    tests = [each.test() * each.scale + each.offset for each in data]
    for each, test, (stored, _) in zip(data, tests, found, strict=True):
        np.testing.assert_allclose(test, tests[0], rtol=1e-5, atol=1e-4)
        assert abs(each.train.mean()) < 1e-5
        assert (stored.train, stored.validation, stored.test) == (140, 30, 30)
    for values in (
        [stored.data_hash for stored, _ in found],
        [float(each.offset.ravel()[0]) for each in data],
        [stored.baselines["mean_validation"] for stored, _ in found],
    ):
        assert len(set(values)) == 3


def test_copies_stay_together_in_every_resplit(tmp_path):
    array = samples(60)
    array[30:60] = array[:30]
    (tmp_path / "x.npy").write_bytes(npy_bytes(array))
    for split in splits(0, 1, 2, 3, shares=(0.6, 0.2, 0.2)):
        stored, _ = store(Npz("x.npy"), tmp_path, split)
        assert stored.audit is not None
        assert stored.audit["across_after"] == 0
        assert stored.audit["across_before"] > 0


def test_the_vocabulary_is_that_of_the_new_train_part(tmp_path):
    letters = [chr(ord("a") + i) * 3 for i in range(20)]
    (tmp_path / "x.txt").write_text("\n".join(letters))
    found = [store(Text("x.txt"), tmp_path, split)[0] for split in splits(0, 1, shares=(10, 5, 5))]
    known = [set(stored.tokens[4:]) for stored in found]
    assert [len(each) for each in known] == [10, 10]
    assert known[0] != known[1]
