"""Records of trials and of what they belong to: cohorts, arrays, epochs, artifacts."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from service.domain.model import Record
from service.domain.space import Params
from service.domain.states import TrialState

STANDARD_ERROR = "_se"
"""`mse_se` is the standard error of `mse` over the samples of its part: how well the mean is
known, no metric of its own."""


def is_metric(name: str) -> bool:
    """Whether a reported number is a metric, and not the standard error of one."""
    return not name.endswith(STANDARD_ERROR)


class Failure(Record):
    """Why something failed."""

    kind: str
    """`crash`, `out-of-memory`, `data`, `error`, `lost`, `stopped`, ..."""
    message: str
    traceback_tail: str | None = None


class TrialMetrics(Record):
    """Metrics at the best epoch, eval mode, same samples every epoch (rule R4)."""

    train: dict[str, float | None]
    validation: dict[str, float | None]


class Verdict(Record):
    """What the curves of a trial say (DOMAIN.md 4), with the numbers it rests on."""

    kind: Literal["overfit", "large_gap", "underfit", "converged", "censored", "diverged"]
    sentence: str
    numbers: dict[str, float | int | None]
    """best_epoch, gap and gap_se in the metric's units, gap_relative and gap_error as shares of
    train (null where the metric has no zero: elbo), difficulty_offset, first_overfit_epoch, ..."""


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
    """The (first) objective at the best epoch (validation); None while there is none."""
    best_epoch: int | None
    epochs: int
    """Epochs recorded."""
    rungs: dict[str, float | None]
    """Epoch (as text) -> value carried at that rung; None: diverged."""
    metrics: TrialMetrics | None
    complexity: dict[str, float | None] | None = None
    """What the model costs: parameters, macs (multiply-accumulates of one sample's
    reconstruction), latency_seconds; None: it ended before it was measured."""
    feasible: bool | None = None
    """Whether it meets the study's constraints; None: there are none, or it has no result."""
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
    """loss, reconstruction, kl, mse, mae, active_units, ...; None stands for NaN or infinite.
    mse_se, mae_se and elbo_se: the standard error over samples of the metric before the `_se`."""
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


class TrialPage(Record):
    """A page of trials."""

    items: list[Trial]
    next_page_token: str | None = Field(default=None)


class EpochPage(Record):
    """A page of epochs."""

    items: list[EpochReport]
    next_page_token: str | None = Field(default=None)
