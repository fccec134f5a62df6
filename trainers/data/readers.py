"""From a source to its open files: which files there are, and which part each is."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trainers.data.built_in import open_built_in
from trainers.data.encodings import Content, Numbers
from trainers.data.errors import UnreadableData
from trainers.data.idx import open_idx
from trainers.data.image_members import Members, open_folder, open_zip
from trainers.data.layout import ArrayFile, SampleFile
from trainers.data.numpy_files import open_numpy
from trainers.data.roots import open_entry, open_under_roots
from trainers.data.sources import BuiltIn, Idx, Images, Npz, Source, Split, Table, Text

Named = tuple[str, str]
"""A path, and the JSON pointer of the field that names it."""


@dataclass(frozen=True)
class Opened:
    """The open files of a source, with checked and agreeing headers, and what their rows are."""

    files: list[SampleFile]
    content: Content


def source_paths(source: Source, split: Split) -> list[Named]:
    """(path, JSON pointer) of every file that is read, in the order in which they are staged."""
    if isinstance(source, BuiltIn):
        return []
    own_test = source.test_images if isinstance(source, Idx) else None
    separate = [] if own_test is None else [(own_test, "/dataset/test_images")]
    if split.paths:
        fields = ("train", "validation", "test")
        paths = [
            (part, f"/split/{field}")
            for part, field in zip((split.train, split.validation, split.test), fields, strict=True)
            if isinstance(part, str)
        ]
        return paths + (separate if split.test is None else [])
    if isinstance(source, Idx):
        return [(source.images, "/dataset/images"), *separate]
    return [(source.path, "/dataset/path")]


@contextmanager
def open_source(
    source: Source, split: Split, roots: Sequence[Path], bounded: bool = False
) -> Iterator[Opened]:
    """Every file of a source, open. Raises UnreadableData.

    Without paths in the split: the samples to divide, then the test file where there is one.
    With paths: train, validation, test. `bounded` reads headers and beginnings only; layouts may
    then be estimates.
    """
    with ExitStack() as stack:
        opened = _open(source, split, roots, bounded, stack)
        for file in opened.files:
            stack.callback(file.close)
        _check_agreement(opened.files)
        yield opened


def _open(
    source: Source, split: Split, roots: Sequence[Path], bounded: bool, stack: ExitStack
) -> Opened:
    if isinstance(source, BuiltIn):
        file, content = open_built_in(source, split)
        return Opened([file], content)
    paths = source_paths(source, split)
    limits = _limits(source.limit, len(paths), bool(split.paths))
    if isinstance(source, Images):
        # Only here and below: a service without images or tables need not load their libraries.
        from trainers.data.image_files import open_images

        images: list[SampleFile] = []
        for (path, pointer), limit in zip(paths, limits, strict=True):
            members = _open_members(path, roots, pointer)
            stack.callback(members.close)
            images.append(open_images(members, source, limit, bounded))
        return Opened(images, Numbers(images[0].layout))
    handles: list[tuple[BinaryIO, str, str]] = [
        (stack.enter_context(open_under_roots(path, roots, pointer)), path, pointer)
        for path, pointer in paths
    ]
    if isinstance(source, Text):
        from trainers.data.text_files import open_texts

        texts, text_content = open_texts(handles, source, limits, bounded)
        return Opened([*texts], text_content)
    if isinstance(source, Table):
        from trainers.data.table_files import open_tables

        tables, table_content = open_tables(handles, source, limits, bounded)
        return Opened([*tables], table_content)
    arrays: list[SampleFile] = []
    for (handle, path, pointer), limit in zip(handles, limits, strict=True):
        arrays.append(_open_array(source, handle, path, pointer).limited(limit))
    return Opened(arrays, Numbers(arrays[0].layout))


def _open_array(source: Idx | Npz, handle: BinaryIO, path: str, pointer: str) -> ArrayFile:
    if isinstance(source, Npz):
        return open_numpy(handle, path, source.key, pointer)
    return open_idx(handle, path, pointer)


def _limits(limit: int | None, files: int, paths: bool) -> list[int | None]:
    """The limit of each file: a separate test file is never cut."""
    test = files - 1 if paths or files == 2 else files
    return [limit if index != test else None for index in range(files)]


def _open_members(path: str, roots: Sequence[Path], pointer: str) -> Members:
    """The images of a folder or zip below the roots."""
    descriptor = open_entry(path, roots, pointer)
    with ExitStack() as unless_opened:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            unless_opened.callback(os.close, descriptor)
            members = open_folder(descriptor, path, pointer)
        else:
            file = unless_opened.enter_context(os.fdopen(descriptor, "rb"))
            if not stat.S_ISREG(mode) or file.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
                raise UnreadableData(
                    path,
                    "it is neither a folder nor a zip",
                    "name a folder or zip of images",
                    pointer,
                )
            members = open_zip(file, path, pointer)
        unless_opened.pop_all()
    return members


def _check_agreement(files: Sequence[SampleFile]) -> None:
    first = files[0]
    for other in files[1:]:
        for name, left, right in (
            ("shape", first.layout.shape, other.layout.shape),
            ("type", first.layout.dtype, other.layout.dtype),
        ):
            if left != right:
                raise UnreadableData(
                    other.path,
                    f"its samples have {name} {right}, those of {first.path} have {left}",
                    "give files whose samples have the same shape and number type",
                    other.pointer,
                )
