"""Data sets that ship with the dependencies: offline, the same everywhere, small."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from trainers.data.digits import DIGITS_LAYOUT, open_digits
from trainers.data.encodings import Content, Numbers
from trainers.data.errors import UnreadableData, UnsuitableSplit
from trainers.data.layout import Layout, SampleFile
from trainers.data.photos import PHOTOS_LAYOUT, open_photos
from trainers.data.shipped import POINTER
from trainers.data.shipped_tables import TABLES, open_table
from trainers.data.sources import BuiltIn, Header, Split
from trainers.data.unicode_names import COUNT, LONGEST, SYMBOLS, open_unicode_names
from trainers.data.vocabulary import SPECIAL

Opened = tuple[SampleFile, Content]


@dataclass(frozen=True)
class BuiltInData:
    """A built-in data set; its header is known without opening anything."""

    header: Header
    open: Callable[[BuiltIn], Opened]


def _of_layout(layout: Layout) -> Header:
    return Header(
        layout.samples, layout.shape, layout.dtype.name, None, layout.bytes, kind=layout.kind
    )


def _of_table(name: str) -> Header:
    table = TABLES[name]
    columns = table.content.expected()
    return Header(
        samples=table.rows,
        shape=(sum(column.width for column in columns),),
        dtype=table.layout.dtype.name,
        test_samples=None,
        bytes=table.layout.bytes,
        kind="table",
        columns=columns,
    )


def _open_digits(source: BuiltIn) -> Opened:
    return open_digits(source.name).limited(source.limit), Numbers(DIGITS_LAYOUT)


def _open_photos(source: BuiltIn) -> Opened:
    return open_photos(source.name).limited(source.limit), Numbers(PHOTOS_LAYOUT)


def _open_table(source: BuiltIn) -> Opened:
    file, content = open_table(source.name)
    return file.limited(source.limit), content


def _open_names(source: BuiltIn) -> Opened:
    return open_unicode_names(source.name, source.limit, POINTER)


BUILT_IN: dict[str, BuiltInData] = {
    "digits": BuiltInData(_of_layout(DIGITS_LAYOUT), _open_digits),
    "photos": BuiltInData(_of_layout(PHOTOS_LAYOUT), _open_photos),
    **{name: BuiltInData(_of_table(name), _open_table) for name in TABLES},
    "unicode_names": BuiltInData(
        Header(
            samples=COUNT,
            shape=(LONGEST + 1,),
            dtype="uint32",
            test_samples=None,
            bytes=COUNT * (LONGEST + 1) * 4,
            kind="text",
            vocabulary=SYMBOLS + len(SPECIAL),
        ),
        _open_names,
    ),
}


def built_in_header(source: BuiltIn, split: Split) -> Header:
    """The header of a built-in data set. Raises UnreadableData."""
    header = _find(source, split).header
    if source.limit is None or source.limit >= header.samples:
        return header
    bytes_each = header.bytes // header.samples
    return replace(header, samples=source.limit, bytes=source.limit * bytes_each)


def open_built_in(source: BuiltIn, split: Split) -> Opened:
    """The samples of a built-in data set, and what they are. Raises UnreadableData."""
    return _find(source, split).open(source)


def _find(source: BuiltIn, split: Split) -> BuiltInData:
    if source.name not in BUILT_IN:
        known = ", ".join(sorted(BUILT_IN))
        raise UnreadableData(
            source.name[:64],
            "there is no built-in data set of this name",
            f"choose one of: {known}; or give {{kind: npz, path: ...}}",
            POINTER,
        )
    if split.paths:
        raise UnsuitableSplit(
            source.name,
            "a built-in data set cannot be split by paths",
            "give shares or counts",
            "/split",
        )
    return BUILT_IN[source.name]
