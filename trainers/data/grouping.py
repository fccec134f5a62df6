"""Which samples belong together: labels by a pattern, equal keys, and what both connect."""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnreadableData
from trainers.data.layout import Keys

Edges: TypeAlias = npt.NDArray[np.int64]
"""[m, 2] rows that belong together."""
Roots: TypeAlias = npt.NDArray[np.int64]
"""[N] the first row of each row's group."""


def key_of(label: bytes) -> int:
    """A 64-bit key of a label: equal labels, equal keys."""
    return int.from_bytes(hashlib.blake2b(label, digest_size=8).digest(), "little")


class GroupPattern:
    """`group_by`: what it matches in a sample's path or text names the sample's group.

    The pattern's groups one after another, or all that it matches where it has none. RE2 matches in
    linear time: no pattern can hang the service. Raises UnreadableData for what RE2 does not
    know (backreferences, lookarounds).
    """

    def __init__(self, pattern: str, path: str) -> None:
        import pyarrow  # here: the HTTP side should not load it for a header of digits

        self._pattern = _named(pattern)
        try:
            self._match(["a"])
        except pyarrow.ArrowInvalid as error:
            raise UnreadableData(
                path,
                f"group_by cannot be used: {str(error).splitlines()[0][:160]}",
                "write it without lookarounds and backreferences (RE2)",
                "/dataset/group_by",
            ) from None

    def keys(self, names: Sequence[str]) -> Keys:
        """[n] the group key of each name; where nothing matches, the name is its own group."""
        found = [
            "s" + name if parts is None else "g" + "".join(parts.values())
            for name, parts in zip(names, self._match(names), strict=True)
        ]
        return np.array([key_of(label.encode("utf-8", "replace")) for label in found], np.uint64)

    def _match(self, names: Sequence[str]) -> list[dict[str, str] | None]:
        import pyarrow
        import pyarrow.compute

        # A name from a zip or a folder may hold lone surrogates, which Arrow refuses.
        plain = [name.encode("utf-8", "replace").decode() for name in names]
        column = pyarrow.array(plain, pyarrow.string())
        matched = pyarrow.compute.extract_regex(column, self._pattern)
        return list(matched.to_pylist())


def _named(pattern: str) -> str:
    """The pattern with a name for each of its groups, as Arrow wants them."""
    out, index, inside, count = [], 0, False, 0
    while index < len(pattern):
        letter = pattern[index]
        if letter == "\\":
            out.append(pattern[index : index + 2])
            index += 2
            continue
        if letter == "[":
            inside = True
        elif letter == "]":
            inside = False
        opens = letter == "(" and not inside
        if opens and pattern[index + 1 : index + 2] != "?":
            count += 1
            letter = f"(?P<g{count}>"
        elif opens and pattern[index + 1 : index + 3] == "?P":
            count += 1
        out.append(letter)
        index += 1
    return "".join(out) if count else f"(?P<g0>{''.join(out)})"


def same_key_edges(keys: Keys) -> Edges:
    """Each row beside the first row with the same key; rows that are first are left out."""
    if len(keys) == 0:
        return np.empty((0, 2), np.int64)
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
    firsts = np.repeat(order[starts], np.diff(np.r_[starts, len(keys)]))
    later = firsts != order
    return np.stack([firsts[later], order[later]], axis=1).astype(np.int64)


def connect(count: int, edges: Edges) -> Roots:
    """The connected components of `count` rows; each is named by its first row.

    Roots hook onto smaller roots and paths are halved until nothing moves (Shiloach & Vishkin
    1982): a handful of passes, no recursion.
    """
    parent: Roots = np.arange(count, dtype=np.int64)
    while len(edges):
        left, right = parent[edges[:, 0]], parent[edges[:, 1]]
        apart = left != right
        if not apart.any():
            break
        edges = edges[apart]
        low, high = np.minimum(left, right)[apart], np.maximum(left, right)[apart]
        np.minimum.at(parent, high, low)
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent = above
    return parent


def group_sizes(roots: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """[groups] how many rows each group has."""
    return np.unique(roots, return_counts=True)[1]
