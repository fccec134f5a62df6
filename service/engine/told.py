"""What a cohort may know of the trials before it (rule R2), and how those trials rank."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from statistics import median
from sys import float_info

from service.domain.records import Trial
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec
from service.domain.states import TERMINAL_TRIAL_STATES, TrialState

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
    """The objective; for a PRUNED trial the value that it carried at its last rung."""

    @classmethod
    def of(cls, trial: Trial) -> "Told":
        """The part of a trial's record that a sampler may see."""
        return cls(
            number=trial.number,
            cohort=trial.cohort,
            params=trial.params,
            state=trial.state,
            value=trial.value,
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
    missing = set(range(cohort * spec.cohort_size)) - {trial.number for trial in trials}
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


def ranked(trials: Iterable[Told], direction: str) -> list[Told]:
    """Best first, ties by number, the diverged last.

    A pruned trial stands where the value of its last rung puts it. That flatters nobody (it
    would have come further) and measured as good for TPE as Optuna's own order, in which
    every finished trial, however bad, ranks before every pruned one.
    """
    losses = _losses(trials, direction)
    return sorted(trials, key=lambda trial: (losses.get(trial.number, inf), trial.number))


def window(trials: Sequence[Told], direction: str) -> list[Told]:
    """The best 150 and the newest 150 of the others, ascending by number."""
    if len(trials) <= BEST_KEPT + NEWEST_KEPT:
        return sorted(trials, key=lambda trial: trial.number)
    best = ranked(trials, direction)[:BEST_KEPT]
    taken = {trial.number for trial in best}
    others = sorted((t for t in trials if t.number not in taken), key=lambda trial: trial.number)
    return sorted(best + others[-NEWEST_KEPT:], key=lambda trial: trial.number)


def comparable_scores(
    trials: Sequence[Told], direction: str, clip: bool = False
) -> dict[int, float]:
    """A finite value for every trial; the diverged get one a little worse than the worst seen.

    With `clip` nothing lies further behind the median than three times as far as the best
    lies before it: one enormous loss would otherwise flatten, for a Gaussian process, all
    differences that matter.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    losses = _losses(trials, direction)
    best = min(losses.values(), default=0.0)
    worst = max(losses.values(), default=0.0)
    if clip and losses:
        middle = median(losses.values())
        worst = min(worst, middle + 3 * (middle - best)) if middle > best else worst
    beyond = worst + (0.1 * (worst - best) or 1.0)
    beyond = min(beyond, float_info.max)
    return {
        t.number: sign * (min(losses[t.number], worst) if t.number in losses else beyond)
        for t in trials
    }


def _losses(trials: Iterable[Told], direction: str) -> dict[int, float]:
    """Trial -> score, oriented so that smaller is better; the diverged are left out."""
    sign = 1.0 if direction == "minimize" else -1.0
    return {trial.number: sign * trial.score for trial in trials if trial.score is not None}
