"""What conductors share in one engine process."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor as Pool
from dataclasses import dataclass
from pathlib import Path

from service.domain.catalog import Catalog
from service.executors.base import Executor
from service.storage.database import Database


@dataclass(frozen=True)
class Resources:
    """The engine's surroundings, passed in by the supervisor (or a test)."""

    database: Database
    executor: Executor
    catalog: Catalog
    pool: Pool
    """Threads for what takes longer than a tick: ingestion, proposals, analyses."""
    data_roots: Sequence[Path]
    upload_root: Path
    """Where uploaded data files lie."""
    data_store: Path
    """Where mapped data sets live."""
    artifact_root: Path
    clock: Callable[[], float]
    """Monotonic seconds."""
    save_seconds: float
    """How often a worker saves an array's state."""
