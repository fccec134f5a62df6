"""Frozen facts about studies; also the API's response models (rule R6)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.domain.model import Record
from service.domain.space import Params
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import Intent, StudyState, TrialState


class Notice(Record):
    """What the linter says of a field."""

    code: str
    """Stable, kebab-case: `collapse`, `capacity-without-cost`, `edge-of-range`, ..."""
    pointer: str
    """JSON pointer into the spec, `/space/latent_dim`."""
    message: str
    remedy: str


class Failure(Record):
    """Why something failed."""

    kind: str
    """`crash`, `out-of-memory`, `data`, `error`, `lost`, `stopped`, ..."""
    message: str
    traceback_tail: str | None = None


class DataHeader(Record):
    """What is known of a data set from its headers, before anything is read."""

    samples: int
    shape: list[int]
    """Of one sample: [8, 8]."""
    dtype: str
    test_samples: int | None = None
    """Of the separate test file, where there is one."""
    bytes: int

    @property
    def features(self) -> int:
        """Numbers in one sample."""
        count = 1
        for side in self.shape:
            count *= side
        return count


class Estimate(Record):
    """What a study would cost at most, computed before a byte is allocated."""

    trials: int
    cohorts: int
    parameters_max: int
    """Trainable parameters of its largest model."""
    array_bytes_max: int
    """Memory of its largest array in a worker (weights, gradients, moments, best weights)."""
    data_bytes: int
    """The data set as float32."""


class PcaBaseline(Record):
    """PCA with `latent_dim` components fitted on train, scored per part (MSE, scaled data)."""

    latent_dim: int
    train: float
    validation: float
    test: float | None
    validation_clipped: float | None
    test_clipped: float | None
    """Clipped to the range of the train data."""


class Baselines(Record):
    """What any model must beat, on the same split, as MSE on the scaled data."""

    mean_train: float
    mean_validation: float
    mean_test: float | None
    """The mean sample of train as the reconstruction of everything. None: not yet unsealed."""
    pca: list[PcaBaseline]
    """Ascending by latent_dim."""
    eigenvalues: list[float]
    """Of the train covariance, descending, at most 512."""


class Dataset(Record):
    """A data set in the store: content, split, scaling, baselines."""

    data_hash: str
    """SHA-256 over content, split and scaling: equal hash, equal numbers."""
    folder: str
    """Below the data directory."""
    shape: list[int]
    dtype: str
    train: int
    validation: int
    test: int
    """Samples in each part."""
    low: float
    high: float
    """Smallest and largest value of the scaled train part."""
    duplicates_across: int
    """Validation and test samples whose exact copy is in train."""
    scaling: dict[str, Any]
    """{kind, and offset and scale where they are single numbers}."""
    baselines: Baselines
    test_openings: int = 0
    """How often the sealed test part was scored, over all studies."""
    created_at: datetime


class Progress(Record):
    """How far a study is."""

    trials: int
    """Planned."""
    queued: int = 0
    running: int = 0
    complete: int = 0
    pruned: int = 0
    diverged: int = 0
    stopped: int = 0
    failed: int = 0
    epochs: int = 0
    """Epochs recorded so far, all trials."""
    seconds: float = 0.0
    """Wall-clock spent RUNNING."""
    seconds_left: float | None = None
    """Estimated from the rate so far; None while unknown."""

    @property
    def done(self) -> int:
        """Trials that are over."""
        return self.complete + self.pruned + self.diverged + self.stopped + self.failed


class BestSoFar(Record):
    """The best eligible trial now."""

    trial: int
    value: float
    params: Params


class Study(Record):
    """One search: its spec, state and progress."""

    id: str
    name: str
    state: StudyState
    intent: Intent
    spec: StudySpec
    resolved: ResolvedSpec
    spec_hash: str
    warnings: list[Notice]
    progress: Progress
    best: BestSoFar | None
    data_hash: str | None
    failure: Failure | None
    summary: dict[str, Any] | None
    """After COMPLETE: {trial, test: {metric: value}, baselines, test_openings}; never before."""
    versions: dict[str, str]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    event: int
    """The counter of its newest event: where a live stream starts."""


class TrialMetrics(Record):
    """Metrics at the best epoch, eval mode, same samples every epoch (rule R4)."""

    train: dict[str, float | None]
    validation: dict[str, float | None]


class Verdict(Record):
    """What the curves of a trial say (DOMAIN.md 4), with the numbers it rests on."""

    kind: Literal["overfit", "large_gap", "underfit", "converged", "censored", "diverged"]
    sentence: str
    numbers: dict[str, float | int | None]
    """best_epoch, gap, gap_relative, gap_error, difficulty_offset, first_overfit_epoch, ..."""


class Trial(Record):
    """One configuration trained once."""

    study_id: str
    number: int
    cohort: int
    array: int
    """Index of its array inside the cohort."""
    state: TrialState
    family: str
    params: Params
    """Searched parameters only; inactive ones are absent."""
    value: float | None
    """The objective at the best epoch (validation); None while there is none."""
    best_epoch: int | None
    epochs: int
    """Epochs recorded."""
    rungs: dict[str, float | None]
    """Epoch (as text) -> value carried at that rung; None: diverged."""
    metrics: TrialMetrics | None
    verdict: Verdict | None
    seed: int
    attempt: int
    """1 at first; raised when an interrupted array is taken up again."""
    failure: Failure | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class EpochReport(Record):
    """One epoch of one trial; the same metrics on train and validation, eval mode."""

    epoch: int
    """From 1."""
    train: dict[str, float | None]
    """loss, reconstruction, kl, mse, mae, active_units, ...; None stands for NaN or infinite."""
    validation: dict[str, float | None]
    effective_beta: float | None
    learning_rate: float
    gradient_norm: float | None
    """Before clipping, mean over the steps of the epoch."""
    seconds: float
    """Wall-clock of the array's epoch divided by its live slots."""


class ArrayState:
    """States of an array: plain text in the database."""

    QUEUED = "QUEUED"
    """Waiting for an executor slot (its next segment)."""
    RUNNING = "RUNNING"
    AT_RUNG = "AT_RUNG"
    """State saved at a rung; waits for the verdict."""
    DONE = "DONE"


class Array(Record):
    """Trials of one cohort that share a shape signature and train side by side."""

    study_id: str
    cohort: int
    index: int
    state: str
    signature: str
    trials: list[int]
    """Composition at the start, ascending by number."""
    rung: int
    """Epochs up to the last rung that it has passed; 0 at first."""
    saved_epoch: int
    """The epoch of its newest saved state; 0: none."""
    state_path: str | None
    """Below the artifact root."""
    attempt: int


class Cohort(Record):
    """Trials that were proposed together."""

    study_id: str
    index: int
    trials: list[int]
    told: bool
    """Whether every trial of it is terminal."""


class Decision(Record):
    """Something that depended on a clock, a person or a rung; replayed, never re-taken."""

    study_id: str
    sequence: int
    kind: str
    """`verdict`, `stop`, `time_budget`, `pause`, `resume`, `retry`, `best`."""
    detail: dict[str, Any]
    created_at: datetime


class Artifact(Record):
    """A file that a trial left."""

    study_id: str
    trial: int
    kind: str
    """`checkpoint` (safetensors, the plain module's state), `reconstructions` (safetensors)."""
    path: str
    """Below the artifact root."""
    sha256: str
    bytes: int


class Event(Record):
    """One entry of a study's live stream."""

    study_id: str
    sequence: int
    """Counts from 1 inside the study, without a gap."""
    kind: str
    """`study`, `trials`, `epochs`, `analysis`."""
    data: dict[str, Any]
    created_at: datetime


class Analysis(Record):
    """A figure's worth of numbers that only the engine can compute (importance)."""

    study_id: str
    kind: str
    """`importance`."""
    cohort: int
    """The newest told cohort it has seen."""
    data: dict[str, Any]


class Lease(Record):
    """Who drives a study, and until when (database time)."""

    study_id: str
    owner: str
    fence: int
    seconds_left: float


class BestObjective(Record):
    """The objective and its value at the best trial's best epoch (validation)."""

    metric: str
    value: float


class BestMetrics(Record):
    """Metrics of the best trial; `test` is null until the study is COMPLETE."""

    train: dict[str, float | None]
    validation: dict[str, float | None]
    test: dict[str, float | None] | None


class Best(Record):
    """The answer of a study: the best configuration and the evidence."""

    study_id: str
    trial: int
    family: str
    params: Params
    config: Params
    """Complete: params, fixed values and defaults."""
    objective: BestObjective
    metrics: BestMetrics
    best_epoch: int
    verdict: Verdict | None
    baselines: dict[str, Any]
    """Mean and PCA at the same latent size, with ratios; test parts null until COMPLETE."""
    seed: int
    versions: dict[str, str]
    data_hash: str
    selection: dict[str, Any] | None
    links: dict[str, str]


class StudyPage(Record):
    """A page of studies."""

    items: list[Study]
    next_page_token: str | None = Field(default=None)


class TrialPage(Record):
    """A page of trials."""

    items: list[Trial]
    next_page_token: str | None = Field(default=None)


class EpochPage(Record):
    """A page of epochs."""

    items: list[EpochReport]
    next_page_token: str | None = Field(default=None)
