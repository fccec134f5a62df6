"""The ORM rows: every table of the service, laid out so that a study's writes stay few."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from service.domain.states import Intent, StudyState, TrialState
from service.storage.columns import BigKey
from service.storage.dataset_tables import DatasetKeyRow as DatasetKeyRow
from service.storage.dataset_tables import DatasetRow as DatasetRow
from service.storage.dataset_tables import UploadRow as UploadRow
from service.storage.row import Row as Row

StudyKey: TypeAlias = Annotated[
    str,
    mapped_column(String(64), ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
]
"""The leading column of whatever belongs to a study, and goes when it goes."""


class StudyRow(Row):
    """A study, with the counters that a page of studies shows.

    Every conductor write locks this row first and compares `fence` (see locking.py), so that
    the counters, the numbering of events and the refusal of stale writers need no other lock.
    """

    __tablename__ = "studies"
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "name", "id"),
        Index(None, "dataset_id"),
        Index(None, "data_hash"),
        Index(None, "parent_id"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(120), default="")
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[StudyState]
    intent: Mapped[Intent]
    spec: Mapped[str] = mapped_column(Text)
    resolved: Mapped[str] = mapped_column(Text)
    spec_hash: Mapped[str] = mapped_column(String(64))
    families: Mapped[str] = mapped_column(Text)
    """`,autoencoder,vae,`: every family between commas."""
    metric: Mapped[str] = mapped_column(String(64))
    direction: Mapped[str] = mapped_column(String(8))
    warnings: Mapped[list[Any]]
    versions: Mapped[dict[str, Any]]
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    body_hash: Mapped[str | None] = mapped_column(String(64))
    parent_id: Mapped[str | None] = mapped_column(String(64))
    """The study whose best configs this one repeats; null: a study of its own."""
    dataset_id: Mapped[str | None] = mapped_column(String(64))
    """Of an uploaded data set, or the name of a built-in one; null: its data lie at a path."""
    data_hash: Mapped[str | None] = mapped_column(String(128), ForeignKey("datasets.data_hash"))
    failure: Mapped[dict[str, Any] | None]
    summary: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    planned: Mapped[int]
    queued: Mapped[int] = mapped_column(default=0)
    running: Mapped[int] = mapped_column(default=0)
    complete: Mapped[int] = mapped_column(default=0)
    pruned: Mapped[int] = mapped_column(default=0)
    diverged: Mapped[int] = mapped_column(default=0)
    stopped: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    epochs: Mapped[int] = mapped_column(BigInteger, default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)
    best_trial: Mapped[int | None]
    best_value: Mapped[float | None]
    best_complete: Mapped[bool] = mapped_column(default=False)
    front: Mapped[dict[str, Any] | None]
    """Of several objectives: the Pareto set so far (best_notes.py)."""

    event: Mapped[int] = mapped_column(BigInteger, default=0)
    """The sequence of the newest event."""
    decision: Mapped[int] = mapped_column(default=0)
    """The sequence of the newest decision."""
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    """The only fence whose writes are accepted; raised when the lease changes hands."""


class RevisionRow(Row):
    """The result of a study before it was extended."""

    __tablename__ = "study_revisions"

    study_id: Mapped[StudyKey]
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts from 1; the study's current one has no row."""
    trials: Mapped[int]
    """Planned, in all, up to this revision."""
    best_trial: Mapped[int | None]
    best_value: Mapped[float | None]
    summary: Mapped[dict[str, Any] | None]
    finished_at: Mapped[datetime | None]


class CohortRow(Row):
    """Trials proposed together."""

    __tablename__ = "cohorts"

    study_id: Mapped[StudyKey]
    index: Mapped[int] = mapped_column(primary_key=True)
    trials: Mapped[list[Any]]
    live: Mapped[int]
    """Trials that are not terminal; 0: the cohort is told."""


class ArrayRow(Row):
    """Trials of one cohort that train side by side."""

    __tablename__ = "arrays"
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "cohort"], ["cohorts.study_id", "cohorts.index"], ondelete="CASCADE"
        ),
    )

    study_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    cohort: Mapped[int] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    signature: Mapped[str] = mapped_column(Text)
    trials: Mapped[list[Any]]
    live: Mapped[int]
    rung: Mapped[int] = mapped_column(default=0)
    saved_epoch: Mapped[int] = mapped_column(default=0)
    state_path: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(default=1)


class TrialRow(Row):
    """One configuration trained once. `key` keeps the rows of its epochs short."""

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        Index(None, "study_id", "cohort", "array"),
        ForeignKeyConstraint(
            ["study_id", "cohort", "array"],
            ["arrays.study_id", "arrays.cohort", "arrays.index"],
            ondelete="CASCADE",
        ),
    )

    key: Mapped[int] = mapped_column(BigKey, primary_key=True)
    study_id: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    cohort: Mapped[int]
    array: Mapped[int]
    state: Mapped[TrialState]
    family: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]]
    value: Mapped[float | None]
    best_epoch: Mapped[int | None]
    epochs: Mapped[int] = mapped_column(default=0)
    """Epochs 1..epochs are recorded: the series has no gap."""
    rungs: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any] | None]
    complexity: Mapped[dict[str, Any] | None]
    feasible: Mapped[bool | None]
    verdict: Mapped[dict[str, Any] | None]
    seed: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int] = mapped_column(default=1)
    failure: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class EpochRow(Row):
    """One epoch of one trial; the objective also stands in numeric columns, for the curves."""

    __tablename__ = "epochs"
    __table_args__ = {"sqlite_with_rowid": False}

    trial_key: Mapped[int] = mapped_column(
        BigKey, ForeignKey("trials.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    objective_train: Mapped[float | None]
    objective_validation: Mapped[float | None]
    train: Mapped[dict[str, Any]]
    validation: Mapped[dict[str, Any]]
    effective_beta: Mapped[float | None]
    learning_rate: Mapped[float]
    gradient_norm: Mapped[float | None]
    seconds: Mapped[float]


class ArtifactRow(Row):
    """A file that a trial left."""

    __tablename__ = "artifacts"

    trial_key: Mapped[int] = mapped_column(
        BigKey, ForeignKey("trials.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)


class DecisionRow(Row):
    """Something that depended on a clock, a person or a rung."""

    __tablename__ = "decisions"

    study_id: Mapped[StudyKey]
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class AnalysisRow(Row):
    """Numbers that only the engine can compute; the newest of each kind."""

    __tablename__ = "analyses"

    study_id: Mapped[StudyKey]
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    cohort: Mapped[int]
    data: Mapped[dict[str, Any]]


class EventRow(Row):
    """One entry of a study's live stream."""

    __tablename__ = "events"
    __table_args__ = {"sqlite_with_rowid": False}

    study_id: Mapped[StudyKey]
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class LeaseRow(Row):
    """Who drives a study now; absent: nobody. Times are on the lease clock (clock.py)."""

    __tablename__ = "leases"

    study_id: Mapped[StudyKey]
    owner: Mapped[str] = mapped_column(String(255))
    fence: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[float]
    granted: Mapped[float]
    """Seconds: an expiry further away than this was written before the clock restarted."""
