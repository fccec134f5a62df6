"""Fewer points without losing what matters: the best, the extremes and the ends are kept."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

MAX_POINTS = 2000
"""Of a line."""
MAX_MARKS = 400
"""Of a cloud of marks: each is an element of its own, which costs a browser as much as twenty
points of a line."""
MARKS_TOGETHER = 600
"""Of all the clouds of one drawing."""
FEWEST_MARKS = 40
"""Of a cloud, if it has so many: a rare kind is still seen as a cloud."""
_WHOLE: ContextVar[bool] = ContextVar("whole", default=False)


@contextmanager
def every_point() -> Iterator[None]:
    """Nothing is left out within the block: a file of the data holds them all."""
    token = _WHOLE.set(True)
    try:
        yield
    finally:
        _WHOLE.reset(token)


def is_whole() -> bool:
    """Whether a file is made, and not a drawing."""
    return _WHOLE.get()


def choose_points(
    values: Sequence[float | None], limit: int = MAX_POINTS, keep: Collection[int] = ()
) -> list[int]:
    """Positions (ascending) of at most `limit` values.

    Kept for sure: `keep`, both ends, the smallest and the largest value. The rest is the smallest
    and the largest of equally long stretches, so that the outline of a series stays.
    """
    count = len(values)
    if count <= limit or is_whole():
        return list(range(count))
    known = [position for position, value in enumerate(values) if value is not None]
    chosen = {position for position in keep if 0 <= position < count} | {0, count - 1}
    if known:
        chosen |= {min(known, key=values.__getitem__), max(known, key=values.__getitem__)}  # type: ignore[arg-type]
    stretches = max(1, (limit - len(chosen)) // 2)
    for stretch in range(stretches):
        start, end = stretch * count // stretches, (stretch + 1) * count // stretches
        inside = [position for position in range(start, end) if values[position] is not None]
        if inside:
            chosen.add(min(inside, key=values.__getitem__))  # type: ignore[arg-type]
            chosen.add(max(inside, key=values.__getitem__))  # type: ignore[arg-type]
    return sorted(chosen)


def share_marks(counts: Sequence[int]) -> list[int]:
    """How many marks each cloud of a drawing may have: by its size, but few for none of them."""
    together = sum(counts)
    if together <= MARKS_TOGETHER:
        return list(counts)
    return [
        min(count, max(FEWEST_MARKS, MARKS_TOGETHER * count // together), MAX_MARKS)
        for count in counts
    ]


def spread(count: int, limit: int) -> list[int]:
    """At most `limit` evenly spaced positions of `count`, both ends among them."""
    if count <= limit or is_whole():
        return list(range(count))
    if limit <= 1:
        return [0][:limit]
    return [round(i * (count - 1) / (limit - 1)) for i in range(limit)]
