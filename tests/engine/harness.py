"""Runs real studies through a real supervisor on a database of the test's own."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.domain.model import content_hash
from service.domain.records import Study, Trial
from service.domain.resolve import resolve
from service.domain.spec import StudySpec
from service.domain.states import TERMINAL_STUDY_STATES, Intent, StudyState
from service.engine.resources import Resources
from service.engine.supervisor import Supervisor
from service.executors.base import Executor
from service.sources import header_of
from service.storage.database import Database
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository
from trainers.registry import catalog

DEADLINE_SECONDS = 120.0

SMALL: dict[str, Any] = {
    "name": "small",
    "dataset": {"name": "digits"},
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.001, "high": 0.03, "log": True},
        "hidden_width": {"type": "categorical", "choices": [16, 32]},
        "latent_dim": 8,
    },
    "training": {"epochs": 9},
    "pruner": {"type": "halving", "min_epochs": 2},
    "budget": {"trials": 12},
    "parallel": {"cohort_size": 4},
}


class House:
    """A data directory with a database, as one user's machine would have."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.database = database

    def submit(self, study_id: str, spec: Mapping[str, Any]) -> Study:
        """Resolve and store a study as a POST does; without a selection unless it asks for one."""
        asked = StudySpec.model_validate({"selection": {"top_k": 0}, **spec})
        resolved = resolve(asked, catalog(), header_of(asked, [self.folder]))
        with self.database.transaction() as session:
            return StudyRepository(session).create(
                study_id, asked, resolved, content_hash(resolved.model_dump(mode="json")), [], {}
            )

    def study(self, study_id: str) -> Study:
        with self.database.read() as session:
            study = StudyRepository(session).get(study_id)
        assert study is not None
        return study

    def trials(self, study_id: str) -> list[Trial]:
        with self.database.read() as session:
            return TrialRepository(session).all(study_id)

    def ask(self, study_id: str, intent: Intent) -> None:
        with self.database.transaction() as session:
            StudyRepository(session).set_intent(study_id, intent)

    def resources(self, executor: Executor, pool: ThreadPoolExecutor) -> Resources:
        return Resources(
            database=self.database,
            executor=executor,
            catalog=catalog(),
            pool=pool,
            data_roots=[self.folder],
            upload_root=self.folder / "uploads",
            data_store=self.folder / "data",
            artifact_root=self.folder / "artifacts",
            clock=time.monotonic,
            save_seconds=0.2,
        )

    @contextmanager
    def supervisor(self, executor: Executor, owner: str = "test") -> Iterator[Supervisor]:
        """A supervisor to step by hand; abandoned, not drained, at the end."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            resources = self.resources(executor, pool)
            try:
                yield Supervisor(resources, lease_seconds=5.0, owner=owner)
            finally:
                executor.close()

    def run(self, study_id: str, executor: Executor) -> Study:
        """Drive a study to its end."""
        with self.supervisor(executor) as supervisor:
            self.step_until(supervisor, lambda: self.study(study_id).state in TERMINAL_STUDY_STATES)
        return self.study(study_id)

    def step_until(self, supervisor: Supervisor, done: Callable[[], bool]) -> None:
        """Step until something holds; fails after a deadline."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not done():
            assert time.monotonic() < deadline, "the study did not get there in time"
            supervisor.step()


def fingerprint(trials: list[Trial]) -> list[tuple[Any, ...]]:
    """What must be the same when a study is repeated: every param, state, value and curve end."""
    return [
        (
            t.number,
            t.cohort,
            t.array,
            t.family,
            t.params,
            t.seed,
            t.state,
            t.value,
            t.best_epoch,
            t.epochs,
            t.rungs,
            t.metrics,
        )
        for t in trials
    ]


def stop_event() -> threading.Event:
    return threading.Event()


__all__ = ["SMALL", "House", "StudyState", "fingerprint"]
