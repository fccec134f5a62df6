"""Proposes a cohort: a pure function of the spec and of what rule R2 lets the cohort see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from service.domain import space as spaces
from service.domain.model import derive_seed
from service.domain.space import FAMILY, Params, Scalar, is_active, topological_order
from service.domain.spec import ResolvedSpec
from service.domain.strategies import GPSampler, GridSampler, RandomSampler, TPESampler
from service.engine.cohorts import cohort_trials, failed_cells, planned_trials
from service.engine.dimensions import Dimension, dimensions, encode_params, suggest
from service.engine.grid import Grid
from service.engine.quiet import expected_warning, quiet_log
from service.engine.revisions import enqueued
from service.engine.told import (
    Told,
    comparable_scores,
    comparable_violations,
    told_and_running,
    window,
)

__all__ = ["Proposal", "Told", "cohort_trials", "propose"]

NEVER = 10**9
"""A number of startup trials that no study reaches."""
EPOCH = datetime.fromtimestamp(0)
"""Samplers do not look at times, so every trial has the same."""


@dataclass(frozen=True)
class Proposal:
    """A trial to be: its number, its searched params (inactive ones absent) and its seed."""

    number: int
    params: Params
    seed: int


def propose(spec: ResolvedSpec, history: Iterable[Told], cohort: int) -> list[Proposal]:
    """The trials of a cohort.

    Same spec, same history, same proposals: on every machine, in any process, whatever the
    order of `history` and whatever else it holds. Of `history` only cohorts 0..g-W are seen
    with their results, and g-W+1..g-1 by their params (rule R2). Raises ValueError while one
    of those is missing or not over.
    """
    history = list(history)
    numbers = cohort_trials(spec, cohort, history)
    if not numbers:
        return []
    if isinstance(spec.sampler, GridSampler):
        proposed = _grid_cells(spec, history, cohort)
    else:
        proposed = _ask(spec, history, cohort, numbers)
    return [
        Proposal(number, params, trial_seed(spec, number))
        for number, params in zip(numbers, proposed, strict=True)
    ]


def trial_seed(spec: ResolvedSpec, number: int) -> int:
    """The seed that a trial trains with."""
    if spec.trial_seeds:
        return spec.trial_seeds[number]
    if spec.trial_seed is not None:
        return spec.trial_seed
    return derive_seed(spec.seed, "trial", number)


def _grid_cells(spec: ResolvedSpec, history: Sequence[Told], cohort: int) -> list[Params]:
    grid = Grid(spec.space, spec.families)
    ranks = [n for n in cohort_trials(spec, cohort) if n < planned_trials(spec)]
    return [grid[rank] for rank in ranks or failed_cells(spec, history, cohort)]


def _ask(
    spec: ResolvedSpec, history: Sequence[Told], cohort: int, numbers: Sequence[int]
) -> list[Params]:
    """Ask an Optuna study in memory for trials, one by one; earlier ones stay RUNNING in it.

    What was enqueued for a trial is fixed before it is asked for.
    """
    told, running = told_and_running(spec, history, cohort)
    space = dimensions(spec)
    if not space:
        return [{} for _ in numbers]
    quiet_log()
    informative = [trial for trial in told if trial.is_informative]
    study = optuna.create_study(
        study_name="cohort",
        directions=[objective.direction for objective in spec.aims.objectives],
        sampler=_sampler(spec, cohort, len(informative)),
        pruner=optuna.pruners.NopPruner(),
    )
    if not isinstance(spec.sampler, RandomSampler):
        study.add_trials(_finished_trials(spec, informative, space))
        study.add_trials(_frozen(trial, space, OptunaState.RUNNING) for trial in running)
    proposed = []
    for number in numbers:
        entry = enqueued(spec, number)
        if entry:
            study.enqueue_trial(encode_params(entry, space)[0])
        proposed.append(_ask_params(study.ask(), spec, space))
    return proposed


def _ask_params(trial: optuna.Trial, spec: ResolvedSpec, space: dict[str, Dimension]) -> Params:
    params: dict[str, Scalar] = {}
    if spec.family_is_searched:
        params[FAMILY] = suggest(trial, FAMILY, space[FAMILY])
    for name in topological_order(spec.space):
        if is_active(name, spec.space, params):
            params[name] = suggest(trial, name, space[name])
    return dict(sorted(params.items()))


# -- the sampler -----------------------------------------------------------------------------


def _sampler(spec: ResolvedSpec, cohort: int, informative: int) -> optuna.samplers.BaseSampler:
    """A fresh sampler: one that lived on would replay its random stream after a restart."""
    seed = derive_seed(spec.seed, "sampler", cohort) % 2**32
    match spec.sampler:
        case RandomSampler():
            return optuna.samplers.RandomSampler(seed=seed)
        case TPESampler(startup_trials=startup, ei_candidates=candidates):
            group = _has_conditions(spec)
            with expected_warning("Argument ``group`` is an experimental", ExperimentalWarning):
                return optuna.samplers.TPESampler(
                    n_startup_trials=_startup(startup, informative),
                    n_ei_candidates=candidates,
                    seed=seed,
                    multivariate=True,
                    group=group,
                    constant_liar=True,
                )
        case GPSampler(startup_trials=startup):
            return optuna.samplers.GPSampler(
                seed=seed,
                independent_sampler=optuna.samplers.RandomSampler(seed=seed),
                n_startup_trials=_startup(startup, informative),
                warn_independent_sampling=False,
            )
        case other:
            raise TypeError(f"{other!r} does not ask Optuna")


def _startup(wished: int | str, informative: int) -> int:
    """Whether to start is decided on all that was told: Optuna sees no more than the window."""
    assert isinstance(wished, int)
    return 0 if informative >= wished else NEVER


def _has_conditions(spec: ResolvedSpec) -> bool:
    """Whether some trials lack parameters that others have."""
    searched = spaces.distributions(spec.space)
    varying = {*searched, FAMILY} if spec.family_is_searched else set(searched)
    return any(varying & set(entry.when or ()) for entry in searched.values())


# -- what it is told ---------------------------------------------------------------------------


def _finished_trials(
    spec: ResolvedSpec, informative: Sequence[Told], space: dict[str, Dimension]
) -> list[FrozenTrial]:
    """Every trial of the window as COMPLETE, with finite values and violations.

    The Gaussian process would ignore PRUNED trials, and TPE would rank a diverged one that is
    told as COMPLETE before every pruned one: so all of them stand on one scale.
    """
    clip = isinstance(spec.sampler, GPSampler)
    scores = comparable_scores(informative, spec.aims, clip)
    violations = comparable_violations(informative, spec.aims, clip)
    found = []
    for trial in window(informative, spec.aims):
        frozen = _frozen(trial, space, OptunaState.COMPLETE, scores[trial.number])
        for name, violation in violations[trial.number].items():
            frozen.set_constraint(name, violation)
        found.append(frozen)
    return found


class _Kept(FrozenTrial):
    """A trial made for one study and for nobody else: Optuna's storage need not copy it.

    The copies were a quarter of the cost of a proposal.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> "_Kept":
        return self


def _frozen(
    trial: Told,
    space: dict[str, Dimension],
    state: OptunaState,
    values: Sequence[float] | None = None,
) -> FrozenTrial:
    params, distributions = encode_params(trial.params, space)
    return _Kept(
        number=trial.number,
        trial_id=trial.number,
        state=state,
        value=None,
        values=values,
        datetime_start=EPOCH,
        datetime_complete=EPOCH if state.is_finished() else None,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )
