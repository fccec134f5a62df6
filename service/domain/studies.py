"""Records of studies: state, progress, decisions, events, the lease, and the answer."""

from datetime import datetime
from typing import Any

from pydantic import Field

from service.domain.model import Record
from service.domain.space import Params
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import Intent, StudyState
from service.domain.trials import Failure, Verdict


class Notice(Record):
    """What the linter says of a field."""

    code: str
    """Stable, kebab-case: `collapse`, `capacity-without-cost`, `edge-of-range`, ..."""
    pointer: str
    """JSON pointer into the spec, `/space/latent_dim`."""
    message: str
    remedy: str


class Progress(Record):
    """How far a study is."""

    trials: int
    """Planned; once the search has ended early, those that there are."""
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
    """The best eligible trial now; of several objectives, the knee of the Pareto set."""

    trial: int
    value: float
    """Of the first objective: of that one trial, or the mean where seeds are given."""
    seeds: int | None = None
    """How many fresh seeds the value is the mean of; null: one search value, not confirmed."""
    sd: float | None = None
    """Over those seeds, pooled over the configs that were confirmed."""
    params: Params
    values: dict[str, float] = {}
    """Every objective by metric, where there are several."""
    front: list[int] = []
    """The Pareto set: numbers, ascending; empty where there is one objective."""
    hypervolume: float | None = None
    """Share of the box between the best and the worst values so far that the set dominates."""

    def say(self, metric: str) -> str:
        """`mse 0.0089`, or `mse 0.012, kl 9.4 (knee of 7)`; `metric` is the first objective."""
        if not self.front:
            sd = "" if self.sd is None else f" ± {self.sd:.2g}"
            confirmed = "" if self.seeds is None else f"{sd} ({self.seeds} fresh seeds)"
            return f"{metric} {self.value:.5g}{confirmed}"
        values = ", ".join(f"{name} {value:.4g}" for name, value in self.values.items())
        return f"{values} (knee of {len(self.front)})"


class Study(Record):
    """One search: its spec, state and progress."""

    id: str
    name: str
    parent: str | None = None
    """The study whose best configs this one repeats with fresh seeds; null: its own."""
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
    revision: int = 1
    """Which result it is at: one more for every time that it was extended."""
    event: int
    """The counter of its newest event: where a live stream starts."""


class Revision(Record):
    """The result of a study before it was extended."""

    number: int
    """Counts from 1; the study's current one is `Study.revision`."""
    trials: int
    """In all, up to its end."""
    best_trial: int | None
    best_value: float | None
    """Of the first objective: the mean over fresh seeds where there was a selection."""
    summary: dict[str, Any] | None
    """As the study's was."""
    finished_at: datetime | None


class RevisionList(Record):
    """The earlier results of a study, oldest first."""

    items: list[Revision]


class Decision(Record):
    """Something that depended on a clock, a person or a rung; replayed, never re-taken."""

    study_id: str
    sequence: int
    kind: str
    """`verdict`, `stop`, `time_budget`, `no_improvement`, `extend`, `pause`, `resume`, `retry`,
    `open_test`, ..."""
    detail: dict[str, Any]
    created_at: datetime


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


class BestConstraint(Record):
    """A bound, and where the best trial stands."""

    metric: str
    at_most: float | None
    at_least: float | None
    value: float | None


class FrontMember(Record):
    """One of the best compromises between several objectives."""

    trial: int
    family: str
    params: Params
    values: dict[str, float]
    """Every objective by metric."""
    links: dict[str, str]
    """To its config, checkpoint and model."""


class ParetoFront(Record):
    """The trials of a study that no other one beats in every objective."""

    knee: int
    """The member that is furthest below the chord between the ends of the set, with every axis
    scaled to the set: where giving up a little of one objective no longer buys much of another."""
    hypervolume: float | None
    """Share of the box between the best and the worst values that the set dominates."""
    members: list[FrontMember]
    """By number."""


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
    """The first one."""
    objectives: list[BestObjective] = []
    constraints: list[BestConstraint] = []
    front: ParetoFront | None = None
    """Of several objectives; the rest of this record is about its knee, or about the member that
    was asked for."""
    metrics: BestMetrics
    complexity: dict[str, float | None] | None = None
    best_epoch: int
    verdict: Verdict | None
    baselines: dict[str, Any]
    """Mean and PCA at the same latent size, with ratios to the mean and to PCA, clipped where
    known; test parts null until COMPLETE."""
    seed: int
    versions: dict[str, str]
    data_hash: str
    selection: dict[str, Any] | None
    """How it was chosen, {kind, trials, seeds, note, ...}: how far to trust the value."""
    links: dict[str, str]


class StudyPage(Record):
    """A page of studies."""

    items: list[Study]
    next_page_token: str | None = Field(default=None)
