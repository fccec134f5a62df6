"""The end of a study: the best configs on fresh seeds, and the winner on the sealed test part."""

from concurrent.futures import Future
from typing import Any

from sqlalchemy.orm import Session

from service.domain.confirmations import with_test
from service.domain.confirmed import Confirmation
from service.domain.doing_nothing import DOING_NOTHING, TaskBaseline
from service.domain.linter import lint_result
from service.domain.records import Artifact, Dataset, Failure, Study, Trial
from service.domain.resolve import complete_config
from service.domain.states import StudyState
from service.engine.confirming import Confirming
from service.engine.ingestion import LATENT, with_pca
from service.engine.jobs import score_job
from service.engine.resources import Resources
from service.executors.base import JobEndEvent, ScoreEvent, ScoreJob, WorkerEvent
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.parts import PartRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository

MAX_TRIES = 3


class Selection:
    """Drives a study from SELECTING to COMPLETE; same habits as the conductor.

    First the best configs are trained again (confirming.py), by parts of the study that any
    engine may drive. Then the winner's median model is scored on the sealed test part, once. A part
    of another study has neither: it is COMPLETE when its trials are.
    """

    def __init__(self, study: Study, dataset: Dataset, fence: int, resources: Resources) -> None:
        assert study.best is not None
        self._study = study
        self._dataset = dataset
        self._fence = fence
        self._resources = resources
        with resources.database.read() as session:
            trials = TrialRepository(session).all(study.id)
        self._trials = {trial.number: trial for trial in trials}
        self._confirming: Confirming | None = Confirming(study, trials, fence, resources)
        self._confirmation: Confirmation | None = None
        self._winner: Trial | None = None
        """The trial of the search whose config won."""
        self._model: Trial | None = None
        """The trial whose weights are the answer: the same, or a repetition of it."""
        self._checkpoint: Artifact | None = None
        self._data = dataset
        """What the model was trained on: another division where the selection divides anew."""
        self._job: ScoreJob | None = None
        self._tries = 0
        self._test: dict[str, float | None] | None = None
        self._interval: dict[str, tuple[float, float]] | None = None
        self._nothing: dict[str, float | None] | None = None
        """Test metrics of doing nothing."""
        self._failure: Failure | None = None
        self._baselines: Future[Dataset] | None = None

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

    def next_job(self) -> ScoreJob | None:
        """The score job, once; the opening of the seal is on record before it starts."""
        if self._job is not None or self._test is not None or self._checkpoint is None:
            return None
        if self._tries >= MAX_TRIES:
            return None
        assert self._winner is not None and self._model is not None
        self._tries += 1
        revision = 1 + len(self._study.resolved.extensions)
        with self._resources.database.transaction() as session:
            decisions = DecisionRepository(session)
            opened = decisions.all(self._study.id, "open_test")
            if not any(each.detail.get("revision", 1) == revision for each in opened):
                openings = DatasetRepository(session).add_opening(self._dataset.data_hash)
                detail = {
                    "trial": self._winner.number,
                    "model": {"study": self._model.study_id, "trial": self._model.number},
                    "opening": openings,
                    "revision": revision,
                }
                decisions.append(self._study.id, self._fence, "open_test", detail)
        self._job = score_job(
            self._study.resolved,
            self._model,
            self._checkpoint,
            study_id=self._study.id,
            fence=self._fence,
            data_folder=self._resources.data_store / self._data.folder,
            artifact_root=self._resources.artifact_root,
            versions=self._study.versions,
        )
        return self._job

    def tick(self) -> None:
        """Go on with what can be done now: choose, then complete when the score is there."""
        if self._confirming is not None:
            if not self._confirming.tick():
                return
            self._confirmation = self._confirming.result()
            self._confirming = None
            if self._study.parent is not None:
                self._complete_part()
                return
            self._choose()
        if self._checkpoint is None:
            self._end(Failure(kind="lost", message="the best trial's checkpoint is missing"))
        elif self._test is None and self._job is None and self._tries >= MAX_TRIES:
            self._end(self._failure or Failure(kind="error", message="the test was not scored"))
        elif self._test is not None and self._job is None:
            if self._baselines is not None and not self._baselines.done():
                return
            self._complete(self._test)

    def _choose(self) -> None:
        """The winner on fresh seeds; without one the best search value stands."""
        found, study = self._confirmation, self._study
        assert study.best is not None
        number = study.best.trial if found is None or found.winner is None else found.winner
        self._winner = self._model = self._trials[number]
        with self._resources.database.read() as session:
            trials, model = TrialRepository(session), None if found is None else found.model
            if model is not None:
                self._model = trials.get(model.study, model.trial) or self._winner
            place = self._model.study_id
            files = trials.artifacts(place, self._model.number)
            maker = StudyRepository(session).get(place)
            if maker is not None and maker.data_hash is not None:
                self._data = DatasetRepository(session).get(maker.data_hash) or self._dataset
        self._checkpoint = next((file for file in files if file.kind == "checkpoint"), None)
        config = complete_config(study.resolved, self._winner.family, self._winner.params)
        latent = config.get(LATENT)
        if isinstance(latent, int):
            self._baselines = self._resources.pool.submit(
                with_pca, self._dataset, self._resources.data_store, latent
            )

    def _complete(self, test: dict[str, float | None]) -> None:
        assert self._winner is not None
        dataset = self._dataset if self._baselines is None else self._baselines.result()
        aims = self._study.resolved.aims
        with self._resources.database.transaction() as session:
            datasets = DatasetRepository(session)
            datasets.put(dataset)
            stored = datasets.get(dataset.data_hash)
            studies = StudyRepository(session)
            notices = lint_result(
                self._study.resolved,
                self._resources.catalog,
                list(self._trials.values()),
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
            if self._confirmation is not None:
                found = with_test(self._confirmation, aims, test)
                summary["selection"] = found.model_dump(mode="json")
                best = found.best
                if best is not None and best.mean is not None:
                    PartRepository(session).set_winner(
                        self._study.id, self._fence, best.trial, best.mean
                    )
            studies.transition(
                self._study.id, StudyState.COMPLETE, fence=self._fence, summary=summary
            )

    def _complete_part(self) -> None:
        with self._resources.database.transaction() as session:
            StudyRepository(session).transition(
                self._study.id, StudyState.COMPLETE, fence=self._fence, summary={}
            )

    def _task_baseline(self, session: Session) -> TaskBaseline | None:
        found = AnalysisRepository(session).get(self._study.id, DOING_NOTHING)
        return None if found is None else TaskBaseline.model_validate(found.data)

    def _end(self, failure: Failure) -> None:
        with self._resources.database.transaction() as session:
            PartRepository(session).stop(self._study.id, self._fence)
            StudyRepository(session).transition(
                self._study.id, StudyState.FAILED, fence=self._fence, failure=failure
            )
