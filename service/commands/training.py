"""One training as records: what the engine would write of it, kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from service.commands.train_config import Plan
from service.domain.configuration import complete_config
from service.domain.doing_nothing import TaskBaseline, names_doing_nothing
from service.domain.model import derive_seed
from service.domain.records import Artifact, Dataset, EpochReport, Failure, Trial
from service.domain.states import TrialState
from service.engine.judging import judge_trial, value_of
from service.executors.base import (
    EpochEvent,
    JobEndEvent,
    ScoreEvent,
    TaskBaselineEvent,
    TrialEndEvent,
    WorkerEvent,
)

NAME = "train"
"""Stands where a study's id would: files in the making lie below it."""


@dataclass
class Training:
    """What came of it; trials count from 0 in the order of their seeds."""

    plan: Plan
    dataset: Dataset
    versions: Mapping[str, str]
    started_at: datetime
    trials: list[Trial]
    reports: dict[int, list[EpochReport]] = field(default_factory=dict)
    checkpoints: dict[int, Artifact] = field(default_factory=dict)
    nothing: TaskBaseline | None = None
    """What doing nothing gives, where the task is more than to reconstruct."""
    score: ScoreEvent | None = None
    """Of the chosen trial on the test part, if that was asked for."""
    stopped_early: dict[int, bool] = field(default_factory=dict)
    interrupted: bool = False
    failure: Failure | None = None
    weights: bytes = b""
    """The chosen trial's checkpoint; empty where none came to an eligible epoch."""

    @property
    def chosen(self) -> Trial | None:
        """The median of the trials with a value; of an even number the better of the middle two."""
        sign = self.plan.resolved.aims.objectives[0].sign
        able = sorted(
            (sign * trial.value, trial.number) for trial in self.trials if trial.value is not None
        )
        return self.trials[able[(len(able) - 1) // 2][1]] if able else None

    def record(self, event: WorkerEvent) -> None:
        """Take in what a worker says."""
        if isinstance(event, EpochEvent):
            self.reports.setdefault(event.trial, []).append(event.report)
        elif isinstance(event, TrialEndEvent):
            self._end(event)
        elif isinstance(event, TaskBaselineEvent):
            task = self.plan.resolved.task
            self.nothing = TaskBaseline(
                task=task.model_dump(mode="json"),
                name=names_doing_nothing(task) or "the input",
                train=event.train,
                validation=event.validation,
            )
        elif isinstance(event, ScoreEvent):
            self.score = event
            if self.nothing is not None:
                self.nothing = self.nothing.model_copy(update={"test": event.nothing})
        elif isinstance(event, JobEndEvent) and event.failure is not None:
            self.failure = event.failure

    def _end(self, event: TrialEndEvent) -> None:
        """Replace a trial's record by the one that the engine would write."""
        spec = self.plan.resolved
        trial = self.trials[event.trial]
        validation = event.metrics.validation if event.metrics else None
        verdict = judge_trial(
            spec,
            self.dataset,
            complete_config(spec, trial.family, {}),
            self.reports.get(event.trial, []),
            state=event.state,
            best_epoch=event.best_epoch,
            stopped_early=event.stopped_early,
        )
        feasible = None
        if spec.aims.constraints and event.metrics is not None:
            feasible = spec.aims.is_feasible(spec.aims.scores(validation, event.complexity))
        self.trials[event.trial] = trial.model_copy(
            update={
                "state": event.state,
                "value": value_of(spec, event.value, validation, event.complexity),
                "best_epoch": event.best_epoch,
                "epochs": event.epochs,
                "metrics": event.metrics,
                "complexity": event.complexity,
                "feasible": feasible,
                "verdict": verdict,
                "failure": event.failure,
                "finished_at": datetime.now(UTC),
            }
        )
        self.stopped_early[event.trial] = event.stopped_early
        for file in event.artifacts:
            if file.kind == "checkpoint":
                self.checkpoints[event.trial] = Artifact(
                    study_id=NAME, trial=event.trial, **file.model_dump()
                )


def fresh_seeds(plan: Plan, count: int) -> list[int]:
    """Seeds that no study has used: the config's own is not among them."""
    return [derive_seed(own_seed(plan), "train", index) for index in range(count)]


def own_seed(plan: Plan) -> int:
    """The seed that the config names, or the one that a study of it would give its trial 0."""
    spec = plan.resolved
    return derive_seed(spec.seed, "trial", 0) if spec.trial_seed is None else spec.trial_seed


def new_trial(plan: Plan, number: int, seed: int, now: datetime) -> Trial:
    """A trial that is about to train."""
    return Trial(
        study_id=NAME,
        number=number,
        cohort=0,
        array=0,
        state=TrialState.RUNNING,
        family=plan.resolved.families[0],
        params={},
        value=None,
        best_epoch=None,
        epochs=0,
        rungs={},
        metrics=None,
        verdict=None,
        seed=seed,
        attempt=1,
        failure=None,
        created_at=now,
        started_at=now,
        finished_at=None,
    )
