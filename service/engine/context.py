"""One study in the hands of one engine: its records, its lease and its running jobs."""

import logging
from collections.abc import Iterable

from service.domain.doing_nothing import DOING_NOTHING, names_doing_nothing
from service.domain.records import Array, ArrayState, Dataset, Failure, Lease, Study, Trial
from service.domain.states import (
    TERMINAL_STUDY_STATES,
    TERMINAL_TRIAL_STATES,
    Intent,
    StudyState,
    TrialState,
)
from service.engine.mirror import StudyMirror
from service.engine.resources import Resources
from service.executors.base import ArrayJob
from service.storage.decisions import AnalysisRepository
from service.storage.parts import PartRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository

log = logging.getLogger(__name__)


class StudyContext:
    """What the parts of a conductor share. Writes carry the lease's fence."""

    def __init__(self, lease: Lease, resources: Resources) -> None:
        self.study_id = lease.study_id
        self.fence = lease.fence
        self.resources = resources
        self.mirror = StudyMirror(resources.database, lease.study_id)
        self.jobs: dict[str, ArrayJob] = {}
        self.dataset: Dataset | None = None
        self.yielding: str | None = None
        """`pause` or `stop` while running jobs are asked to end and none may start."""
        self.harvested: set[tuple[int, int]] = set()
        """Arrays that were asked for the best of their saved state, because of a stop."""
        self._knows_nothing = False
        self.trouble: Failure | None = None
        """Why the engine itself asked for a pause (a full disk)."""

    @property
    def study(self) -> Study:
        """The study as last read."""
        return self.mirror.study

    @property
    def over(self) -> bool:
        """Whether the study is terminal or paused."""
        state = self.study.state
        return state in TERMINAL_STUDY_STATES or state is StudyState.PAUSED

    def wants_nothing(self) -> bool:
        """Whether it is still to be measured what doing nothing gives on the study's task."""
        if not self._knows_nothing and names_doing_nothing(self.study.resolved.task) is not None:
            with self.resources.database.read() as session:
                found = AnalysisRepository(session).get(self.study_id, DOING_NOTHING)
            self._knows_nothing = found is not None
            return not self._knows_nothing
        return False

    def yield_jobs(self, how: str) -> None:
        """Ask every running job to end, once; a stop is never softened to a pause."""
        if self.yielding in (how, "stop"):
            return
        self.yielding = how
        for job_id in self.jobs:
            self.resources.executor.yield_job(job_id, "pause" if how == "pause" else "stop")

    def pause_because(self, failure: Failure) -> None:
        """Ask for a pause that a person did not: nothing is lost, and the reason is named."""
        log.warning("study %s is paused: %s", self.study_id, failure.message)
        self.trouble = failure
        if self.study.intent is Intent.STOP:
            return
        with self.resources.database.transaction() as session:
            StudyRepository(session).set_intent(self.study_id, Intent.PAUSE, fence=self.fence)
        self.mirror.refresh()

    def harvest(self) -> list[Array]:
        """Arrays with a saved state whose best is still to be brought in before a stop."""
        return [
            array
            for array in self.mirror.arrays_in(ArrayState.QUEUED, ArrayState.AT_RUNG)
            if array.state_path is not None and (array.cohort, array.index) not in self.harvested
        ]

    def transition(self, state: StudyState) -> None:
        """Move the study to a state."""
        with self.resources.database.transaction() as session:
            StudyRepository(session).transition(self.study_id, state, fence=self.fence)
        self.mirror.refresh()

    def end_live_trials(self, state: TrialState, failure: Failure | None) -> None:
        """End whatever is not over, without a result."""
        opened = self.mirror.open_cohorts
        if not opened:
            return
        live = [
            trial
            for cohort in opened
            for number in self.mirror.cohorts[cohort]
            if (trial := self.mirror.trials[number]).state not in TERMINAL_TRIAL_STATES
        ]
        with self.resources.database.transaction() as session:
            end_without_result(TrialRepository(session), self.fence, live, state, failure)
        self.mirror.refresh(opened)

    def fail(self, failure: Failure) -> None:
        """End the study with a reason; whatever still runs is dropped."""
        log.warning("study %s failed: %s", self.study_id, failure.message)
        self.resources.executor.forget(self.study_id)
        self.jobs.clear()
        self.end_live_trials(TrialState.STOPPED, None)
        with self.resources.database.transaction() as session:
            PartRepository(session).stop(self.study_id, self.fence)
            StudyRepository(session).transition(
                self.study_id, StudyState.FAILED, fence=self.fence, failure=failure
            )
        self.mirror.refresh()


def end_without_result(
    repository: TrialRepository,
    fence: int,
    trials: Iterable[Trial],
    state: TrialState,
    failure: Failure | None,
) -> None:
    """End trials whose worker left nothing: stopped before they ran, or failed."""
    for trial in trials:
        repository.finish(
            trial.study_id,
            fence,
            trial.number,
            trial.attempt,
            state,
            value=None,
            best_epoch=None,
            metrics=None,
            verdict=None,
            failure=failure,
            artifacts=[],
        )
