"""Uploaded data sets: made once per content, found by id, deleted when no study needs them."""

from collections.abc import Callable, Collection

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.domain.records import DataHeader, Upload
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import Conflict, NotFound
from service.storage import clock
from service.storage.tables import StudyRow, UploadRow


class UploadRepository:
    """Uploads in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql

    def add(self, upload: Upload, publish: Callable[[], None]) -> tuple[Upload, bool]:
        """Keep an upload; (the record, whether it is new).

        `publish` brings its file to its place, inside the transaction: a deletion of the same
        content is over before, or begins after. The name and time of one that is there stay.
        """
        values = upload.model_dump(mode="json", exclude={"created_at"})
        inserted = self._session.execute(
            self._dialect.insert(UploadRow)
            .values(values | {"created_at": clock.now(self._session)})
            .on_conflict_do_nothing(index_elements=[UploadRow.id])
            .returning(UploadRow.id)
        ).scalar_one_or_none()
        if inserted is not None:
            publish()
        return self.find(upload.id), inserted is not None

    def get(self, upload_id: str) -> Upload | None:
        """The upload; None if there is none."""
        row = self._session.get(UploadRow, upload_id, populate_existing=True)
        return None if row is None else upload_record(row)

    def find(self, upload_id: str) -> Upload:
        """The upload. Raises NotFound."""
        upload = self.get(upload_id)
        if upload is None:
            raise missing_upload()
        return upload

    def names(self, ids: Collection[str]) -> dict[str, str]:
        """What people call those of some uploads that are there."""
        rows = self._session.execute(
            select(UploadRow.id, UploadRow.name).where(UploadRow.id.in_(ids))
        )
        return {row.id: row.name for row in rows}

    def freeze(self) -> set[str]:
        """Every upload there is; until the transaction ends none is added or deleted."""
        if self._dialect is postgresql:
            self._session.execute(text("LOCK TABLE uploads IN SHARE ROW EXCLUSIVE MODE"))
        return set(self._session.scalars(select(UploadRow.id)))

    def total_bytes(self) -> int:
        """What all uploaded files take together."""
        return int(self._session.scalar(select(func.coalesce(func.sum(UploadRow.bytes), 0))) or 0)

    def delete(self, upload_id: str) -> str:
        """Delete an upload; the hash of its default division.

        Raises NotFound, and Conflict while a study that is not over uses it. Submitting a study
        holds a lock on the row (see `hold`), so none can slip in between.
        """
        row = self._session.scalars(
            select(UploadRow).where(UploadRow.id == upload_id).with_for_update()
        ).one_or_none()
        if row is None:
            raise missing_upload()
        users = self._session.scalars(
            select(StudyRow.name)
            .where(StudyRow.dataset_id == upload_id, StudyRow.state.not_in(TERMINAL_STUDY_STATES))
            .order_by(StudyRow.created_at)
            .limit(3)
        ).all()
        if users:
            raise Conflict(
                f"studies that are not over use the data set: {', '.join(users)}",
                "wait for them, or stop them first",
            )
        self._session.execute(delete(UploadRow).where(UploadRow.id == upload_id))
        return row.data_hash


def hold(session: Session, upload_id: str) -> None:
    """Keep an upload from being deleted until the transaction ends. Raises NotFound."""
    held = session.scalar(
        select(UploadRow.id).where(UploadRow.id == upload_id).with_for_update(read=True)
    )
    if held is None:
        raise missing_upload()


def missing_upload() -> NotFound:
    """There is no such upload."""
    return NotFound("there is no such data set", "list the data sets with GET /v1/datasets")


def upload_record(row: UploadRow) -> Upload:
    """The record of a row."""
    return Upload(
        id=row.id,
        name=row.name,
        sha256=row.sha256,
        bytes=row.bytes,
        source=row.source,
        header=DataHeader.model_validate(row.header),
        data_hash=row.data_hash,
        created_at=row.created_at,
    )
