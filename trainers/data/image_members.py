"""The image files of a folder or a zip, in the order of their names; no link is followed."""

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from trainers.data.errors import UnreadableData
from trainers.data.layout import named_failures
from trainers.data.numpy_files import directory_size
from trainers.data.sources import MAX_BYTES, MAX_RATIO, RATIO_FREE_BYTES

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MAX_IMAGE_BYTES = 64 << 20
MAX_IMAGES = 1_000_000
MAX_DIRECTORY_BYTES = 128 << 20
MAX_DEPTH = 8


@dataclass
class Members:
    """The images below a path; `open` gives one of them by its name inside."""

    names: list[str]
    bytes: int
    """Stored bytes of all."""
    opener: Callable[[str], BinaryIO]
    closer: Callable[[], None]
    path: str
    pointer: str
    closed: bool = False

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """One image's bytes."""
        with named_failures(self.path, self.pointer), self.opener(name) as file:
            yield file

    def close(self) -> None:
        """Close folder or zip."""
        if not self.closed:
            self.closed = True
            self.closer()


def open_folder(descriptor: int, path: str, pointer: str) -> Members:
    """The images below an open folder, at most MAX_DEPTH folders deep."""
    found: list[tuple[str, int]] = []
    _list_folder(descriptor, "", 0, found, path, pointer)

    def opener(name: str) -> BinaryIO:
        return _open_inside(descriptor, name, path, pointer)

    found.sort()
    names = [name for name, _ in found]
    total = sum(size for _, size in found)
    _check_any(names, path, pointer)
    return Members(names, total, opener, lambda: os.close(descriptor), path, pointer)


def _list_folder(
    folder: int, prefix: str, depth: int, found: list[tuple[str, int]], path: str, pointer: str
) -> None:
    def refuse(reason: str, remedy: str) -> UnreadableData:
        return UnreadableData(path, reason, remedy, pointer)

    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_symlink() and (_is_image(name) or entry.is_dir()):
                raise refuse(
                    f"{name[-120:]!r} is a symbolic link, and links are not followed",
                    "put the file itself there",
                )
            if entry.is_dir(follow_symlinks=False):
                if depth + 1 >= MAX_DEPTH:
                    raise refuse(f"it is more than {MAX_DEPTH} folders deep", "move images up")
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                inner = os.open(entry.name, flags, dir_fd=folder)
                try:
                    _list_folder(inner, name + "/", depth + 1, found, path, pointer)
                finally:
                    os.close(inner)
            elif _is_image(name):
                size = entry.stat(follow_symlinks=False).st_size
                _check_size(name, size, path, pointer)
                found.append((name, size))
                if len(found) > MAX_IMAGES:
                    raise refuse(f"it holds more than {MAX_IMAGES:,} images", "take a part of them")


def _open_inside(folder: int, name: str, path: str, pointer: str) -> BinaryIO:
    *folders, last = name.split("/")
    current = os.dup(folder)
    try:
        for part in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=current)
            os.close(current)
            current = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(last, flags, dir_fd=current)
    finally:
        os.close(current)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableData(path, f"{name[-120:]!r} is not a regular file", "remove it", pointer)
    return os.fdopen(descriptor, "rb")


def open_zip(file: BinaryIO, path: str, pointer: str) -> Members:
    """The images in a zip; nothing is unpacked to disk. Raises UnreadableData."""

    def refuse(reason: str, remedy: str = "pack the images again") -> UnreadableData:
        return UnreadableData(path, reason, remedy, pointer)

    stored = file.seek(0, 2)
    file.seek(0)
    with named_failures(path, pointer):
        entries, directory_bytes = directory_size(file, stored)
        if entries > MAX_IMAGES or directory_bytes > min(MAX_DIRECTORY_BYTES, stored):
            raise refuse(f"it claims {entries:,} members; {MAX_IMAGES:,} are allowed")
        try:
            archive = zipfile.ZipFile(file)
        except (ValueError, NotImplementedError, UnicodeDecodeError) as error:
            raise refuse(f"its directory is damaged ({str(error)[:80]})") from None
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if name.startswith(("/", "\\")) or "\\" in name or ".." in PurePosixPath(name).parts:
            raise refuse(f"its member {name[-120:]!r} points outside", "pack relative names")
        if info.is_dir() or not _is_image(name):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise refuse(f"its member {name[-120:]!r} is a symbolic link", "pack the file itself")
        if info.flag_bits & 0x1:
            raise refuse(f"its member {name[-120:]!r} is encrypted", "pack it without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse(f"its member {name[-120:]!r} is compressed with an unusual method")
        if name in members:
            raise refuse(f"two members have the name {name[-120:]!r}")
        _check_size(name, info.file_size, path, pointer)
        members[name] = info
    total = sum(info.file_size for info in members.values())
    if total > MAX_BYTES or (total > RATIO_FREE_BYTES and total > MAX_RATIO * stored):
        raise refuse(
            f"{stored:,} stored bytes claim to decode to {total:,}", "store it uncompressed"
        )
    _check_any(list(members), path, pointer)

    def opener(name: str) -> BinaryIO:
        # Whole, because decoders seek; the size has been checked, and read() checks the sum.
        with archive.open(members[name]) as member:
            return io.BytesIO(member.read(MAX_IMAGE_BYTES))

    def closer() -> None:
        archive.close()
        file.close()

    return Members(sorted(members), total, opener, closer, path, pointer)


def _is_image(name: str) -> bool:
    inside = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in inside.parts)
    return inside.suffix.lower() in SUFFIXES and not hidden


def _check_size(name: str, size: int, path: str, pointer: str) -> None:
    if size > MAX_IMAGE_BYTES:
        raise UnreadableData(
            path,
            f"{name[-120:]!r} has {size:,} bytes; {MAX_IMAGE_BYTES:,} are allowed",
            "make it smaller, or remove it",
            pointer,
        )


def _check_any(names: list[str], path: str, pointer: str) -> None:
    if not names:
        raise UnreadableData(
            path,
            "it holds no images",
            f"put files there that end in {', '.join(SUFFIXES)}",
            pointer,
        )
