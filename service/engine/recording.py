"""Writes what workers report into the records: one transaction for a batch of events."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from service.domain.aims import MEASURED
from service.domain.doing_nothing import DOING_NOTHING, TaskBaseline, names_doing_nothing
from service.domain.records import (
    Artifact,
    Dataset,
    EpochReport,
    Failure,
    Study,
    Trial,
    TrialMetrics,
    Verdict,
)
from service.domain.resolve import complete_config
from service.domain.states import TrialState
from service.engine.judging import judge_trial, value_of
from service.executors.base import (
    ArrayJob,
    EpochEvent,
    JobEndEvent,
    RungEvent,
    SavedEvent,
    TaskBaselineEvent,
    TrialEndEvent,
    WorkerEvent,
)
from service.storage.decisions import AnalysisRepository
from service.storage.overviews import OverviewRepository
from service.storage.trials import TrialRepository


@dataclass
class Ending:
    """How one array job ended, for the conductor to act on."""

    job: ArrayJob
    outcome: str
    failure: Failure | None


@dataclass
class Recorded:
    """What a batch of events changed."""

    cohorts: set[int] = field(default_factory=set)
    endings: list[Ending] = field(default_factory=list)


class Recorder:
    """Turns worker events into rows under one fence; events of unknown jobs are dropped."""

    def __init__(self, study: Study, dataset: Dataset, fence: int) -> None:
        self._study = study
        self._dataset = dataset
        self._fence = fence

    def record(
        self, session: Session, events: Sequence[WorkerEvent], jobs: dict[str, ArrayJob]
    ) -> Recorded:
        """Append epochs first (one batch), then what refers to them, in order of arrival."""
        repository = TrialRepository(session)
        known = [event for event in events if event.job_id in jobs]
        reports = [
            (event.trial, event.attempt, event.report)
            for event in known
            if isinstance(event, EpochEvent)
        ]
        if reports:
            repository.append_epochs(self._study.id, self._fence, reports)
        changed = Recorded()
        for event in known:
            if isinstance(event, EpochEvent):
                continue  # in the batch above; what a conductor decides by does not change
            job = jobs[event.job_id]
            changed.cohorts.add(job.cohort)
            if isinstance(event, SavedEvent):
                repository.record_saved(
                    self._study.id, self._fence, job.cohort, job.array, event.epoch, event.path
                )
            elif isinstance(event, RungEvent):
                repository.record_rung(
                    self._study.id,
                    self._fence,
                    event.trial,
                    event.attempt,
                    event.epoch,
                    event.value,
                )
            elif isinstance(event, TrialEndEvent):
                self._finish(session, repository, event)
            elif isinstance(event, TaskBaselineEvent):
                self._keep_nothing(session, event)
            elif isinstance(event, JobEndEvent):
                changed.endings.append(Ending(job, event.outcome, event.failure))
        return changed

    def _keep_nothing(self, session: Session, event: TaskBaselineEvent) -> None:
        """What doing nothing gives stands beside every result of the study."""
        task = self._study.resolved.task
        nothing = TaskBaseline(
            task=task.model_dump(mode="json"),
            name=names_doing_nothing(task) or "the input",
            train=event.train,
            validation=event.validation,
        )
        AnalysisRepository(session).put(
            self._study.id, self._fence, DOING_NOTHING, 0, nothing.model_dump(mode="json")
        )

    def _finish(self, session: Session, repository: TrialRepository, event: TrialEndEvent) -> None:
        trial = repository.get(self._study.id, event.trial)
        if trial is None or trial.attempt != event.attempt:
            return
        event = self._with_shared_latency(session, trial, event)
        repository.finish(
            self._study.id,
            self._fence,
            event.trial,
            event.attempt,
            event.state,
            value=self._value(event),
            best_epoch=event.best_epoch,
            metrics=event.metrics,
            complexity=event.complexity,
            verdict=self._verdict(
                repository, trial, event.state, event.best_epoch, event.stopped_early
            ),
            failure=event.failure,
            artifacts=[
                Artifact(study_id=self._study.id, trial=event.trial, **file.model_dump())
                for file in event.artifacts
            ],
        )

    def _with_shared_latency(
        self, session: Session, trial: Trial, event: TrialEndEvent
    ) -> TrialEndEvent:
        """Models of one architecture take equally long, where that decides: a clock's noise
        would otherwise put some of them before others (a factor of 2 was seen)."""
        if event.complexity is None or MEASURED not in self._study.resolved.aims.metrics:
            return event
        known = OverviewRepository(session).latency_of(
            self._study.id, trial.family, event.complexity
        )
        if known is None:
            return event
        return event.model_copy(update={"complexity": {**event.complexity, MEASURED: known}})

    def _value(self, event: TrialEndEvent) -> float | None:
        validation = event.metrics.validation if event.metrics else None
        return value_of(self._study.resolved, event.value, validation, event.complexity)

    def prune(self, repository: TrialRepository, trial: Trial, rung: int, parameters: int) -> None:
        """End a trial that lost at a rung, with the value that it carried there.

        Of its complexity only the number of its parameters is known.
        """
        reports = repository.epochs(self._study.id, trial.number)
        value = trial.rungs.get(str(rung))
        best = self._epoch_of(reports, value)
        repository.finish(
            self._study.id,
            self._fence,
            trial.number,
            trial.attempt,
            TrialState.PRUNED,
            value=value,
            best_epoch=None if best is None else best.epoch,
            metrics=None
            if best is None
            else TrialMetrics(train=best.train, validation=best.validation),
            complexity={"parameters": float(parameters)},
            verdict=self._judge(
                trial, reports, TrialState.PRUNED, None if best is None else best.epoch, False
            ),
            failure=None,
            artifacts=[],
        )

    def _epoch_of(self, reports: Sequence[EpochReport], value: float | None) -> EpochReport | None:
        spec = self._study.resolved
        metric = spec.aims.ranking.metric
        return next(
            (
                report
                for report in reports
                if value is not None
                and report.epoch >= spec.first_eligible_epoch
                and report.validation.get(metric) == value
            ),
            None,
        )

    def _verdict(
        self,
        repository: TrialRepository,
        trial: Trial,
        state: TrialState,
        best_epoch: int | None,
        stopped_early: bool,
    ) -> Verdict | None:
        reports = repository.epochs(self._study.id, trial.number)
        return self._judge(trial, reports, state, best_epoch, stopped_early)

    def _judge(
        self,
        trial: Trial,
        reports: Sequence[EpochReport],
        state: TrialState,
        best_epoch: int | None,
        stopped_early: bool,
    ) -> Verdict | None:
        spec = self._study.resolved
        return judge_trial(
            spec,
            self._dataset,
            complete_config(spec, trial.family, trial.params),
            reports,
            state=state,
            best_epoch=best_epoch,
            stopped_early=stopped_early,
        )
