"""Files that trials leave: where they lie, and how they get there whole."""

import hashlib
import os
import secrets
import shutil
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from service.errors import NotFound

CHUNK_BYTES = 1024 * 1024


class ArtifactStore(Protocol):
    """Keeps artifacts under relative names, `studies/ID/trials/7/checkpoint.safetensors`."""

    def put_bytes(self, path: str, data: bytes) -> tuple[str, int]:
        """Keep `data` under a name, durably and whole; (SHA-256 in hex, bytes).

        Putting a name again replaces what was there. Raises OSError when the disk is full.
        """

    def open(self, path: str) -> BinaryIO:
        """Open an artifact for reading. Raises NotFound."""

    def path(self, path: str) -> Path:
        """Where an artifact lies, or would lie. Raises NotFound for names that lead out."""

    def delete_study(self, study_id: str) -> None:
        """Remove all files of a study; nothing happens when there are none."""


class FilesystemArtifacts:
    """Artifacts as files below one folder; any number of processes may write.

    A file appears under its name by a rename, after its bytes are on disk: readers and a
    crash see the old file, the new one, or none, never a part.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put_bytes(self, path: str, data: bytes) -> tuple[str, int]:
        """See ArtifactStore."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Names the writer: executors sweep what a killed one leaves (executors.job_files).
        temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _fsync_folder(target.parent)
        return hashlib.sha256(data).hexdigest(), len(data)

    def open(self, path: str) -> BinaryIO:
        """See ArtifactStore."""
        try:
            return self.path(path).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound("this artifact is not in the store") from error

    def digest(self, path: str) -> str:
        """SHA-256 in hex of what is there now. Raises NotFound."""
        found = hashlib.sha256()
        with self.open(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                found.update(chunk)
        return found.hexdigest()

    def path(self, path: str) -> Path:
        """See ArtifactStore."""
        name = PurePosixPath(path)
        if (
            not name.parts
            or name.is_absolute()
            or ".." in name.parts
            or "\x00" in path
            # The names of two spellings would differ, and so would their locks and rows.
            or str(name) != path
        ):
            raise NotFound("this is not the name of an artifact")
        root = self.root.resolve()
        found = (root / name).resolve()
        # A link below the root must not lead out of it either.
        if not found.is_relative_to(root) or found == root:
            raise NotFound("this is not the name of an artifact")
        return found

    def delete_study(self, study_id: str) -> None:
        """See ArtifactStore."""
        if "/" in study_id:
            raise NotFound("this is not the id of a study")
        folder = self.path(f"studies/{study_id}")
        if folder.is_dir():
            shutil.rmtree(folder)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
