"""Data sets as people see them: uploaded ones and those in the store in one list, and their users.

What is built in is known to the catalog, not to the database: see `service.api.datasets`.
"""

from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from service.domain.records import Dataset, DatasetEntry, StudyReference
from service.domain.spec import ResolvedSpec
from service.domain.uploads import Origin
from service.storage.datasets import DatasetRepository
from service.storage.pages import (
    Ordering,
    check_page_size,
    list_key,
    paged,
    write_token,
)
from service.storage.study_records import dataset_name
from service.storage.tables import DatasetRow, StudyRow, UploadRow

MAX_STUDIES = 50
MAX_DIVISIONS = 20


class ShelfRepository:
    """Reads across uploads, the store and the studies in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._datasets = DatasetRepository(session)

    def page(
        self, page_size: int, page_token: str | None, origin: Origin | None
    ) -> tuple[list[DatasetEntry], str | None]:
        """Uploads, and stored data sets whose studies named a path; newest first."""
        uploads = select(
            UploadRow.id.label("id"),
            UploadRow.created_at.label("created_at"),
            literal("upload").label("origin"),
        )
        stored = select(
            DatasetRow.data_hash.label("id"),
            DatasetRow.created_at.label("created_at"),
            literal("store").label("origin"),
        ).where(_used_by_path())
        chosen = {"upload": [uploads], "store": [stored], None: [uploads, stored]}.get(origin)
        size = check_page_size(page_size)
        if chosen is None:
            return [], None
        union = union_all(*chosen).subquery()
        ordering = Ordering("-created_at", union.c.created_at, union.c.id)
        statement = paged(
            select(union), ordering, size, list_key(page_token, ordering, by_name=False)
        )
        rows = self._session.execute(statement).all()
        entries = [
            self.upload_entry(row.id) if row.origin == "upload" else self.store_entry(row.id)
            for row in rows[:size]
        ]
        token = None
        if len(rows) > size:
            last = rows[size - 1]
            token = write_token(ordering, last.created_at.isoformat(), last.id)
        return entries, token

    def upload_entry(self, upload_id: str) -> DatasetEntry:
        """The entry of an upload, which exists."""
        row = self._session.get_one(UploadRow, upload_id)
        return DatasetEntry(
            id=row.id,
            origin="upload",
            name=row.name,
            kind=row.header["kind"],
            shape=row.header["shape"],
            dtype=row.header["dtype"],
            samples=row.header["samples"],
            bytes=row.bytes,
            studies=self._count(StudyRow.dataset_id == upload_id),
            created_at=row.created_at,
        )

    def store_entry(self, data_hash: str) -> DatasetEntry:
        """The entry of a stored data set, which exists; its name is the path that a study gave."""
        stored = self._datasets.get(data_hash)
        assert stored is not None
        spec = self._session.scalar(
            select(StudyRow.spec)
            .where(StudyRow.data_hash == data_hash)
            .order_by(StudyRow.created_at.desc())
            .limit(1)
        )
        return DatasetEntry(
            id=data_hash,
            origin="store",
            name=data_hash[:12] if spec is None else dataset_name(spec),
            bytes=None,
            studies=self._count(StudyRow.data_hash == data_hash),
            created_at=stored.created_at,
            **described(stored),
        )

    def built_in_entry(self, name: str, description: str) -> DatasetEntry:
        """The entry of a built-in data set."""
        stored = self._datasets.by_key(default_key(name))
        return DatasetEntry(
            id=name,
            origin="built-in",
            name=name,
            description=description,
            bytes=None,
            studies=self._count(StudyRow.dataset_id == name),
            created_at=None,
            **described(stored),
        )

    def divisions(self, dataset_id: str, first: str | None) -> list[Dataset]:
        """What an uploaded or built-in data set was divided into: `first`, then newest first."""
        hashes = self._session.scalars(
            select(StudyRow.data_hash)
            .where(
                StudyRow.dataset_id == dataset_id,
                StudyRow.data_hash.is_not(None),
                StudyRow.parent_id.is_(None),
            )
            .group_by(StudyRow.data_hash)
            .order_by(func.max(StudyRow.created_at).desc())
            .limit(MAX_DIVISIONS)
        )
        ordered = dict.fromkeys([first, *hashes])
        found = (self._datasets.get(data_hash) for data_hash in ordered if data_hash)
        return [self.unsealed(dataset) for dataset in found if dataset is not None]

    def unsealed(self, dataset: Dataset) -> Dataset:
        """The record, without test figures before a study on it is COMPLETE (truth 10)."""
        complete = self._session.scalar(
            select(StudyRow.id)
            .where(StudyRow.data_hash == dataset.data_hash, StudyRow.state == "COMPLETE")
            .limit(1)
        )
        return dataset if complete is not None else dataset.sealed()

    def studies(self, dataset_id: str) -> list[StudyReference]:
        """The studies that used a data set, newest first."""
        by_hash = StudyRow.data_hash == dataset_id
        rows = self._session.scalars(
            select(StudyRow)
            .where((StudyRow.dataset_id == dataset_id) | by_hash, StudyRow.parent_id.is_(None))
            .order_by(StudyRow.created_at.desc(), StudyRow.id.desc())
            .limit(MAX_STUDIES)
        )
        return [
            StudyReference(
                id=row.id,
                name=row.name,
                state=row.state,
                metric=_objective(row),
                best=row.best_value,
                data_hash=row.data_hash,
                created_at=row.created_at,
            )
            for row in rows
        ]

    def _count(self, condition: Any) -> int:
        own = StudyRow.parent_id.is_(None)
        statement = select(func.count()).select_from(StudyRow).where(condition, own)
        return int(self._session.scalar(statement) or 0)


def _objective(row: StudyRow) -> str:
    """The metric whose value `best_value` is; `row.metric` is the one that curves are of."""
    return ResolvedSpec.model_validate_json(row.resolved).aims.objectives[0].metric


def default_key(name: str) -> str:
    """Under which a built-in data set's default division is remembered."""
    return f"built-in/{name}"


def described(stored: Dataset | None) -> dict[str, Any]:
    """The fields of an entry that say what a sample is."""
    if stored is None:
        return {"kind": None, "shape": None, "dtype": None, "samples": None}
    return {
        "kind": stored.kind,
        "shape": stored.shape,
        "dtype": stored.dtype,
        "samples": stored.train + stored.validation + stored.test,
    }


def _used_by_path() -> Any:
    return (
        select(StudyRow.id)
        .where(StudyRow.data_hash == DatasetRow.data_hash, StudyRow.dataset_id.is_(None))
        .exists()
    )
