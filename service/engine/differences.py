"""What is recorded beside what follows from the other records."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """Something recorded that is not what follows from the other records."""

    where: str
    """`trial 7, learning_rate`, in words."""
    recorded: Any
    derived: Any


def alike(one: Any, other: Any) -> bool:
    """Equal, but for the last bits of sums that another machine may have rounded otherwise."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def same(where: str, recorded: Any, derived: Any) -> Iterator[Difference | None]:
    """None where the two are alike, or their difference."""
    yield None if alike(recorded, derived) else Difference(where, recorded, derived)


def same_fields(
    where: str,
    recorded: Mapping[str, Any],
    derived: Mapping[str, Any],
    besides: Sequence[str] = (),
) -> Iterator[Difference]:
    """Every field that differs, by name; one that is only there on one side is None on the other.

    `besides`: names that are not compared.
    """
    for name in sorted({*recorded, *derived} - set(besides)):
        one, other = recorded.get(name), derived.get(name)
        if not alike(one, other):
            yield Difference(f"{where}{name}", one, other)
