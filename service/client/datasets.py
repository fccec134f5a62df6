"""Uploading data sets: the file of a path, its kind by its ending, and a handle on the result."""

import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.domain.records import DatasetDetail, Upload

if TYPE_CHECKING:
    from service.client.dataset_calls import DatasetCalls

OnSent = Callable[[int, int], None]
"""(bytes sent, bytes in all)."""

CHUNK_BYTES = 256 * 1024
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
KINDS = {
    ".npy": "npz",
    ".npz": "npz",
    ".zip": "images",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9 ._+\-]+")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class DatasetHandle:
    """A data set on a server."""

    def __init__(self, client: "DatasetCalls", uploaded: Upload) -> None:
        self._client = client
        self.uploaded = uploaded
        """The record of the upload."""

    def __repr__(self) -> str:
        return f"DatasetHandle({self.id!r})"

    @property
    def id(self) -> str:
        """The data set's id."""
        return self.uploaded.id

    @property
    def spec(self) -> dict[str, Any]:
        """What a study's `dataset` says to train on it."""
        return {"id": self.id}

    @property
    def url(self) -> str:
        """The data set's page on the dashboard."""
        return f"{self._client.base_url}/datasets/{self.id}"

    def detail(self) -> DatasetDetail:
        """What it holds, how it is divided, what was found in it, which studies used it."""
        return self._client.dataset(self.id)

    def delete(self) -> None:
        """Delete it; a ProblemError (409) while a study that is not over uses it."""
        self._client.delete_dataset(self.id)


def name_of(path: Path) -> str:
    """A file's name as the service takes names."""
    name = _NOT_IN_NAMES.sub("-", path.absolute().name).lstrip(" ._+-")
    return name[:120] or "data"


def kind_of(path: Path) -> str | None:
    """The kind of a file by its ending; None: the server looks into it."""
    return "images" if path.is_dir() else KINDS.get(path.suffix.lower())


def options_of(path: Path, options: dict[str, Any]) -> str:
    """The header that says how the file is read."""
    if path.suffix.lower() == ".tsv":
        options = {"delimiter": "\t", **options}
    return json.dumps(options)


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """The file to send: the path itself, or a zip of the pictures in a folder.

    The same pictures give the same bytes, so that they are one data set. Raises FileNotFoundError.
    """
    if not path.is_dir():
        yield path
        return
    pictures = sorted(file for file in path.rglob("*") if file.suffix.lower() in PICTURES)
    if not pictures:
        raise FileNotFoundError(f"there is no picture in the folder {path}")
    with tempfile.TemporaryDirectory(prefix="hifitune-upload-") as folder:
        packed = Path(folder) / "pictures.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for picture in pictures:
                entry = zipfile.ZipInfo(picture.relative_to(path).as_posix(), _EPOCH)
                archive.writestr(entry, picture.read_bytes())
        yield packed


def chunks(file: Path, on_sent: OnSent | None) -> Iterator[bytes]:
    """The bytes of a file, as they are sent."""
    total, sent = file.stat().st_size, 0
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
            sent += len(chunk)
            if on_sent is not None:
                on_sent(sent, total)
