"""The Executor protocol: arrays go in as jobs, events come out, as JSON between processes."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from service.domain.model import Record
from service.domain.records import EpochReport, Failure, TrialMetrics
from service.domain.space import Params
from service.domain.states import TrialState


class SlotJob(Record):
    """One trial of an array."""

    trial: int
    attempt: int
    seed: int
    config: Params
    """Complete: params, fixed values and defaults."""


class EarlyStoppingPlan(Record):
    """See domain.strategies.EarlyStopping."""

    patience: int
    min_delta: float
    min_epochs: int


class TrainingPlan(Record):
    """What is the same for every trial of a study."""

    epochs: int
    first_eligible_epoch: int
    early_stopping: EarlyStoppingPlan | None
    metric: str
    """Ranks epochs: reports[i].validation[metric]."""
    direction: Literal["minimize", "maximize"]
    task: dict[str, Any] = {"kind": "reconstruct"}
    """The spec's task, as JSON."""


class ArrayJob(Record):
    """Train an array from its saved state (or from scratch) to `until_epoch`.

    One job is one segment: from a rung to the next, or to the end. It ends early when every
    slot has ended.
    """

    kind: Literal["array"] = "array"
    job_id: str
    """Unique per dispatch."""
    study_id: str
    cohort: int
    array: int
    fence: int
    family: str
    data_folder: str
    """Absolute: the store's folder of the data set."""
    artifact_root: str
    """Absolute: where trials leave their files."""
    slots: list[SlotJob]
    """The live ones, ascending by trial."""
    plan: TrainingPlan
    until_epoch: int
    resume_from: str | None
    """Path of the saved state below artifact_root; None: from scratch."""
    state_path: str
    """The folder of the array's saved states, `state-<epoch>.safetensors`, below artifact_root."""
    harvest: bool = False
    """Train no further: end every slot as STOPPED with the best of its saved state."""
    measure_nothing: bool = False
    """Tell first what doing nothing gives on this task (TaskBaselineEvent)."""
    save_seconds: float = 15.0
    """Save state at least this often, so that a crash costs little."""
    made_of: str | None = None
    """What the study says a family of one's own is made of (registry.fingerprints)."""


class ScoreJob(Record):
    """Score one trial's checkpoint on the sealed test part, once."""

    kind: Literal["score"] = "score"
    job_id: str
    study_id: str
    trial: int
    fence: int
    family: str
    data_folder: str
    artifact_root: str
    checkpoint: str
    """Below artifact_root."""
    config: Params
    seed: int
    task: dict[str, Any] = {"kind": "reconstruct"}
    made_of: str | None = None
    """As in ArrayJob."""


class ArtifactFile(Record):
    """A file that a worker wrote."""

    kind: str
    path: str
    sha256: str
    bytes: int


class EpochEvent(Record):
    """One live trial finished an epoch."""

    kind: Literal["epoch"] = "epoch"
    job_id: str
    trial: int
    attempt: int
    report: EpochReport


class SavedEvent(Record):
    """The array's full state is on disk."""

    kind: Literal["saved"] = "saved"
    job_id: str
    epoch: int
    path: str


class RungEvent(Record):
    """A live trial is at the job's `until_epoch`; its best value so far."""

    kind: Literal["rung"] = "rung"
    job_id: str
    trial: int
    attempt: int
    epoch: int
    value: float | None


class TrialEndEvent(Record):
    """A trial is over: COMPLETE (also when stopped early), DIVERGED, STOPPED or FAILED."""

    kind: Literal["trial_end"] = "trial_end"
    job_id: str
    trial: int
    attempt: int
    state: TrialState
    value: float | None
    best_epoch: int | None
    epochs: int
    stopped_early: bool
    metrics: TrialMetrics | None
    complexity: dict[str, float | None] | None = None
    """What the model costs (Trial.complexity)."""
    artifacts: list[ArtifactFile]
    failure: Failure | None


class TaskBaselineEvent(Record):
    """What doing nothing gives: the metrics of the task's input itself."""

    kind: Literal["task_baseline"] = "task_baseline"
    job_id: str
    train: dict[str, float | None]
    validation: dict[str, float | None]


class ScoreEvent(Record):
    """The sealed test part was scored."""

    kind: Literal["score"] = "score"
    job_id: str
    trial: int
    metrics: dict[str, float | None]
    nothing: dict[str, float | None] | None = None
    """Those of doing nothing; None where the task is to reconstruct."""
    interval: dict[str, tuple[float, float]] | None = None
    """95 % bootstrap intervals over the samples of the metrics that have one; finite."""


class JobEndEvent(Record):
    """The job is over and its slot is free; the last event of every job.

    `outcome`: `done` (all events sent), `yielded` (paused or stopped on request, state saved),
    `failed` (the reason in `failure`; nothing else may be assumed).
    """

    kind: Literal["job_end"] = "job_end"
    job_id: str
    outcome: Literal["done", "yielded", "failed"]
    failure: Failure | None = None


WorkerEvent = Annotated[
    EpochEvent
    | SavedEvent
    | RungEvent
    | TrialEndEvent
    | TaskBaselineEvent
    | ScoreEvent
    | JobEndEvent,
    Field(discriminator="kind"),
]
Job = Annotated[ArrayJob | ScoreJob, Field(discriminator="kind")]


class Executor(Protocol):
    """Runs jobs in a fixed number of slots. Not thread-safe: one thread calls it."""

    @property
    def slots(self) -> int:
        """How many jobs run at once."""

    @property
    def free(self) -> int:
        """Slots that would start a job now."""

    def submit(self, job: ArrayJob | ScoreJob) -> None:
        """Start a job in a free slot. Raises RuntimeError when none is free."""

    def poll(self, timeout_seconds: float) -> Sequence[Any]:
        """Events (WorkerEvent) since the last call, in order per job; waits at most so long."""

    def yield_job(self, job_id: str, how: Literal["pause", "stop"]) -> None:
        """Ask a job to end: `pause` saves state after the running epoch; `stop` drops the running
        epoch at the next step and ends its trials as STOPPED with their best so far. A job that
        has not ended 1.5 s after `stop` is killed and reported as failed with kind `stopped`.
        Unknown or ended jobs are ignored."""

    def forget(self, study_id: str) -> None:
        """Kill every job of a study (its lease was lost); their events are dropped."""

    def close(self) -> None:
        """End all workers; nothing of the process tree is left."""
