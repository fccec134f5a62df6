"""UploadDesk: takes received files in as data sets, each content once, within the quota."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.api.inspection import Inspector
from service.api.pointers import field_errors
from service.api.problems import InvalidParameters
from service.domain.datasets import FileDataset
from service.domain.records import Inspected, Upload
from service.domain.uploads import (
    DECIDED_BY_STUDIES,
    RESERVED,
    content_name,
    guess_kind,
    header_from,
    read_as,
    source_options,
    upload_id,
)
from service.errors import DataError, FieldError, InvalidSpec, StorageFull, Unavailable
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.uploads import UploadRepository
from service.upload_files import UploadFiles, set_aside, sweep_store
from trainers.data.errors import UnreadableData

HEAD_BYTES = 512
MAX_UPLOADS = 8
"""Files that are received at the same time."""
KINDS = "npz, idx, images, csv, parquet, text or jsonl"
OPTIONS_HEADER = "Dataset-Options"


@dataclass(frozen=True)
class UploadLimits:
    """What may come in."""

    file_bytes: int
    quota_bytes: int
    """Of all uploaded files together."""
    idle_seconds: float
    """Silence of a client before its upload is given up."""
    total_seconds: float


@dataclass(frozen=True)
class Received:
    """A whole file in a private folder, and what was said about it."""

    file: Path
    name: str
    kind: str | None
    options: dict[str, Any]
    sha256: str
    bytes: int


class UnusableFile(InvalidSpec):
    """The uploaded file is no data set."""

    status = DataError.status
    type = DataError.type
    title = DataError.title


class UploadDesk:
    """Uploads of one HTTP process."""

    def __init__(
        self,
        database: Database,
        files: UploadFiles,
        store: Path,
        inspector: Inspector,
        limits: UploadLimits,
    ) -> None:
        self.files = files
        self.store = store
        self.inspector = inspector
        self.limits = limits
        self._database = database
        self._lock = threading.Lock()
        self._coming = 0
        self._coming_bytes = 0

    @contextmanager
    def admitting(self) -> Iterator["Admission"]:
        """Room for one more file. Raises Unavailable and StorageFull."""
        with self._database.read() as session:
            kept = UploadRepository(session).total_bytes()
        with self._lock:
            if self._coming >= MAX_UPLOADS:
                raise Unavailable(
                    f"{MAX_UPLOADS} files are being uploaded already", "try again in a moment"
                )
            self._coming += 1
        admission = Admission(self, self.limits.quota_bytes - kept)
        try:
            yield admission
        finally:
            with self._lock:
                self._coming -= 1
                self._coming_bytes -= admission.bytes

    def count(self, admission: "Admission", size: int) -> None:
        """Count bytes that are coming in against the quota. Raises StorageFull."""
        with self._lock:
            self._coming_bytes += size
            admission.bytes += size
            full = self._coming_bytes > admission.room
        if full:
            raise self._full()

    def _full(self) -> "QuotaFull":
        return QuotaFull(
            f"the uploaded files would take more than {self.limits.quota_bytes:,} bytes together",
            "delete data sets that are no longer needed, or raise HIFITUNE_UPLOAD_QUOTA_BYTES",
        )

    def keep(self, received: Received) -> tuple[Upload, bool]:
        """Take a file in as a data set; (its record, whether it is new).

        Raises InvalidParameters for what was said about it, UnusableFile for the file itself,
        QuotaFull where others that were kept while it came in have taken its room.
        """
        dataset = self._describe(received)
        source = source_options(dataset)
        upload = upload_id(received.sha256, source)
        with self._database.read() as session:
            known = UploadRepository(session).get(upload)
            kept = UploadRepository(session).total_bytes()
        if known is not None:
            return known, False
        if kept + received.bytes > self.limits.quota_bytes:
            raise self._full()  # before it is read in vain; what counts is the row's transaction
        received.file.rename(received.file.with_name(content_name(dataset.kind)))
        try:
            found = self.inspector.ingest(dataset, [self.files.root])
        except UnreadableData as error:
            # Readers know the file by its place; people know it by its name.
            reason = error.reason.replace(error.path or "\0", received.name)
            raise UnusableFile(
                [FieldError(pointer="", reason=reason, remedy=error.remedy)]
            ) from None
        return self._record(received, upload, source, found)

    def delete(self, dataset_id: str) -> None:
        """Delete an uploaded data set, its file, and its folder of the store if it was the last.

        Raises NotFound, and Conflict while a study that is not over uses it.
        """
        with set_aside() as take, self._database.transaction() as session:
            data_hash = UploadRepository(session).delete(dataset_id)
            take(self.files.folder(dataset_id))
            self.discard(session, data_hash, take)

    def discard(
        self, session: Session, data_hash: str | None, take: Callable[[Path], None]
    ) -> None:
        """Take away a folder of the store that no study and no upload refers to any more."""
        folder = data_hash and DatasetRepository(session).discard(data_hash)
        if folder:
            take(self.store / folder)

    def sweep(self) -> None:
        """Clear away what killed processes left behind; before the first request is served."""
        with self._database.transaction() as session:
            self.files.sweep(UploadRepository(session).freeze())
        sweep_store(self.store)

    def _record(
        self, received: Received, dataset_id: str, source: dict[str, Any], found: Inspected
    ) -> tuple[Upload, bool]:
        folder = received.file.parent

        def publish() -> None:
            if not (self.store / found.dataset.folder).is_dir():
                raise Unavailable("the data set was deleted meanwhile", "upload it again")
            self.files.publish(folder, dataset_id)

        with self._database.transaction() as session:
            uploads = UploadRepository(session)
            is_new = dataset_id not in uploads.freeze()
            if is_new and uploads.total_bytes() + received.bytes > self.limits.quota_bytes:
                raise self._full()
            datasets = DatasetRepository(session)
            datasets.put(found.dataset)
            datasets.put_preview(found.dataset.data_hash, found.preview)
            upload = Upload(
                id=dataset_id,
                name=received.name,
                sha256=received.sha256,
                bytes=received.bytes,
                source=source,
                header=header_from(found.dataset),
                data_hash=found.dataset.data_hash,
                created_at=found.dataset.created_at,
            )
            return uploads.add(upload, publish)

    def _describe(self, received: Received) -> FileDataset:
        given = received.options.keys()
        errors = [
            _option_error(key, "the upload itself says it", "leave it out")
            for key in sorted(RESERVED & given)
        ]
        errors += [
            _option_error(key, "each study decides it", "write it beside `id` in the study")
            for key in sorted(DECIDED_BY_STUDIES & given)
        ]
        if errors:
            raise InvalidParameters(errors)
        with received.file.open("rb") as file:
            kind = received.kind or guess_kind(received.name, file.read(HEAD_BYTES))
        if kind is None:
            raise InvalidParameters(
                [
                    FieldError(
                        pointer="/query/kind",
                        reason="the kind of the file cannot be told from its beginning or its name",
                        remedy=f"add kind= to the address: {KINDS}",
                    )
                ]
            )
        try:
            return read_as(kind, received.options, received.file.parent.name)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            for detail in details:
                detail["loc"] = detail["loc"][1:]  # the tag of the union
            raise InvalidParameters(
                [
                    fault.model_copy(update={"pointer": f"/header/{OPTIONS_HEADER}{fault.pointer}"})
                    for fault in field_errors(details)
                ]
            ) from None


class Admission:
    """One file that may come in."""

    def __init__(self, desk: UploadDesk, room: int) -> None:
        self.room = room
        """Bytes that all files now coming in may take together."""
        self.bytes = 0
        self._desk = desk

    def count(self, size: int) -> None:
        """Count bytes that have come. Raises QuotaFull."""
        self._desk.count(self, size)


class QuotaFull(StorageFull):
    """The uploaded files would take more than they may."""

    title = "The quota is used up"


def _option_error(key: str, reason: str, remedy: str) -> FieldError:
    return FieldError(pointer=f"/header/{OPTIONS_HEADER}/{key}", reason=reason, remedy=remedy)
