"""Where uploaded files lie: received in private folders, published whole, set aside to be deleted.

A folder is named by its upload. Renames happen inside database transactions; `sweep` mends what a
kill between the two left behind.
"""

import logging
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from trainers.data.workspace import sweep as sweep_workspaces
from trainers.data.workspace import workspace

log = logging.getLogger(__name__)

_TRASH = ".trash-"


class UploadFiles:
    """The files of uploaded data sets below one folder; any number of processes may write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def receiving(self) -> Iterator[Path]:
        """A private folder for a file that is coming in; gone at the end unless published."""
        with workspace(self.root) as folder:
            yield folder

    def publish(self, received: Path, upload_id: str) -> None:
        """Rename a private folder, whose file is on disk, to its upload's.

        What lies there already was left by a kill before its row was written: it makes room.
        """
        target = self.root / upload_id
        if target.exists():
            target.rename(_trash(target))
        received.rename(target)
        _fsync_folder(self.root)

    def folder(self, upload_id: str) -> Path:
        """Where an upload's file lies."""
        return self.root / upload_id

    def sweep(self, known: Collection[str]) -> None:
        """Remove what killed processes left: half received files, and folders without a row.

        The folder of a deletion that was not committed comes back. Only while nobody publishes:
        `known` comes from UploadRepository.freeze, in whose transaction this runs.
        """
        sweep_workspaces(self.root)
        for folder in list(self.root.iterdir()):
            if folder.name.startswith(_TRASH):
                upload_id = folder.name.removeprefix(_TRASH).rpartition("~")[0]
                if upload_id in known and not (self.root / upload_id).exists():
                    folder.rename(self.root / upload_id)
                else:
                    shutil.rmtree(folder, ignore_errors=True)
            elif not folder.name.startswith(".") and folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def set_aside() -> Iterator[Callable[[Path], None]]:
    """Folders that are given to the callable go out of sight at once, and at the end for good.

    When the block fails they are back in their places: it is put around a transaction.
    """
    moved: list[tuple[Path, Path]] = []

    def take(folder: Path) -> None:
        trash = _trash(folder)
        try:
            folder.rename(trash)
        except FileNotFoundError:
            log.warning("%s was gone before it was deleted", folder)
        else:
            moved.append((folder, trash))

    try:
        yield take
    except BaseException:
        for folder, trash in moved:
            trash.rename(folder)
        raise
    for _, trash in moved:
        shutil.rmtree(trash, ignore_errors=True)


def sweep_store(store: Path) -> None:
    """Remove what killed processes left in the data store."""
    sweep_workspaces(store)
    for trash in store.glob(f"{_TRASH}*"):
        shutil.rmtree(trash, ignore_errors=True)


def _trash(folder: Path) -> Path:
    return folder.with_name(f"{_TRASH}{folder.name}~{secrets.token_hex(4)}")


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
