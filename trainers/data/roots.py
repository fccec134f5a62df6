"""Opening files that users name: only below the configured roots, never through a link."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from trainers.data.errors import UnreadableData

_IN_ROOTS = "put the file below one of the folders in HIFITUNE_DATA_ROOTS and name it from there"


def open_under_roots(path: str, roots: Sequence[Path], pointer: str = "/dataset") -> BinaryIO:
    """Open a regular file below one of the roots for reading, as `open_entry` finds it."""
    descriptor = open_entry(path, roots, pointer)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableData(path, "it is not a regular file", "name the file itself", pointer)
    return os.fdopen(descriptor, "rb")


def open_entry(path: str, roots: Sequence[Path], pointer: str = "/dataset") -> int:
    """Open a file or a folder below one of the roots for reading; its descriptor.

    A relative path is tried below each root in turn; an absolute one must lie below a root.
    The path is walked one component at a time from the root's descriptor with O_NOFOLLOW, so
    that neither a link nor a folder swapped under our feet leads out. Raises UnreadableData.
    """

    def refuse(reason: str, remedy: str = _IN_ROOTS) -> UnreadableData:
        return UnreadableData(path, reason, remedy, pointer)

    if not roots:
        raise refuse(
            "no data folder is configured", "start the service with HIFITUNE_DATA_ROOTS=FOLDER"
        )
    if not path or "\x00" in path:
        raise refuse("the path is empty or holds a zero byte", "give the path of a file")
    if ".." in Path(path).parts:
        raise refuse("the path contains '..'")
    candidates = _candidates(Path(path), roots)
    if not candidates:
        raise refuse("the path is outside the configured data folders")
    for root, parts in candidates:
        try:
            descriptor = _walk(root, parts)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise refuse(*_reason(error)) from error
        return descriptor
    raise refuse("there is no such file below the configured data folders")


def _candidates(path: Path, roots: Sequence[Path]) -> list[tuple[Path, tuple[str, ...]]]:
    if not path.is_absolute():
        return [(root, path.parts) for root in roots] if path.parts else []
    found = []
    for root in roots:
        for base in (root.absolute(), root.resolve()):
            if path.is_relative_to(base) and path != base:
                found.append((root, path.relative_to(base).parts))
                break
    return found


def _walk(root: Path, parts: tuple[str, ...]) -> int:
    folder = os.open(root.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
        # O_NONBLOCK: a FIFO must not hang us before fstat has told what it is.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)


def _reason(error: OSError) -> tuple[str, str]:
    if error.errno == errno.ELOOP:
        return (
            "it is a symbolic link, and links are not followed",
            "name the file that it points to, below a configured data folder",
        )
    if error.errno == errno.ENOTDIR:
        return "a folder of the path is a link or not a folder", _IN_ROOTS
    if error.errno == errno.EACCES:
        return "the service may not read it", "give the service's user the right to read it"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is too long", "give the path of a file"
    return f"it cannot be opened ({error.strerror})", "check the file and its disk"
