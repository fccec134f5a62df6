"""Pareto sets, knees and hypervolumes against their definitions."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.pareto import (
    Member,
    Stairs,
    add_member,
    box_share,
    dominates,
    find_knee,
    front_ranks,
    hypervolume,
    pareto_front,
)

GRID = st.integers(0, 6).map(float)


def points(axes: int) -> st.SearchStrategy[list[Member]]:
    """Few values an axis, so that ties and equals occur."""
    losses = st.tuples(*[GRID] * axes)
    return st.lists(losses, max_size=25).map(
        lambda found: [Member(number, loss) for number, loss in enumerate(found)]
    )


clouds = st.sampled_from([2, 3]).flatmap(points)


@given(clouds)
def test_the_front_is_what_nothing_dominates(cloud: list[Member]) -> None:
    undominated = {m.losses for m in cloud if not any(dominates(o.losses, m.losses) for o in cloud)}
    front = pareto_front(cloud)
    assert {member.losses for member in front} == undominated
    assert len(front) == len(undominated)
    for member in front:
        assert member.number == min(m.number for m in cloud if m.losses == member.losses)


@given(clouds, st.randoms(use_true_random=False))
def test_adding_one_by_one_in_any_order_gives_the_same_front(
    cloud: list[Member], chance: random.Random
) -> None:
    chance.shuffle(cloud)
    front: list[Member] = []
    for member in cloud:
        front = add_member(front, member)
    assert front == pareto_front(cloud)


@given(clouds)
def test_ranks_peel_one_front_after_the_other(cloud: list[Member]) -> None:
    ranks = front_ranks(cloud)
    left = list(cloud)
    rank = 0
    while left:
        best = {m.losses for m in pareto_front(left)}
        assert all((ranks[m.number] == rank) == (m.losses in best) for m in left)
        left = [m for m in left if m.losses not in best]
        rank += 1
    assert len(ranks) == len(cloud)


@given(clouds, st.integers(1, 10))
def test_ranking_may_end_once_enough_have_a_rank(cloud: list[Member], enough: int) -> None:
    whole, short = front_ranks(cloud), front_ranks(cloud, enough)
    last = max(short.values(), default=0)
    assert short == {number: min(rank, last) for number, rank in whole.items()}
    assert sum(rank < last for rank in short.values()) >= min(enough, len(cloud)) or short == whole


def volume_by_cells(front: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """Unit cells whose lower corner some point is at or below."""
    cells = itertools.product(*(range(int(edge)) for edge in reference))
    return float(
        sum(any(all(a <= c for a, c in zip(p, cell, strict=True)) for p in front) for cell in cells)
    )


@given(clouds, st.integers(1, 7))
def test_the_hypervolume_counts_the_cells_that_are_dominated(
    cloud: list[Member], edge: int
) -> None:
    axes = len(cloud[0].losses) if cloud else 2
    reference = (float(edge),) * axes
    front = [member.losses for member in cloud]
    assert hypervolume(front, reference) == pytest.approx(volume_by_cells(front, reference))


@given(points(2))
def test_stairs_grow_by_what_each_point_gains(cloud: list[Member]) -> None:
    stairs, total = Stairs(7.0, 7.0), 0.0
    for count, member in enumerate(cloud, start=1):
        total += stairs.add(*member.losses)
        so_far = [m.losses for m in cloud[:count]]
        assert total == pytest.approx(hypervolume(so_far, (7.0, 7.0)))


@given(clouds)
def test_the_knee_is_a_member_that_lies_lowest_below_the_chord(cloud: list[Member]) -> None:
    front = pareto_front(cloud)
    knee = find_knee(front)
    if knee is None:
        assert not front
        return
    assert knee in front
    if len(front) > 1 and len(knee.losses) == 2:
        left, right = min(m.losses for m in front), max(m.losses for m in front)
        width, height = right[0] - left[0], left[1] - right[1]

        def below(member: Member) -> float:
            x, y = (member.losses[0] - left[0]) / width, (member.losses[1] - right[1]) / height
            return 1 - x - y

        assert below(knee) >= max(map(below, front)) - 1e-9


@given(points(2), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_knee_does_not_depend_on_units(cloud: list[Member], scale: float, shift: float) -> None:
    front = pareto_front(cloud)
    moved = [Member(m.number, (m.losses[0] * scale + shift, m.losses[1])) for m in front]
    knee, other = find_knee(front), find_knee(moved)
    assert (knee and knee.number) == (other and other.number)


def test_the_knee_of_an_l_is_its_corner() -> None:
    front = [Member(0, (0.0, 10.0)), Member(1, (0.1, 0.2)), Member(2, (9.0, 0.0))]
    assert find_knee(front) == front[1]


def test_the_ends_of_a_straight_front_tie_and_the_lowest_number_wins() -> None:
    front = [Member(5, (0.0, 1.0)), Member(3, (1.0, 0.0)), Member(7, (0.3, 0.7))]
    knee = find_knee(front)
    assert knee is not None and knee.number == 3


def test_the_share_of_the_box_is_between_nothing_and_everything() -> None:
    front = [(0.0, 10.0), (2.0, 2.0), (10.0, 0.0)]
    assert box_share(front, (0.0, 0.0), (10.0, 10.0)) == pytest.approx(0.64)
    assert box_share(front[1:2], (2.0, 2.0), (2.0, 2.0)) is None
