"""Nondominated sets, their knee and their hypervolume: pure functions of losses.

A point is a tuple of two or three finite losses, smaller is better in each.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Losses: TypeAlias = tuple[float, ...]


class Member(NamedTuple):
    """A trial of a Pareto set."""

    number: int
    losses: Losses


def dominates(one: Losses, other: Losses) -> bool:
    """Whether `one` is at least as good in everything, and better in something."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def add_member(front: Sequence[Member], new: Member) -> list[Member]:
    """The Pareto set of the members and a new trial, by number.

    Of trials with the very same losses the one with the lowest number stays, so that the set
    does not depend on the order in which trials are added.
    """
    for member in front:
        if dominates(member.losses, new.losses) or (
            member.losses == new.losses and member.number <= new.number
        ):
            return list(front)
    kept = [
        member
        for member in front
        if not dominates(new.losses, member.losses) and member.losses != new.losses
    ]
    return sorted([*kept, new])


def pareto_front(points: Iterable[Member]) -> list[Member]:
    """The trials that no other one dominates, by number; one of each set of equals."""
    sweep = _Sweep()
    ordered = sorted(points, key=lambda point: (point.losses, point.number))
    return sorted(point for point in ordered if sweep.takes(point.losses))


def front_ranks(points: Sequence[Member], enough: int | None = None) -> dict[int, int]:
    """Number -> 0 for the Pareto set, 1 for that of the others, and so on; equals share a rank.

    Goldberg's nondomination ranking. Once `enough` points have a rank, all others share the next.
    """
    ranks: dict[int, int] = {}
    left = sorted(points, key=lambda point: (point.losses, point.number))
    rank = 0
    while left and (enough is None or len(ranks) < enough):
        sweep, beaten = _Sweep(), []
        newest: Losses | None = None
        for point in left:
            if point.losses == newest or sweep.takes(point.losses):
                ranks[point.number] = rank
                newest = point.losses
            else:
                beaten.append(point)
        left = beaten
        rank += 1
    return ranks | {point.number: rank for point in left}


@dataclass(frozen=True)
class Front:
    """The Pareto set of the trials so far, and how far all of them spread on each axis."""

    members: tuple[Member, ...] = ()
    """By number."""
    lows: Losses = ()
    highs: Losses = ()

    def add(self, new: Member) -> "Front":
        """The same with one more trial; in whatever order they come, the end is the same."""
        if not self.members:
            return Front((new,), new.losses, new.losses)
        return Front(
            tuple(add_member(self.members, new)),
            tuple(map(min, self.lows, new.losses)),
            tuple(map(max, self.highs, new.losses)),
        )

    @property
    def knee(self) -> Member | None:
        """See find_knee."""
        return find_knee(self.members)

    @property
    def hypervolume(self) -> float | None:
        """See box_share."""
        return box_share([member.losses for member in self.members], self.lows, self.highs)


class _Sweep:
    """Tells the members of a front from the others, in lexicographic order of their losses.

    There a point can only be dominated by one before it, which is as good on the first axis: it
    is enough to look at the other one or two. n log n for n points.
    """

    def __init__(self) -> None:
        self._second: list[float] = []
        """Ascending; `_third` descends along with it."""
        self._third: list[float] = []

    def takes(self, losses: Losses) -> bool:
        """Take in the next point; whether nothing before it is as good or better everywhere."""
        y, z = losses[1], losses[2] if len(losses) > 2 else 0.0
        ys, zs = self._second, self._third
        at = bisect_right(ys, y)
        if at and zs[at - 1] <= z:
            return False
        start = at - 1 if at and ys[at - 1] == y else at
        end = start
        while end < len(ys) and zs[end] >= z:
            end += 1
        ys[start:end], zs[start:end] = [y], [z]
        return True


def find_knee(front: Sequence[Member]) -> Member | None:
    """The member that lies furthest below the chord between the ends of the front.

    Each axis is scaled so that the best of the front is 0 and the worst 1; then the chord of two
    objectives joins (0, 1) and (1, 0), for three it is the plane through the unit points, and
    the distance below it is (1 - sum) / sqrt(d): the knee has the smallest sum (Das 1999, normal
    boundary intersection). Where the front bends the other way that is one of its ends. Ties go
    to the lowest number. None without members.
    """
    # Rounded: ends of a straight front differ by rounding alone, and their tie goes by number.
    height = heights(front)
    return min(front, key=lambda m: (round(height[m.number], 12), m.number), default=None)


def heights(front: Sequence[Member]) -> dict[int, float]:
    """Number -> the sum of its losses, every axis scaled to the front: least at the knee."""
    if not front:
        return {}
    lows, highs = _bounds(member.losses for member in front)
    return {
        member.number: sum(
            0.0 if high == low else (loss - low) / (high - low)
            for loss, low, high in zip(member.losses, lows, highs, strict=True)
        )
        for member in front
    }


def hypervolume(front: Iterable[Losses], reference: Losses) -> float:
    """The volume that the front dominates inside `reference`; points beyond it add nothing."""
    inside = sorted(
        (point for point in front if all(a < b for a, b in zip(point, reference, strict=True))),
        key=lambda point: point[::-1],
    )
    if not inside:
        return 0.0
    if len(reference) == 2:
        stairs = Stairs(reference[0], reference[1])
        return sum(stairs.add(x, y) for x, y in inside)
    # Slices along the third axis: the area of all points so far holds until the next one.
    stairs = Stairs(reference[0], reference[1])
    volume = area = 0.0
    before = inside[0][2]
    for x, y, z in inside:
        volume += area * (z - before)
        before = z
        area += stairs.add(x, y)
    return volume + area * (reference[2] - before)


def box_share(front: Sequence[Losses], lows: Losses, highs: Losses) -> float | None:
    """The hypervolume as a share of the box between the best and the worst losses seen.

    None where an axis has no width: nothing can be said of a single point.
    """
    if any(high <= low for low, high in zip(lows, highs, strict=True)):
        return None
    unit = [
        tuple((a - low) / (high - low) for a, low, high in zip(point, lows, highs, strict=True))
        for point in front
    ]
    return hypervolume(unit, (1.0,) * len(lows))


class Stairs:
    """The area below a reference corner that points of two losses dominate, point by point."""

    def __init__(self, right: float, top: float) -> None:
        self._right = right
        self._top = top
        self._xs: list[float] = []
        """Ascending; `_ys` descends along with it."""
        self._ys: list[float] = []

    def add(self, x: float, y: float) -> float:
        """Add a point; the area that it gains."""
        if x >= self._right or y >= self._top:
            return 0.0
        xs, ys = self._xs, self._ys
        at = bisect_left(xs, x)
        ceiling = ys[at - 1] if at else self._top
        if ceiling <= y or (at < len(xs) and xs[at] == x and ys[at] <= y):
            return 0.0
        gained, left, end = 0.0, x, at
        while end < len(xs) and ys[end] >= y:
            gained += (xs[end] - left) * (ceiling - y)
            left, ceiling = xs[end], ys[end]
            end += 1
        right = xs[end] if end < len(xs) else self._right
        gained += (right - left) * (ceiling - y)
        xs[at:end], ys[at:end] = [x], [y]
        return gained


def _bounds(points: Iterable[Losses]) -> tuple[Losses, Losses]:
    columns = list(zip(*points, strict=True))
    return tuple(min(column) for column in columns), tuple(max(column) for column in columns)
