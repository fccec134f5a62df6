"""A data set's header: all that a POST reads of it."""

import os
from collections.abc import Sequence
from pathlib import Path

from trainers.data.built_in import built_in_header
from trainers.data.layout import Layout
from trainers.data.readers import Opened, open_source, source_paths
from trainers.data.roots import open_entry
from trainers.data.sources import BuiltIn, Header, Source, Split
from trainers.data.splits import part_sizes
from trainers.data.table_encoding import TableContent


def read_header(source: Source, split: Split, roots: Sequence[Path]) -> Header:
    """What the headers of a source's files say, checked against the caps.

    Reads a few hundred bytes of each file, of text and tables the beginning (at most 4 MiB; then
    `estimated` says that samples, shape, columns and vocabulary are estimates). Whether shares
    and counts fit is left to whoever knows the spec; files that are parts must each suffice.
    Raises UnreadableData.
    """
    if isinstance(source, BuiltIn):
        return built_in_header(source, split)
    with open_source(source, split, roots, bounded=True) as opened:
        layouts = [file.layout for file in opened.files]
        if split.paths:
            path = opened.files[0].path
            part_sizes(split, path, [layout.samples for layout in layouts])
        return _summarize(layouts, opened)


def _summarize(layouts: list[Layout], opened: Opened) -> Header:
    counts = [layout.samples for layout in layouts]
    separate = len(counts) > 1
    first = layouts[0]
    shape, content, vocabulary = first.shape, opened.content, 0
    columns = content.expected() if isinstance(content, TableContent) else ()
    size = sum(layout.bytes for layout in layouts)
    if columns:
        shape = (sum(column.width for column in columns),)
        size = max(size, 4 * sum(counts) * shape[0])
    if first.kind == "text":
        from trainers.data.text_files import TextFile, estimate_vocabulary

        file = opened.files[0]
        assert isinstance(file, TextFile)
        vocabulary = estimate_vocabulary(file)
    return Header(
        samples=sum(counts[:-1]) if separate else counts[0],
        shape=shape,
        dtype=dtype_name(first),
        test_samples=counts[-1] if separate else None,
        bytes=size,
        kind=first.kind,
        columns=columns,
        vocabulary=vocabulary,
        estimated=not all(layout.exact for layout in layouts),
    )


def dtype_name(layout: Layout) -> str:
    """The number type of a file without its byte order: `uint8`, `float32`."""
    return layout.dtype.newbyteorder("=").name


def file_stats(source: Source, split: Split, roots: Sequence[Path]) -> list[list[int | str]]:
    """[path, size, mtime in ns, inode] of each file: changes whenever a file is replaced.

    Of a folder, its own: files that are added or removed change it. Empty for built-in data sets.
    Raises UnreadableData.
    """
    stats: list[list[int | str]] = []
    for path, pointer in source_paths(source, split):
        descriptor = open_entry(path, roots, pointer)
        found = os.fstat(descriptor)
        os.close(descriptor)
        stats.append([path, found.st_size, found.st_mtime_ns, found.st_ino])
    return stats
