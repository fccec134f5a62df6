"""The end of a study: the best trial is scored once on the sealed test part."""

from concurrent.futures import Future
from typing import Any

from sqlalchemy.orm import Session

from service.domain.doing_nothing import DOING_NOTHING, TaskBaseline
from service.domain.linter import lint_result
from service.domain.records import Dataset, Failure, Study
from service.domain.resolve import complete_config
from service.domain.states import StudyState
from service.engine.ingestion import LATENT, with_pca
from service.engine.jobs import score_job
from service.engine.resources import Resources
from service.executors.base import JobEndEvent, ScoreEvent, ScoreJob, WorkerEvent
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository

MAX_TRIES = 3


class Selection:
    """Drives a study from SELECTING to COMPLETE; same habits as the conductor."""

    def __init__(self, study: Study, dataset: Dataset, fence: int, resources: Resources) -> None:
        assert study.best is not None
        self._study = study
        self._dataset = dataset
        self._fence = fence
        self._resources = resources
        with resources.database.read() as session:
            trials = TrialRepository(session)
            winner = trials.get(study.id, study.best.trial)
            files = trials.artifacts(study.id, study.best.trial)
        assert winner is not None
        self._winner = winner
        self._checkpoint = next((file for file in files if file.kind == "checkpoint"), None)
        self._job: ScoreJob | None = None
        self._tries = 0
        self._test: dict[str, float | None] | None = None
        self._interval: dict[str, tuple[float, float]] | None = None
        self._nothing: dict[str, float | None] | None = None
        """Test metrics of doing nothing."""
        self._failure: Failure | None = None
        config = complete_config(study.resolved, winner.family, winner.params)
        self._baselines: Future[Dataset] | None = None
        latent = config.get(LATENT)
        if isinstance(latent, int):
            self._baselines = resources.pool.submit(with_pca, dataset, resources.data_store, latent)

    def owns(self, job_id: str) -> bool:
        """Whether an event belongs to the score job."""
        return self._job is not None and self._job.job_id == job_id

    def take(self, inbox: list[WorkerEvent]) -> None:
        """Take the score job's events out of the inbox."""
        for event in list(inbox):
            if not self.owns(event.job_id):
                continue
            inbox.remove(event)
            if isinstance(event, ScoreEvent):
                self._test, self._nothing = event.metrics, event.nothing
                self._interval = event.interval
            elif isinstance(event, JobEndEvent):
                self._job = None
                if event.outcome != "done":
                    self._failure = event.failure

    def cancel(self) -> None:
        """Stop scoring; the study is being stopped."""
        if self._job is not None:
            self._resources.executor.yield_job(self._job.job_id, "stop")

    def next_job(self) -> ScoreJob | None:
        """The score job, once; the opening of the seal is on record before it starts."""
        if self._job is not None or self._test is not None or self._checkpoint is None:
            return None
        if self._tries >= MAX_TRIES:
            return None
        self._tries += 1
        with self._resources.database.transaction() as session:
            decisions = DecisionRepository(session)
            if not decisions.all(self._study.id, "open_test"):
                openings = DatasetRepository(session).add_opening(self._dataset.data_hash)
                decisions.append(
                    self._study.id,
                    self._fence,
                    "open_test",
                    {"trial": self._winner.number, "opening": openings},
                )
        self._job = score_job(
            self._study.resolved,
            self._winner,
            self._checkpoint,
            fence=self._fence,
            data_folder=self._resources.data_store / self._dataset.folder,
            artifact_root=self._resources.artifact_root,
        )
        return self._job

    def tick(self) -> None:
        """Complete the study when the score is there; fail it when it cannot be had."""
        if self._checkpoint is None:
            self._end(Failure(kind="lost", message="the best trial's checkpoint is missing"))
        elif self._test is None and self._job is None and self._tries >= MAX_TRIES:
            self._end(self._failure or Failure(kind="error", message="the test was not scored"))
        elif self._test is not None and self._job is None:
            if self._baselines is not None and not self._baselines.done():
                return
            self._complete(self._test)

    def _complete(self, test: dict[str, float | None]) -> None:
        dataset = self._dataset if self._baselines is None else self._baselines.result()
        with self._resources.database.transaction() as session:
            datasets = DatasetRepository(session)
            datasets.put(dataset)
            stored = datasets.get(dataset.data_hash)
            studies = StudyRepository(session)
            notices = lint_result(
                self._study.resolved,
                self._resources.catalog,
                TrialRepository(session).all(self._study.id),
                self._task_baseline(session),
            )
            if notices:
                studies.add_warnings(self._study.id, self._fence, notices)
            summary: dict[str, Any] = {
                "trial": self._winner.number,
                "test": test,
                "test_openings": stored.test_openings if stored else None,
            }
            if self._interval is not None:
                summary["interval"] = {name: list(ends) for name, ends in self._interval.items()}
            if self._nothing is not None:
                summary[DOING_NOTHING] = self._nothing
            studies.transition(
                self._study.id, StudyState.COMPLETE, fence=self._fence, summary=summary
            )

    def _task_baseline(self, session: Session) -> TaskBaseline | None:
        found = AnalysisRepository(session).get(self._study.id, DOING_NOTHING)
        return None if found is None else TaskBaseline.model_validate(found.data)

    def _end(self, failure: Failure) -> None:
        with self._resources.database.transaction() as session:
            StudyRepository(session).transition(
                self._study.id, StudyState.FAILED, fence=self._fence, failure=failure
            )
