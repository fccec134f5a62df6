"""Recorded trials as Optuna's FrozenTrials: what is exported, as a reader of Optuna expects it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from service.domain.aims import Aims, eligible_trials
from service.domain.records import Study, Trial
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    distributions,
)
from service.domain.states import TrialState

Curve: TypeAlias = Sequence[tuple[int, float]]
"""(epoch, what ranks the trial's epochs on validation)."""

UNKNOWN_VIOLATION = 1e9
"""Of a finished trial whose constrained metric is not known: infeasible, as with us."""

STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.DIVERGED: OptunaState.FAIL,
    TrialState.FAILED: OptunaState.FAIL,
    TrialState.QUEUED: OptunaState.WAITING,
    TrialState.RUNNING: OptunaState.RUNNING,
}
"""STOPPED depends on what else there is: see `frozen_trials`."""


def frozen_trials(study: Study, trials: Sequence[tuple[Trial, Curve]]) -> list[FrozenTrial]:
    """Every trial, by number; `trials` must be all of them.

    A STOPPED trial is COMPLETE where no finished one may win, since then it may be the study's
    best; else it is PRUNED: its last value stands, and it competes with nobody. Raises ValueError
    for numbers with a gap, because Optuna counts trials itself.
    """
    numbers = [trial.number for trial, _ in trials]
    if numbers != list(range(len(numbers))):
        raise ValueError("the trials are not numbered from 0 without a gap")
    aims = study.resolved.aims
    able = eligible_trials(aims, (trial for trial, _ in trials))
    stopped_may_win = bool(able) and able[0].state is TrialState.STOPPED
    params = Params(study, [trial.params for trial, _ in trials])
    return [_frozen(trial, curve, aims, params, stopped_may_win) for trial, curve in trials]


class Params:
    """The searched parameters under their own names and values, a searched family among them.

    A parameter has one distribution in the whole study, widened where a trial was given a value
    outside the space.
    """

    def __init__(self, study: Study, seen: Iterable[Mapping[str, Scalar]]) -> None:
        spec = study.resolved
        entries: dict[str, Distribution | None] = dict(distributions(spec.space))
        if spec.family_is_searched:
            entries[FAMILY] = CategoricalDistribution(choices=list(spec.families))
        values: dict[str, list[Scalar]] = {}
        for params in seen:
            for name, value in params.items():
                values.setdefault(name, []).append(value)
        self._dimensions = {
            name: _dimension(entries.get(name), found) for name, found in values.items()
        }

    def of(self, params: Mapping[str, Scalar]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Optuna's params and distributions of a trial; inactive parameters are absent."""
        return (
            {name: self._dimensions[name].encode(value) for name, value in params.items()},
            {name: self._dimensions[name].distribution for name in params},
        )


@dataclass(frozen=True)
class _Dimension:
    distribution: BaseDistribution

    def encode(self, value: Scalar) -> Any:
        """A value as the distribution has it."""
        match self.distribution:
            case optuna.distributions.FloatDistribution():
                return float(value)
            case optuna.distributions.CategoricalDistribution(choices=choices):
                # Choices that Optuna could not tell apart (1 and true) stand there as text.
                return value if _among(value, choices) else _spell(value)
        return value


def _dimension(entry: Distribution | None, values: Sequence[Scalar]) -> _Dimension:
    if isinstance(entry, FloatDistribution | IntDistribution):
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == len(values):
            return _Dimension(_range(entry, numbers))
    choices = list(entry.choices) if isinstance(entry, CategoricalDistribution) else []
    for value in values:
        if not _among(value, choices):
            choices.append(value)
    alike = any(a == b for i, a in enumerate(choices) for b in choices[:i])
    named = [_spell(choice) for choice in choices] if alike else choices
    return _Dimension(optuna.distributions.CategoricalDistribution(named))


def _range(
    entry: FloatDistribution | IntDistribution, values: Sequence[int | float]
) -> BaseDistribution:
    low, high = min(entry.low, *values), max(entry.high, *values)
    inside = low == entry.low and high == entry.high
    if isinstance(entry, IntDistribution) and all(isinstance(value, int) for value in values):
        distance = entry.step if inside else 1
        last = int(low) + (int(high) - int(low)) // distance * distance
        return optuna.distributions.IntDistribution(int(low), last, entry.log, distance)
    low, high = float(low), float(high)
    if isinstance(entry, IntDistribution) or entry.step is None or not inside or low == high:
        return optuna.distributions.FloatDistribution(low, high, entry.log)
    start, step = Decimal(str(low)), Decimal(str(entry.step))
    end = float(start + (Decimal(str(high)) - start) // step * step)
    return optuna.distributions.FloatDistribution(low, end, step=entry.step)


def _among(value: Any, choices: Iterable[Any]) -> bool:
    return any(type(value) is type(choice) and value == choice for choice in choices)


def _spell(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _frozen(
    trial: Trial, curve: Curve, aims: Aims, params: Params, stopped_may_win: bool
) -> FrozenTrial:
    steps = {epoch: value for epoch, value in curve if isfinite(value)}
    state, values = _result(trial, steps, aims, stopped_may_win)
    start = trial.started_at
    if state is not OptunaState.WAITING:
        start = start or trial.created_at
    end = (trial.finished_at or start) if state.is_finished() else None
    chosen, spaces = params.of(trial.params)
    return FrozenTrial(
        number=trial.number,
        trial_id=trial.number + 1,
        state=state,
        value=None,
        values=values,
        datetime_start=_local(start),
        datetime_complete=_local(end),
        params=chosen,
        distributions=spaces,
        user_attrs=_attributes(trial),
        system_attrs=_constraints(trial, aims, state),
        intermediate_values=steps,
    )


def _result(
    trial: Trial, steps: Mapping[int, float], aims: Aims, stopped_may_win: bool
) -> tuple[OptunaState, list[float] | None]:
    found = _values(trial, aims)
    if trial.state is TrialState.STOPPED:
        if found is None:
            return OptunaState.FAIL, None
        state = OptunaState.COMPLETE if stopped_may_win else OptunaState.PRUNED
    else:
        state = STATES[trial.state]
    if state is OptunaState.COMPLETE:
        # One that lacks an objective cannot compete, and Optuna has no value for it.
        return (state, found) if found is not None else (OptunaState.FAIL, None)
    if state is OptunaState.PRUNED and steps and aims.ranks_by_objective:
        return state, [steps[max(steps)]]
    return state, None


def _values(trial: Trial, aims: Aims) -> list[float] | None:
    if not aims.is_pareto:
        return None if trial.value is None or not isfinite(trial.value) else [trial.value]
    losses = aims.losses(aims.scores_of(trial))
    return None if losses is None else list(aims.values(losses).values())


def _constraints(trial: Trial, aims: Aims, state: OptunaState) -> dict[str, Any]:
    """As a list under `constraints`: Optuna 5 reads it so, and optuna-dashboard 0.21 only so."""
    if not aims.constraints or state is not OptunaState.COMPLETE:
        return {}
    scores = aims.scores_of(trial)
    known = [(bound, scores.get(bound.metric)) for bound in aims.constraints]
    beyond = [UNKNOWN_VIOLATION if v is None else bound.violation(v) for bound, v in known]
    return {"constraints": [min(max(value, -1e300), 1e300) for value in beyond]}


def _attributes(trial: Trial) -> dict[str, Any]:
    """What Optuna has no field for; absent where it is not known."""
    found: dict[str, Any] = {
        "state": trial.state.value,
        "family": trial.family,
        "verdict": trial.verdict.kind if trial.verdict else None,
        "best_epoch": trial.best_epoch,
        "epochs": trial.epochs,
        "seed": trial.seed,
        "feasible": trial.feasible,
        "failure": f"{trial.failure.kind}: {trial.failure.message}" if trial.failure else None,
        **(trial.complexity or {}),
    }
    return {
        name: value
        for name, value in found.items()
        if value is not None and not (isinstance(value, float) and not isfinite(value))
    }


def _local(moment: datetime | None) -> datetime | None:
    """Optuna's times are local ones without a zone."""
    return None if moment is None else moment.astimezone().replace(tzinfo=None)
