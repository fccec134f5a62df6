"""What a cohort may know of the trials before it (rule R2), and how those trials rank."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from sys import float_info

from service.domain.aims import Aims, Scores
from service.domain.pareto import Member, front_ranks
from service.domain.records import Trial
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec
from service.domain.states import TERMINAL_TRIAL_STATES, TrialState
from service.engine.revisions import revision_of

BEST_KEPT = 150
NEWEST_KEPT = 150
"""The window: proposing from 10,000 trials costs what proposing from 300 does (DESIGN.md 3)."""


@dataclass(frozen=True)
class Told:
    """A recorded trial, as far as a sampler is concerned."""

    number: int
    cohort: int
    params: Mapping[str, Scalar]
    state: TrialState
    value: float | None
    """The (first) objective; for a PRUNED trial the value that it carried at its last rung."""
    scores: Scores = field(default_factory=dict)
    """What the study's other objectives and its constraints look at, by metric."""

    @classmethod
    def of(cls, trial: Trial, aims: Aims) -> "Told":
        """The part of a trial's record that a sampler may see."""
        return cls(
            number=trial.number,
            cohort=trial.cohort,
            params=trial.params,
            state=trial.state,
            value=trial.value,
            scores=aims.scores_of(trial) if aims.is_pareto or aims.constraints else {},
        )

    @property
    def score(self) -> float | None:
        """The value, where it is a number that trials can be compared by; None: diverged."""
        if self.state is TrialState.DIVERGED or self.value is None or not isfinite(self.value):
            return None
        return self.value

    @property
    def is_informative(self) -> bool:
        """Whether a sampler learns from it: a failure of ours says nothing of the params."""
        if self.state is TrialState.STOPPED:
            return self.score is not None
        return self.state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED)


def told_and_running(
    spec: ResolvedSpec, history: Iterable[Told], cohort: int
) -> tuple[list[Told], list[Told]]:
    """The trials of cohorts 0..g-W with their results, and those of g-W+1..g-1 without.

    Both ascending by number, whatever the order of `history`, which may hold more. Raises
    ValueError when a cohort that must be told is not: a proposal made from less than R2
    promises could not be repeated.
    """
    trials = sorted(
        (trial for trial in history if trial.cohort < cohort), key=lambda trial: trial.number
    )
    begin = revision_of(spec, cohort).cohort(cohort).start
    missing = set(range(begin)) - {trial.number for trial in trials}
    if missing:
        raise ValueError(f"cohort {cohort} cannot be proposed without trial {min(missing)}")
    last_told = cohort - spec.cohorts_in_flight
    told = [trial for trial in trials if trial.cohort <= last_told]
    for trial in told:
        if trial.state not in TERMINAL_TRIAL_STATES:
            raise ValueError(
                f"cohort {cohort} cannot be proposed while trial {trial.number} of cohort "
                f"{trial.cohort} is {trial.state}"
            )
    return told, [trial for trial in trials if trial.cohort > last_told]


def ranked(trials: Iterable[Told], aims: Aims) -> list[Told]:
    """Best first, ties by number, the diverged last.

    A pruned trial stands where the value of its last rung puts it. That flatters nobody (it
    would have come further) and measured as good for TPE as Optuna's own order, in which
    every finished trial, however bad, ranks before every pruned one. Whatever keeps the
    constraints comes before what does not (Deb 2000); several objectives rank by fronts.
    """
    found = list(trials)
    places = merits(found, aims, enough=BEST_KEPT)
    return sorted(found, key=lambda trial: (places[trial.number], trial.number))


def window(trials: Sequence[Told], aims: Aims) -> list[Told]:
    """The best 150 and the newest 150 of the others, ascending by number."""
    if len(trials) <= BEST_KEPT + NEWEST_KEPT:
        return sorted(trials, key=lambda trial: trial.number)
    best = ranked(trials, aims)[:BEST_KEPT]
    taken = {trial.number for trial in best}
    others = sorted((t for t in trials if t.number not in taken), key=lambda trial: trial.number)
    return sorted(best + others[-NEWEST_KEPT:], key=lambda trial: trial.number)


def merits(trials: Sequence[Told], aims: Aims, enough: int | None = None) -> dict[int, int]:
    """The place of every trial, from 0; equals share one. After `enough`, fronts are not told
    apart."""
    losses = [_losses(trials, aims, axis) for axis in range(len(aims.objectives))]
    valued = [t for t in trials if all(t.number in column for column in losses)]
    feasible = [t for t in valued if aims.violation(t.scores) == 0]
    if aims.is_pareto:
        members = [Member(t.number, tuple(c[t.number] for c in losses)) for t in feasible]
        order: dict[int, float] = {**front_ranks(members, enough)}
    else:
        order = {trial.number: losses[0][trial.number] for trial in feasible}
    keys: dict[int, tuple[int, float]] = {trial.number: (2, 0.0) for trial in trials}
    keys |= {trial.number: (1, aims.violation(trial.scores)) for trial in valued}
    keys |= {number: (0, place) for number, place in order.items()}
    places = {key: place for place, key in enumerate(sorted(set(keys.values())))}
    return {number: places[key] for number, key in keys.items()}


def comparable_scores(
    trials: Sequence[Told], aims: Aims, clip: bool = False
) -> dict[int, list[float]]:
    """A finite value on every objective for every trial.

    The diverged, and what lacks a value, get one a little worse than the worst seen. With
    `clip` nothing lies further behind the median than three times as far as the best lies
    before it: one enormous loss would otherwise flatten, for a Gaussian process, all
    differences that matter.
    """
    columns = [
        (objective.sign, _finite_for_all(trials, _losses(trials, aims, axis), clip))
        for axis, objective in enumerate(aims.objectives)
    ]
    return {t.number: [sign * column[t.number] for sign, column in columns] for t in trials}


def comparable_violations(
    trials: Sequence[Told], aims: Aims, clip: bool = False
) -> dict[int, dict[str, float]]:
    """By how much every trial breaks each constraint: positive, or kept at 0 and below.

    A diverged trial breaks them all, a little worse than the worst seen. What was pruned before
    its latency was measured says nothing about a bound on it: it gets the median of the others.
    """
    told: dict[int, dict[str, float]] = {trial.number: {} for trial in trials}
    for constraint in aims.constraints:
        known = {
            trial.number: min(constraint.violation(value), float_info.max)
            for trial in trials
            if trial.score is not None
            and (value := trial.scores.get(constraint.metric)) is not None
            and isfinite(value)
        }
        # Twice the bound is never clipped, and so no violation becomes none.
        column = _finite_for_all(trials, known, clip, at_least=1.0)
        middle = median(known.values()) if known else 0.0
        for trial in trials:
            unmeasured = trial.score is not None and trial.number not in known
            told[trial.number][str(constraint)] = middle if unmeasured else column[trial.number]
    return told


def _finite_for_all(
    trials: Sequence[Told], losses: Mapping[int, float], clip: bool, at_least: float | None = None
) -> dict[int, float]:
    best = min(losses.values(), default=0.0)
    worst = max(losses.values(), default=0.0)
    if clip and losses:
        middle = median(losses.values())
        bound = middle + 3 * (middle - best) if middle > best else worst
        worst = min(worst, bound if at_least is None else max(bound, at_least))
    beyond = worst + (0.1 * (worst - best) or 1.0)
    if at_least is not None:
        beyond = max(beyond, at_least)
    beyond = min(beyond, float_info.max)
    return {
        t.number: min(losses[t.number], worst) if t.number in losses else beyond for t in trials
    }


def _losses(trials: Iterable[Told], aims: Aims, axis: int) -> dict[int, float]:
    """Trial -> an objective, oriented so that smaller is better; the diverged are left out.

    The first one is the trial's value: for a pruned trial what it carried at its last rung.
    """
    objective = aims.objectives[axis]
    found = {}
    for trial in trials:
        value = trial.score
        if value is not None and axis > 0:
            value = trial.scores.get(objective.metric)
        if value is not None and isfinite(value):
            found[trial.number] = objective.sign * value
    return found
