import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.errors import UnreadableData, UnsuitableSplit
from trainers.data.grouping import GroupPattern, connect, same_key_edges
from trainers.data.sources import Split
from trainers.data.splits import divide


def groups_of(pattern, names):
    keys = GroupPattern(pattern, "x").keys(names).tolist()
    return [keys.index(key) for key in keys]


@pytest.mark.parametrize(
    ("pattern", "names", "groups"),
    [
        ("^(a|b)", ["a1", "b1", "a2"], [0, 1, 0]),
        ("^[ab]", ["a1", "b1", "a2"], [0, 1, 0]),
        (r"^(\w)-(\w)", ["a-b-1", "a-c-1", "a-b-2"], [0, 1, 0]),
        (r"^(?:x|y)(\d)", ["x1", "y1", "x2"], [0, 0, 2]),
        (r"^(?P<patient>p\d)", ["p1_a", "p2_a", "p1_b"], [0, 1, 0]),
        (r"\(([a-z])", ["(a", "(b", "(a."], [0, 1, 0]),
        (r"[(](x)", ["(x1", "(x2"], [0, 0]),
        ("^z", ["a", "b", "a"], [0, 1, 0]),
        (r"^(.*?)_1f3f[b-f](.*)$|^(.*)$", ["e_1f3fb.png", "e.png", "f.png"], [0, 0, 2]),
    ],
)
def test_what_a_pattern_matches_names_the_group(pattern, names, groups):
    assert groups_of(pattern, names) == groups


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(?<!x)y"])
def test_a_pattern_that_needs_more_than_linear_time_is_refused(pattern):
    with pytest.raises(UnreadableData) as refusal:
        GroupPattern(pattern, "x")
    assert refusal.value.pointer == "/dataset/group_by"


def test_a_pattern_cannot_hang():
    assert groups_of("(a+)+$", ["a" * 5000 + "b", "x"]) == [0, 1]


def test_names_that_are_no_unicode_have_a_group_too():
    assert groups_of("^(.)", ["a\udc80", "b\udc80"]) == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_connected_rows_share_the_first_row_of_their_component(pairs):
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    roots = connect(30, edges)
    expected = list(range(30))
    for _ in range(30):
        for left, right in pairs:
            expected[left] = expected[right] = min(expected[left], expected[right])
    assert roots.tolist() == expected


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_every_later_row_of_a_key_stands_beside_the_first(keys):
    edges = same_key_edges(np.array(keys, np.uint64))
    expected = {(keys.index(key), row) for row, key in enumerate(keys) if keys.index(key) != row}
    assert {(int(first), int(later)) for first, later in edges} == expected


def roots_of(labels):
    return np.array([labels.index(label) for label in labels], np.int64)


def parts_of(split, labels):
    parts = divide(split, "x", [len(labels)], roots_of(labels))
    return [rows.tolist() for _, rows in parts.items()]


@given(st.integers(60, 200), st.sampled_from(["seed", "file"]), st.integers(0, 999))
def test_no_group_is_ever_in_two_parts(count, order, seed):
    labels = np.random.default_rng(seed).integers(0, 60, count).tolist()
    try:
        parts = parts_of(Split(0.6, 0.2, 0.2, order, seed), labels)
    except UnsuitableSplit:
        return
    found = [{labels[row] for row in rows} for rows in parts]
    assert sum(map(len, found)) == len(set.union(*found))
    rows = [row for part in parts for row in part]
    assert len(rows) == len(set(rows))


@given(st.integers(0, 999))
def test_small_groups_leave_the_sizes_as_they_were_asked_for(seed):
    labels = np.random.default_rng(seed).integers(0, 400, 200).tolist()
    labels += range(1000, 1100)  # single samples fill what groups leave open
    sizes = [len(rows) for rows in parts_of(Split(200, 60, 40, "seed", seed), labels)]
    assert sizes == [200, 60, 40]


def test_single_samples_are_divided_as_without_groups():
    roots = np.arange(1797)
    with_groups = divide(Split(seed=3), "x", [1797], roots)
    without = divide(Split(seed=3), "x", [1797])
    for (_, mine), (_, theirs) in zip(with_groups.items(), without.items(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_in_file_order_who_comes_later_joins_the_first_of_the_group():
    labels = list("abcdefghij")
    labels[7] = "b"
    assert parts_of(Split(5, 3, 2, "file"), labels) == [[0, 1, 2, 3, 7], [4, 5, 6], [8, 9]]


def test_in_file_order_no_sample_of_a_later_part_moves_before_an_earlier_one():
    labels = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    train, validation, test = parts_of(Split(0.5, 0.2, 0.3, "file"), labels)
    assert max(train) < min(validation) < min(test)


def test_what_is_dropped_is_in_no_part():
    roots = np.arange(20)
    roots[[3, 11]] = -1
    parts = divide(Split(0.6, 0.2, 0.2), "x", [20], roots)
    rows = np.concatenate([rows for _, rows in parts.items()])
    assert sorted(rows) == [row for row in range(20) if row not in (3, 11)]


def test_samples_that_nobody_asked_for_stay_outside():
    parts = parts_of(Split(10, 5, 5), [i // 2 for i in range(100)])
    assert [len(rows) for rows in parts] == [10, 5, 5] or sum(map(len, parts)) <= 22


def test_one_group_of_everything_cannot_be_divided_and_the_remedy_says_how():
    with pytest.raises(UnsuitableSplit) as refusal:
        parts_of(Split(), [0] * 100)
    assert "duplicates: keep" in refusal.value.remedy


def test_files_of_their_own_stay_divided_as_they_are():
    roots = roots_of(list("abcabcabc"))
    parts = divide(Split("a", "b", "c"), "x", [3, 3, 3], roots)
    assert [rows.tolist() for _, rows in parts.items()] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_a_separate_test_file_keeps_its_copies_of_train_samples():
    roots = roots_of(list("abcdefghia"))
    parts = divide(Split(0.5, 0.5, None), "x", [9, 1], roots)
    assert parts.test.tolist() == [9]
