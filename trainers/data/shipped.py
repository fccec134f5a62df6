"""Where built-in data sets come from: files beside scikit-learn, found without importing it."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainers.data.errors import UnreadableData
from trainers.data.layout import Block, Layout

POINTER = "/dataset/name"


def shipped_file(inside: str, name: str) -> Path:
    """A file of scikit-learn's data sets ("data/iris.csv"). Raises UnreadableData."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise UnreadableData(name, "scikit-learn is not installed", "install scikit-learn", POINTER)
    path = Path(found.submodule_search_locations[0]) / "datasets" / inside
    if not path.is_file():
        raise other_version(name)
    return path


def other_version(name: str) -> UnreadableData:
    """What is said of a file that is not as this version knows it."""
    return UnreadableData(
        name, "scikit-learn's file has changed", "install the pinned scikit-learn", POINTER
    )


@dataclass
class MemoryFile:
    """Samples that fit in memory, as a file."""

    path: str
    layout: Layout
    block: Block
    pointer: str = POINTER

    def limited(self, limit: int | None) -> "MemoryFile":
        """The first samples only."""
        if limit is None or limit >= self.layout.samples:
            return self
        groups = self.block.groups
        block = Block(self.block.rows[:limit], None if groups is None else groups[:limit])
        return replace(self, layout=replace(self.layout, samples=limit), block=block)

    def blocks(self) -> Iterator[Block]:
        """All samples at once."""
        yield self.block

    def close(self) -> None:
        """Nothing is open."""
