"""Data sets in the store, shared by studies, and what requests for data came to."""

from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.domain.records import Baselines, Dataset, DatasetPreview
from service.errors import NotFound
from service.storage.tables import DatasetKeyRow, DatasetRow, StudyRow, UploadRow

CONTENT = ("kind", "columns", "tokens", "vocabulary", "tokenizer", "audit", "value_facts")
"""The fields of a record that share the column `content`."""


class DatasetRepository:
    """Data sets in a session. Writing one twice is harmless: equal hash, equal content."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql

    def put(self, dataset: Dataset) -> Dataset:
        """Store a data set, or what is newly known of its baselines.

        The time and the count of test openings of one that is there already stay, and so do PCA
        figures that `dataset` does not have: its row is locked while they are joined.
        """
        values = dataset.model_dump(mode="json", exclude={"created_at", "test_openings"})
        values["content"] = {name: values.pop(name) for name in CONTENT}
        inserted = self._session.execute(
            self._dialect.insert(DatasetRow)
            .values(values | {"created_at": dataset.created_at, "test_openings": 0})
            .on_conflict_do_nothing(index_elements=[DatasetRow.data_hash])
            .returning(DatasetRow.data_hash)
        ).scalar_one_or_none()
        if inserted is None:
            known = self._session.scalars(
                select(DatasetRow)
                .where(DatasetRow.data_hash == dataset.data_hash)
                .with_for_update()
                .execution_options(populate_existing=True)
            ).one()
            earlier = Baselines.model_validate(known.baselines)
            known.baselines = dataset.baselines.joined(earlier).model_dump(mode="json")
            known.folder, known.content = values["folder"], values["content"]
            known.test_hash = dataset.test_hash or known.test_hash
            self._session.flush()
        stored = self.get(dataset.data_hash)
        assert stored is not None
        return stored

    def get(self, data_hash: str) -> Dataset | None:
        """The data set with a hash; None if there is none."""
        row = self._session.scalars(
            select(DatasetRow)
            .where(DatasetRow.data_hash == data_hash)
            .execution_options(populate_existing=True)
        ).one_or_none()
        return None if row is None else _dataset_record(row, self._openings(row))

    def put_key(self, key: str, data_hash: str) -> None:
        """Remember which data set a request for data came to."""
        self._session.execute(
            self._dialect.insert(DatasetKeyRow)
            .values(key=key, data_hash=data_hash)
            .on_conflict_do_update(
                index_elements=[DatasetKeyRow.key], set_={"data_hash": data_hash}
            )
        )

    def by_key(self, key: str) -> Dataset | None:
        """The data set that a request for data came to; None if it is new."""
        data_hash = self._session.scalar(
            select(DatasetKeyRow.data_hash).where(DatasetKeyRow.key == key)
        )
        return None if data_hash is None else self.get(data_hash)

    def preview(self, data_hash: str) -> DatasetPreview | None:
        """A few samples of a data set; None: nobody looked yet."""
        found = self._session.scalar(
            select(DatasetRow.preview).where(DatasetRow.data_hash == data_hash)
        )
        return None if found is None else DatasetPreview.model_validate(found)

    def put_preview(self, data_hash: str, preview: DatasetPreview) -> None:
        """Keep a preview of a data set that is there."""
        self._session.execute(
            update(DatasetRow)
            .where(DatasetRow.data_hash == data_hash)
            .values(preview=preview.model_dump(mode="json"))
        )

    def discard(self, data_hash: str) -> str | None:
        """The folder of a data set that no study and no upload refers to; None: it is needed.

        Its row goes, unless its test part was opened: that count outlives the files. The row is
        locked first, so that a study which adopts the same content is seen, or waits.
        """
        row = self._session.scalars(
            select(DatasetRow)
            .where(DatasetRow.data_hash == data_hash)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if row is None:
            return None
        for user in (StudyRow, UploadRow):
            if self._session.scalar(select(user.id).where(user.data_hash == data_hash).limit(1)):
                return None
        if row.test_openings == 0:
            self._session.execute(delete(DatasetRow).where(DatasetRow.data_hash == data_hash))
        return row.folder

    def add_opening(self, data_hash: str) -> int:
        """Count one more scoring of the sealed test part; how often that was by now.

        Of that test part: data sets that differ only in how the rest is divided, or in their
        scaling, count as one. Raises NotFound.
        """
        found = self._session.execute(
            select(DatasetRow.test_hash).where(DatasetRow.data_hash == data_hash)
        ).one_or_none()
        if found is None:
            raise NotFound(f"there is no data set {data_hash}")
        # All of them are locked first, in one order: no two openings may get the same number.
        shared = DatasetRow.data_hash == data_hash
        if found.test_hash is not None:
            shared = DatasetRow.test_hash == found.test_hash
        rows = self._session.scalars(
            select(DatasetRow)
            .where(shared)
            .order_by(DatasetRow.data_hash)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        next(row for row in rows if row.data_hash == data_hash).test_openings += 1
        self._session.flush()
        return sum(row.test_openings for row in rows)

    def _openings(self, row: DatasetRow) -> int:
        """How often the test part was scored, in whichever division of the rest."""
        if row.test_hash is None:
            return row.test_openings
        return int(
            self._session.scalar(
                select(func.sum(DatasetRow.test_openings)).where(
                    DatasetRow.test_hash == row.test_hash
                )
            )
            or 0
        )


def _dataset_record(row: DatasetRow, openings: int) -> Dataset:
    return Dataset(
        data_hash=row.data_hash,
        folder=row.folder,
        shape=row.shape,
        dtype=row.dtype,
        train=row.train,
        validation=row.validation,
        test=row.test,
        low=row.low,
        high=row.high,
        duplicates_across=row.duplicates_across,
        scaling=row.scaling,
        baselines=Baselines.model_validate(row.baselines),
        test_hash=row.test_hash,
        test_openings=openings,
        created_at=row.created_at,
        **_content(row),
    )


def _content(row: DatasetRow) -> dict[str, Any]:
    # The first version knew images and vectors only, by their shape.
    return row.content or {"kind": "image" if len(row.shape) > 1 else "vector"}
