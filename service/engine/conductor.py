"""Drives one study: prepare, record, obey, judge, propose, dispatch, select; a tick at a time.

A conductor keeps nothing that the records do not hold (rule R1): after a crash a new one is
built from the database and goes on. Every write carries the lease's fence.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.domain.aims import BEST_STATES, say_missing, say_nearest
from service.domain.records import Array, ArrayState, Failure, Lease, Trial
from service.domain.states import (
    TERMINAL_STUDY_STATES,
    TERMINAL_TRIAL_STATES,
    Intent,
    StudyState,
    TrialState,
)
from service.engine.context import StudyContext, end_without_result
from service.engine.jobs import array_job, cohorts_with_states, state_folder
from service.engine.preparation import Preparation
from service.engine.recording import Ending, Recorder
from service.engine.resources import Resources
from service.engine.search import Search
from service.engine.selection import Selection
from service.engine.steering import Steering
from service.executors.base import ArrayJob, ScoreJob, WorkerEvent
from service.executors.job_files import remove_states
from service.storage.decisions import DecisionRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository

MAX_CRASHES = 3
"""An array whose worker died so often at one saved state is given up: its trials are FAILED."""

TRANSIENT = frozenset({"crash", "lost", "out-of-memory"})
"""Failures that are worth another try; the others would only repeat."""

HARMLESS = frozenset({"stopped", "storage-full"})
"""Endings that say nothing of the trials: they are queued again from their saved state."""

NO_RESULT = Failure(
    kind="no-result",
    message="no trial is eligible for best: every one diverged, failed or was stopped; "
    "lower the learning rates or raise the budget",
)

INFEASIBLE_REMEDY = "loosen the bound, raise the budget, or move the ranges towards that trial"


class Conductor:
    """One study's loop. Not thread-safe: the supervisor's thread calls it; nothing here waits."""

    def __init__(self, lease: Lease, resources: Resources) -> None:
        self.study_id = lease.study_id
        self.fence = lease.fence
        self._context = StudyContext(lease, resources)
        self._preparation = Preparation(self._context)
        self._steering = Steering(self._context)
        self._search = Search(self._context)
        self._selection: Selection | None = None
        self._inbox: list[WorkerEvent] = []
        # Only folders that are still there need sweeping: not those of every told cohort.
        left = cohorts_with_states(resources.artifact_root, lease.study_id)
        self._swept = self._context.mirror.told - left
        self._recover()

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do: terminal, or paused as asked."""
        return self._context.over

    def owns(self, job_id: str) -> bool:
        """Whether an executor's event belongs to this study."""
        return job_id in self._context.jobs or (
            self._selection is not None and self._selection.owns(job_id)
        )

    def tick(self, events: Sequence[WorkerEvent]) -> None:
        """Take in what workers reported and do what can be done now.

        Events are kept until their transaction has committed: a tick that raised can be
        repeated with no new events.
        """
        self._inbox.extend(events)
        self._context.mirror.refresh()
        self._step()
        self._sweep_states()

    def _step(self) -> None:
        if self.finished:
            return
        self._steering.count_seconds()
        self._record()
        self._steering.obey()
        if self.finished or not self._preparation.tick():
            return
        if self._context.study.state is StudyState.SELECTING:
            self._select()
            return
        self._steering.watch_budget()
        self._search.judge_rungs()
        self._search.propose()
        self._search.analyse()
        self._end_search()

    def next_job(self) -> ArrayJob | ScoreJob | None:
        """The next job for a free slot, already recorded as running; None when there is none."""
        context = self._context
        if self.finished or context.dataset is None:
            return None
        if context.yielding == "stop":
            return next((self._start(array, harvest=True) for array in context.harvest()), None)
        if context.yielding is not None:
            return None
        if self._selection is not None:
            return self._selection.next_job()
        waiting = context.mirror.arrays_in(ArrayState.QUEUED)
        if context.study.state is not StudyState.RUNNING or not waiting:
            return None
        return self._start(waiting[0], harvest=False)

    def _start(self, array: Array, *, harvest: bool) -> ArrayJob:
        context = self._context
        assert context.dataset is not None
        if harvest:
            context.harvested.add((array.cohort, array.index))
        with context.resources.database.transaction() as session:
            TrialRepository(session).start_array(
                self.study_id, self.fence, array.cohort, array.index
            )
        context.mirror.refresh([array.cohort])
        job = array_job(
            context.study.resolved,
            array,
            context.mirror.live_trials(array),
            fence=self.fence,
            data_folder=context.resources.data_store / context.dataset.folder,
            artifact_root=context.resources.artifact_root,
            save_seconds=context.resources.save_seconds,
            versions=context.study.versions,
            harvest=harvest,
            measure_nothing=not harvest and context.wants_nothing(),
        )
        context.jobs[job.job_id] = job
        return job

    def pause_jobs(self) -> bool:
        """Ask running jobs to save and end (the engine is going down); whether any is left."""
        self._context.yield_jobs("pause")
        return bool(self._context.jobs)

    def _recover(self) -> None:
        """Whatever ran under an earlier lease is lost: queue it again from its saved state."""
        context = self._context
        lost = context.mirror.arrays_in(ArrayState.RUNNING)
        study = context.study
        resumed = study.state is StudyState.PAUSED and study.intent is Intent.RUN
        with context.resources.database.transaction() as session:
            trials = TrialRepository(session)
            for array in lost:
                trials.requeue_array(self.study_id, self.fence, array.cohort, array.index, None)
            if resumed:
                DecisionRepository(session).append(self.study_id, self.fence, "resume", {})
            if study.state is StudyState.PAUSED and study.intent is not Intent.PAUSE:
                StudyRepository(session).transition(
                    self.study_id, StudyState.RUNNING, fence=self.fence
                )
        context.mirror.refresh({array.cohort for array in lost})

    def _record(self) -> None:
        """Write the inbox in one transaction; it is emptied only when that has committed."""
        context = self._context
        if self._selection is not None:
            self._selection.take(self._inbox)
        if not self._inbox or context.dataset is None:
            return
        recorder = Recorder(context.study, context.dataset, self.fence)
        with context.resources.database.transaction() as session:
            recorded = recorder.record(session, self._inbox, context.jobs)
            for ending in recorded.endings:
                self._end_job(session, ending)
        self._inbox.clear()
        for ending in recorded.endings:
            context.jobs.pop(ending.job.job_id, None)
        context.mirror.refresh(recorded.cohorts)
        for ending in recorded.endings:
            if ending.failure is not None and ending.failure.kind == "storage-full":
                context.pause_because(ending.failure)
        self._fail_if_hopeless()

    def _end_job(self, session: Session, ending: Ending) -> None:
        """What becomes of an array whose job is over while some of its trials are not."""
        job, failure = ending.job, ending.failure
        trials = TrialRepository(session)
        live = [
            trial
            for slot in job.slots
            if (trial := trials.get(self.study_id, slot.trial)) is not None
            and trial.state not in TERMINAL_TRIAL_STATES
        ]
        if not live:
            return
        if ending.outcome == "done":
            trials.array_at_rung(self.study_id, self.fence, job.cohort, job.array)
        elif failure is None or failure.kind in HARMLESS:
            trials.requeue_array(self.study_id, self.fence, job.cohort, job.array, None)
        elif failure.kind in TRANSIENT and self._may_retry(session, job, failure):
            trials.requeue_array(self.study_id, self.fence, job.cohort, job.array, failure)
        else:
            end_without_result(trials, self.fence, live, TrialState.FAILED, failure)

    def _may_retry(self, session: Session, job: ArrayJob, failure: Failure) -> bool:
        """Record one more crash of an array, unless it had too many without getting on."""
        decisions = DecisionRepository(session)
        saved = self._context.mirror.saved_epoch(job.cohort, job.array)
        place = {"cohort": job.cohort, "array": job.array, "saved_epoch": saved}
        earlier = [
            decision
            for decision in decisions.all(self.study_id, "retry")
            if place.items() <= decision.detail.items()
        ]
        if len(earlier) + 1 >= MAX_CRASHES:
            return False
        detail = {**place, "failure": failure.model_dump(mode="json")}
        decisions.append(self.study_id, self.fence, "retry", detail)
        return True

    def _fail_if_hopeless(self) -> None:
        """A study whose first cohorts FAILED to the last trial would only go on failing.

        Which cohorts is fixed, so that it does not matter which of them ended first (rule R2).
        """
        mirror = self._context.mirror
        first = range(self._context.study.resolved.cohorts_in_flight)
        if self.finished or not all(cohort in mirror.told for cohort in first):
            return
        trials = [mirror.trials[number] for cohort in first for number in mirror.cohorts[cohort]]
        if failure := _all_failed(trials):
            self._context.fail(failure)

    def _sweep_states(self) -> None:
        """Saved states have served when their cohort is told, or the study is over."""
        context = self._context
        over = context.study.state in TERMINAL_STUDY_STATES
        for cohort in (set(context.mirror.cohorts) if over else context.mirror.told) - self._swept:
            for array in context.mirror.arrays_of(cohort):
                remove_states(context.resources.artifact_root, state_folder(array))
            self._swept.add(cohort)

    def _end_search(self) -> None:
        """Every trial proposed and over, or the time spent: choose the best."""
        context = self._context
        if self.finished or context.mirror.open_cohorts or context.jobs:
            return
        if self._search.analysing or not (self._search.exhausted or self._steering.time_is_up):
            return
        if context.study.best is None:
            context.fail(self._no_result())
        else:
            context.transition(StudyState.SELECTING)

    def _no_result(self) -> Failure:
        """Why nothing is eligible for best, as far as the trials tell."""
        aims = self._context.study.resolved.aims
        trials = list(self._context.mirror.trials.values())
        finished = [t for t in trials if t.state in BEST_STATES and t.metrics is not None]
        scores = {trial.number: aims.scores_of(trial) for trial in finished}
        if nearest := say_nearest(aims, scores.items()):
            return Failure(kind="infeasible", message=f"{nearest}; {INFEASIBLE_REMEDY}")
        if missing := say_missing(aims, scores.values()):
            return Failure(kind="no-result", message=missing)
        return _all_failed(trials) or NO_RESULT

    def _select(self) -> None:
        context = self._context
        assert context.dataset is not None
        if self._selection is None:
            context.yielding = None
            self._selection = Selection(
                context.study, context.dataset, self.fence, context.resources
            )
        self._selection.tick()
        context.mirror.refresh()


def _all_failed(trials: Sequence[Trial]) -> Failure | None:
    """The reason of the first of them, where all of them failed."""
    if not trials or any(trial.state is not TrialState.FAILED for trial in trials):
        return None
    reason = trials[0].failure.message if trials[0].failure else "unknown"
    return Failure(kind="error", message=f"every trial so far failed: {reason}")
