"""Folders that appear whole or not at all, also under kill -9 and two writers."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PREFIX = ".ingest-"
_SUFFIX = ".lock"


@contextmanager
def workspace(store: Path) -> Iterator[Path]:
    """A private temporary folder in the store, gone at the end unless published.

    Beside it lies a lock file that its process holds: what dead processes left is recognised
    by free locks and swept by the next caller, without clocks or process ids.
    """
    store.mkdir(parents=True, exist_ok=True)
    folder = store / f"{_PREFIX}{secrets.token_hex(8)}"
    lock = folder.with_name(folder.name + _SUFFIX)
    # The store's own lock closes the gap between making a lock file and holding it.
    with _open_lock(store / ".lock") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        _sweep(store)
        held = _open_lock(lock)
        fcntl.flock(held, fcntl.LOCK_EX)
    with held:
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def publish(folder: Path, target: Path) -> None:
    """Flush a folder to disk and rename it to `target`; if another was first, theirs stays."""
    for file in folder.iterdir():
        _fsync(file)
    _fsync(folder)
    try:
        folder.rename(target)
    except OSError:
        # A folder cannot replace one that is not empty: an equal one was published meanwhile.
        if not target.is_dir():
            raise
    _fsync(target.parent)


def sweep(store: Path) -> None:
    """Remove what dead processes left in a store; those that live keep theirs."""
    store.mkdir(parents=True, exist_ok=True)
    with _open_lock(store / ".lock") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        _sweep(store)


def _sweep(store: Path) -> None:
    for lock in store.glob(f"{_PREFIX}*{_SUFFIX}"):
        with _open_lock(lock) as probe:
            try:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(lock.with_name(lock.name.removesuffix(_SUFFIX)), ignore_errors=True)
            lock.unlink(missing_ok=True)


def _open_lock(path: Path) -> BinaryIO:
    # Opened to append: a file that is a lock and nothing else, made if it is missing.
    return path.open("ab")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
