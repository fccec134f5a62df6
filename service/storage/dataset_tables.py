"""The ORM rows of data: what is in the store, what was uploaded, which request came to what."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.row import Row


class DatasetRow(Row):
    """A data set in the store."""

    __tablename__ = "datasets"

    data_hash: Mapped[str] = mapped_column(String(128), primary_key=True)
    folder: Mapped[str] = mapped_column(Text)
    shape: Mapped[list[Any]]
    dtype: Mapped[str] = mapped_column(String(32))
    train: Mapped[int] = mapped_column(BigInteger)
    validation: Mapped[int] = mapped_column(BigInteger)
    test: Mapped[int] = mapped_column(BigInteger)
    low: Mapped[float]
    high: Mapped[float]
    duplicates_across: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[dict[str, Any] | None]
    """What a sample is, and the audit (datasets.CONTENT); null in rows of the first version."""
    scaling: Mapped[dict[str, Any]]
    baselines: Mapped[dict[str, Any]]
    preview: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """A few samples for people; null until somebody looked."""
    test_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    """Of the test part alone; null in rows that were written before it was known."""
    test_openings: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class DatasetKeyRow(Row):
    """Which data set a request for data (source, split, scaling, file stats) came to."""

    __tablename__ = "dataset_keys"

    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    data_hash: Mapped[str] = mapped_column(
        String(128), ForeignKey("datasets.data_hash", ondelete="CASCADE")
    )


class UploadRow(Row):
    """A file that was uploaded as a data set; its bytes lie under its id."""

    __tablename__ = "uploads"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[dict[str, Any]]
    header: Mapped[dict[str, Any]]
    data_hash: Mapped[str] = mapped_column(String(128), ForeignKey("datasets.data_hash"))
    """What it comes to with the default split and scaling."""
    created_at: Mapped[datetime]
