"""A data set's header: all that a POST reads of it."""

import os
from collections.abc import Sequence
from pathlib import Path

from trainers.data.digits import DIGITS_LAYOUT
from trainers.data.layout import Layout
from trainers.data.readers import open_files, source_paths
from trainers.data.roots import open_under_roots
from trainers.data.sources import BuiltIn, Header, Source, Split
from trainers.data.splits import part_sizes


def read_header(source: Source, split: Split, roots: Sequence[Path]) -> Header:
    """What the headers of a source's files say, checked against the caps.

    Reads a few hundred bytes of each file. Whether shares and counts fit is left to whoever
    knows the spec; files that are parts must each suffice. Raises UnreadableData.
    """
    if source == BuiltIn("digits") and not split.paths:
        return _summarize([DIGITS_LAYOUT])
    with open_files(source, split, roots) as files:
        layouts = [file.layout for file in files]
        if split.paths:
            part_sizes(split, files[0].path, [layout.samples for layout in layouts])
        return _summarize(layouts)


def _summarize(layouts: list[Layout]) -> Header:
    counts = [layout.samples for layout in layouts]
    separate = len(counts) > 1
    return Header(
        samples=sum(counts[:-1]) if separate else counts[0],
        shape=layouts[0].shape,
        dtype=dtype_name(layouts[0]),
        test_samples=counts[-1] if separate else None,
        bytes=sum(layout.bytes for layout in layouts),
    )


def dtype_name(layout: Layout) -> str:
    """The number type of a file without its byte order: `uint8`, `float32`."""
    return layout.dtype.newbyteorder("=").name


def file_stats(source: Source, split: Split, roots: Sequence[Path]) -> list[list[int | str]]:
    """[path, size, mtime in ns, inode] of each file: changes whenever a file is replaced.

    Empty for built-in data sets. Raises UnreadableData.
    """
    stats: list[list[int | str]] = []
    for path, pointer in source_paths(source, split):
        with open_under_roots(path, roots, pointer) as file:
            found = os.fstat(file.fileno())
            stats.append([path, found.st_size, found.st_mtime_ns, found.st_ino])
    return stats
