"""Studies that nobody ran: records with the shapes of real ones, at any size, without training."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from dashboards.figures.aims import score_names
from dashboards.figures.frame import (
    CurveColumns,
    Evidence,
    Pictures,
    StudyFrame,
    build_analyses,
    build_baselines,
    build_study_facts,
    build_trial_columns,
    build_trial_facts,
)
from service.domain.aims import best_trials, eligible_trials, front_members
from service.domain.pareto import Front, pareto_front
from service.domain.records import (
    Analysis,
    Baselines,
    BestSoFar,
    DataHeader,
    Dataset,
    EpochReport,
    Failure,
    Notice,
    PcaBaseline,
    Progress,
    Study,
    Trial,
    TrialMetrics,
    Verdict,
)
from service.domain.resolve import resolve
from service.domain.space import Params
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TERMINAL_TRIAL_STATES, Intent, StudyState, TrialState
from service.domain.summaries import summarise
from trainers.registry import catalog

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HEADER = DataHeader(samples=1797, shape=[8, 8], dtype="float64", bytes=1797 * 64 * 8)
DATA_HASH = "d" * 64
EPOCHS = 20


@dataclass
class SyntheticStudy:
    """Everything that storage would hold of one study."""

    study: Study
    trials: list[Trial]
    reports: dict[int, list[EpochReport]]
    dataset: Dataset
    analyses: list[Analysis] = field(default_factory=list)
    pictures: Pictures | None = None
    evidence: Evidence | None = None

    def frame(self, trial: int | None = None) -> StudyFrame:
        """The frame that the routes would build of it."""
        aims = self.study.resolved.aims
        metric = aims.ranking.metric
        units = {name: entry.unit for name, entry in catalog().metrics.items()}
        names = score_names(self.study)
        return StudyFrame(
            study=build_study_facts(self.study, units),
            trials=build_trial_columns(
                self.study, [summarise(trial, metric) for trial in self.trials]
            ),
            curves={
                number: CurveColumns(
                    [report.epoch for report in reports],
                    [report.train.get(metric) for report in reports],
                    [report.validation.get(metric) for report in reports],
                )
                for number, reports in self.reports.items()
                if reports
            },
            analyses=build_analyses(self.analyses),
            baselines=build_baselines(self.dataset),
            scores={
                each.number: {
                    name: value
                    for name, value in {
                        **each.metrics.validation,
                        **(each.complexity or {}),
                    }.items()
                    if name in names
                }
                for each in self.trials
                if each.metrics is not None
            },
            trial=None
            if trial is None
            else build_trial_facts(
                self.trials[trial], self.reports.get(trial, []), self.pictures, self.evidence
            ),
        )


def make_spec(name: str = "digits-vae", trials: int = 24, **changes: Any) -> StudySpec:
    """A VAE on digits over four parameters; `changes` replace top-level entries."""
    body: dict[str, Any] = {
        "name": name,
        "dataset": {"name": "digits"},
        "family": "vae",
        "space": {
            "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
            "hidden_width": {"type": "categorical", "choices": [32, 64, 128, 256]},
            "dropout": {"type": "float", "low": 0.0, "high": 0.3},
            "activation": {"type": "categorical", "choices": ["relu", "gelu"]},
            "latent_dim": 16,
        },
        "training": {"epochs": EPOCHS},
        "budget": {"trials": trials},
    }
    return StudySpec.model_validate({**body, **changes})


def make_resolved(spec: StudySpec) -> ResolvedSpec:
    """The spec as the service resolves it for digits."""
    return resolve(spec, catalog(), HEADER)


def make_dataset() -> Dataset:
    """Digits with its mean and PCA-16 baselines."""
    return Dataset(
        data_hash=DATA_HASH, folder="data/d", shape=[8, 8], dtype="float64", train=1258,
        validation=270, test=269, low=0.0, high=1.0, duplicates_across=0,
        scaling={"kind": "unit", "offset": 0.0, "scale": 16.0},
        baselines=Baselines(
            mean_train=0.0733, mean_validation=0.0734, mean_test=None,
            pca=[PcaBaseline(latent_dim=16, train=0.0118, validation=0.0121, test=None,
                             validation_clipped=0.0119, test_clipped=None)],
            eigenvalues=[0.70, 0.62, 0.5],
        ),
        created_at=START,
    )  # fmt: skip


def make_study(
    count: int = 24,
    planned: int | None = None,
    running: int = 0,
    seed: int = 0,
    spec: StudySpec | None = None,
    epochs: int = EPOCHS,
    study_id: str = "01k9zsynthetic",
) -> SyntheticStudy:
    """`count` ended trials of every kind (the first is COMPLETE), then `running` more."""
    planned = planned or count + running or 24
    spec = spec or make_spec(trials=planned)
    resolved = make_resolved(spec)
    draw = random.Random(seed)
    trials, reports = [], {}
    for number in range(count + running):
        state = TrialState.RUNNING if number >= count else _state(number, draw)
        trial, its_reports = make_trial(study_id, resolved, number, state, draw, epochs)
        trials.append(trial)
        reports[number] = its_reports
    study = make_study_record(study_id, spec, resolved, trials, planned)
    data = SyntheticStudy(study, trials, reports, make_dataset())
    if count >= 4:
        data.analyses.append(make_importance(study_id, resolved, count))
    data.pictures = make_pictures(draw=np.random.default_rng(seed))
    data.evidence = make_evidence(np.random.default_rng(seed))
    return data


def make_study_record(
    study_id: str, spec: StudySpec, resolved: ResolvedSpec, trials: Sequence[Trial], planned: int
) -> Study:
    """The study's own record over its trials."""
    counts = {state: sum(trial.state == state for trial in trials) for state in TrialState}
    done = sum(counts[state] for state in TERMINAL_TRIAL_STATES)
    state = StudyState.COMPLETE if done >= planned else StudyState.RUNNING
    aims = resolved.aims
    ranked = best_trials(aims, trials)
    best = ranked[0] if ranked and ranked[0].state == TrialState.COMPLETE else None
    members = front_members(aims, eligible_trials(aims, trials)) if aims.is_pareto else []
    columns = list(zip(*(member.losses for member in members), strict=True))
    front = Front(tuple(pareto_front(members)), tuple(map(min, columns)), tuple(map(max, columns)))
    return Study(
        id=study_id, name=spec.name, state=state if trials else StudyState.QUEUED,
        intent=Intent.RUN, spec=spec, resolved=resolved, spec_hash="5" * 64,
        warnings=[
            Notice(code="capacity-without-cost", pointer="/space/latent_dim",
                   message="latent_dim has no cost: it will run to its edge",
                   remedy="fix it, or put it on a Pareto axis")
        ],
        progress=Progress(
            trials=planned, queued=counts[TrialState.QUEUED], running=counts[TrialState.RUNNING],
            complete=counts[TrialState.COMPLETE], pruned=counts[TrialState.PRUNED],
            diverged=counts[TrialState.DIVERGED], stopped=counts[TrialState.STOPPED],
            failed=counts[TrialState.FAILED], epochs=sum(trial.epochs for trial in trials),
            seconds=12.5 * done, seconds_left=12.5 * (planned - done) if done else None,
        ),
        best=None if best is None or best.value is None
        else BestSoFar(
            trial=best.number, value=best.value, params=best.params,
            values={} if front.knee is None else aims.values(front.knee.losses),
            front=[member.number for member in front.members],
            hypervolume=front.hypervolume if members else None,
        ),
        data_hash=DATA_HASH, failure=None, summary=None,
        versions={"hifitune": "0.1.0", "torch": "2.13.0"}, created_at=START,
        started_at=START + timedelta(seconds=2) if trials else None,
        finished_at=START + timedelta(minutes=9) if state == StudyState.COMPLETE else None,
        event=len(trials),
    )  # fmt: skip


def _state(number: int, draw: random.Random) -> TrialState:
    if number == 0:
        return TrialState.COMPLETE
    return draw.choices(
        [TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED, TrialState.FAILED,
         TrialState.STOPPED],
        [60, 28, 6, 4, 2],
    )[0]  # fmt: skip


def make_trial(
    study_id: str,
    resolved: ResolvedSpec,
    number: int,
    state: TrialState,
    draw: random.Random,
    epochs: int = EPOCHS,
) -> tuple[Trial, list[EpochReport]]:
    """One trial whose curves follow from its params: a rate near 2e-3 and wide layers do best."""
    params = _params(resolved, draw)
    rate = float(params.get("learning_rate", 1e-3))
    width = float(params.get("hidden_width", 64))
    floor = 0.008 + 0.006 * abs(math.log10(rate) - math.log10(2e-3)) + 0.15 / width
    floor *= 1 + 0.05 * draw.random()
    turn = epochs * (0.45 if number % 5 == 3 else 2.0)
    ran = epochs
    if state in (TrialState.PRUNED, TrialState.DIVERGED, TrialState.FAILED, TrialState.STOPPED):
        ran = max(1, epochs // 4)
    if state == TrialState.RUNNING:
        ran = max(1, epochs // 3)
    reports = [make_report(epoch, floor, turn, rate, draw) for epoch in range(1, ran + 1)]
    values = [report.validation["mse"] or 1.0 for report in reports]
    best_epoch = values.index(min(values)) + 1
    finished = START + timedelta(seconds=12.5 * (number + 1) + 30 * draw.random())
    ended = state in TERMINAL_TRIAL_STATES
    scored = state in (TrialState.COMPLETE, TrialState.STOPPED, TrialState.PRUNED)
    overfit = turn < epochs
    best = reports[best_epoch - 1]
    complexity = {"parameters": 130 * width + 77, "macs": 128 * width,
                  "latency_seconds": 1e-4 * (1 + (number % 7) / 35)}  # fmt: skip
    kept = None
    if resolved.aims.constraints and scored:
        kept = resolved.aims.is_feasible(resolved.aims.scores(best.validation, complexity))
    trial = Trial(
        study_id=study_id, number=number, cohort=number // 8, array=0, state=state, family="vae",
        params=params, value=min(values) if scored else None,
        best_epoch=best_epoch if scored else None, epochs=ran,
        rungs={str(rung): values[rung - 1] for rung in resolved.rungs if rung <= ran},
        metrics=TrialMetrics(train=best.train, validation=best.validation) if scored else None,
        complexity=complexity if scored else None,
        feasible=kept,
        verdict=_verdict(state, overfit, best, best_epoch) if ended else None,
        seed=1000 + number, attempt=1, failure=_failure(state), created_at=START,
        started_at=START + timedelta(seconds=12.5 * number),
        finished_at=finished if ended else None,
    )  # fmt: skip
    return trial, reports


def make_report(
    epoch: int, floor: float, turn: float, rate: float, draw: random.Random
) -> EpochReport:
    """One epoch: an exponential decay to `floor`; validation rises again after epoch `turn`."""
    train = floor + 0.07 * math.exp(-epoch / 4) + 1e-4 * draw.random()
    rise = 0.02 * max(0.0, epoch - turn) / 10
    validation = train * 1.04 + rise + 2e-4 * draw.random()
    parts: list[dict[str, float | None]] = [
        {"mse": value, "mse_se": value / 30, "mae": value**0.5 / 2, "kl": 0.1 / floor + epoch / 10,
         "loss": 64 * value / 2 + 9, "reconstruction": 64 * value / 2, "active_units": 14.0}
        for value in (train, validation)
    ]  # fmt: skip
    return EpochReport(
        epoch=epoch, train=parts[0], validation=parts[1], effective_beta=0.02 + 0.2 / epoch,
        learning_rate=rate * (1 - epoch / 200), gradient_norm=5 / epoch + 0.3 * draw.random(),
        seconds=0.08,
    )  # fmt: skip


def _params(resolved: ResolvedSpec, draw: random.Random) -> Params:
    params: Params = {}
    for name in sorted(resolved.space):
        entry: Any = resolved.space[name]
        kind = getattr(entry, "type", None)
        if kind == "categorical":
            params[name] = draw.choice(entry.choices)
        elif kind == "int":
            params[name] = draw.randint(entry.low, entry.high)
        elif kind == "float" and entry.log:
            params[name] = 10 ** draw.uniform(math.log10(entry.low), math.log10(entry.high))
        elif kind == "float":
            params[name] = draw.uniform(entry.low, entry.high)
    return params


def _verdict(state: TrialState, overfit: bool, best: EpochReport, best_epoch: int) -> Verdict:
    kind: Any = "overfit" if overfit else "converged"
    if state == TrialState.DIVERGED:
        kind = "diverged"
    elif state != TrialState.COMPLETE:
        kind = "censored"
    train, validation = best.train["mse"] or 0.0, best.validation["mse"] or 0.0
    return Verdict(
        kind=kind,
        sentence=f"Validation is {100 * (validation / train - 1):.1f} % worse than train.",
        numbers={"best_epoch": best_epoch, "gap": validation - train,
                 "gap_relative": validation / train - 1, "gap_error": 0.03,
                 "first_overfit_epoch": best_epoch + 1 if kind == "overfit" else None},
    )  # fmt: skip


def _failure(state: TrialState) -> Failure | None:
    if state == TrialState.FAILED:
        return Failure(
            kind="crash", message="the worker ended with signal 9 (out of memory?)",
            traceback_tail='  File "trainers/loop.py", line 88, in step\nMemoryError: 1.2 GiB',
        )  # fmt: skip
    if state == TrialState.DIVERGED:
        return Failure(kind="diverged", message="the loss became infinite at epoch 5")
    return None


def make_importance(study_id: str, resolved: ResolvedSpec, trials: int) -> Analysis:
    """Shares that fall by half from parameter to parameter; the first is beyond chance."""
    names = [name for name in sorted(resolved.space) if hasattr(resolved.space[name], "type")]
    weights = [0.5**i for i in range(len(names))]
    shares = {name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)}
    return Analysis(
        study_id=study_id, kind="importance", cohort=2,
        data={"values": shares, "chance": dict.fromkeys(names, 0.4), "trials": trials, "note": ""},
    )  # fmt: skip


def make_pictures(draw: np.random.Generator, shape: tuple[int, ...] = (8, 8)) -> Pictures:
    """Real digits, blurred for the reconstruction; noise for other shapes."""
    if shape == (8, 8):
        images = _digits()[:16]
    else:
        images = draw.random((16, math.prod(shape)))
    noise = draw.normal(0, 0.06, images.shape)
    best = np.clip(0.85 * images + 0.07 + noise, 0, 1)
    last = np.clip(best + draw.normal(0, 0.08, images.shape), 0, 1)
    epochs = (1, 2, 3, 5, 8, 12, EPOCHS)
    grey = np.full_like(images[:8], images.mean())
    learnt = [1 - 0.7 ** (epoch / 2) for epoch in epochs]
    return Pictures(
        shape=shape, low=0.0, high=1.0, input=images[:8], best=best[:8], last=last[:8],
        worst_input=images[8:], worst_best=np.clip(best[8:] * 0.7, 0, 1),
        worst_index=tuple(range(40, 48)),
        snapshots=np.stack([grey + part * (best[:8] - grey) for part in learnt]),
        snapshot_epochs=epochs,
    )  # fmt: skip


def make_evidence(draw: np.random.Generator, shape: tuple[int, ...] = (8, 8)) -> Evidence:
    """Everything that any family leaves, at the best and at the last epoch."""
    arrays: dict[str, Any] = {}
    for epoch in ("best", "last"):
        units = np.sort(draw.exponential(1.0, 16))[::-1]
        arrays |= {
            f"error_map/{epoch}": draw.random(shape) / 50,
            f"kl_per_unit/{epoch}": units * (units > 0.3),
            f"latent/{epoch}": draw.normal(size=(200, 2)),
            f"latent_share/{epoch}": np.array([0.31, 0.18]),
            f"prior/{epoch}": draw.random((16, math.prod(shape))),
            f"codes/{epoch}": draw.integers(0, 40, 64).astype(np.float64),
        }
    units, steps, features = 5, 7, math.prod(shape)
    values = np.tile(np.linspace(-3, 3, steps), (units, 1))
    push = draw.normal(0, 0.1, (units, 1, features)) / (1 + np.arange(units))[:, None, None]
    arrays |= {
        "traversal/best": np.clip(0.5 + values[:, :, None] * push, 0, 1),
        "traversal_units/best": np.array([3.0, 0.0, 7.0, 1.0, 12.0]),
        "traversal_values/best": values,
    }
    return Evidence(
        kind="image", shape=shape, low=0.0, high=1.0, columns=(), arrays=arrays,
        inputs=draw.random((200, features)).astype(np.float32),
    )  # fmt: skip


def _digits() -> Any:
    """The digits that scikit-learn ships, read without importing it."""
    import csv
    import gzip
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("sklearn")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = [row for _, row in zip(range(32), csv.reader(file), strict=False)]
    return np.array([[float(value) for value in row[:64]] for row in rows]) / 16
