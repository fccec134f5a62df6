"""What a cohort may know of the trials before it (rule R2), and how those trials rank."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median

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
    rung: int | None = None
    """The epoch of the last rung that it reached: a trial pruned later ranks higher."""

    @classmethod
    def of(cls, trial: Trial) -> "Told":
        """The part of a trial's record that a sampler may see."""
        return cls(
            number=trial.number,
            cohort=trial.cohort,
            params=trial.params,
            state=trial.state,
            value=trial.value,
            rung=max(map(int, trial.rungs), default=None),
        )

    @property
    def score(self) -> float | None:
        """The value, where it is a number that trials can be compared by."""
        return self.value if self.value is not None and isfinite(self.value) else None

    @property
    def is_informative(self) -> bool:
        """Whether a sampler learns from it: a failure of ours says nothing of the params."""
        if self.state is TrialState.STOPPED:
            return self.score is not None
        return self.state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED)

    @property
    def has_no_value(self) -> bool:
        """Whether it diverged, or might as well have: nothing ranks below it."""
        return self.state is TrialState.DIVERGED or self.score is None


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
    """Best first: finished by value, then pruned by rung and value, then the diverged.

    A value carried at an early rung is not compared with one from the end. Ties by number.
    """

    def key(trial: Told) -> tuple[int, int, float, int]:
        if trial.has_no_value:
            return 2, 0, 0.0, trial.number
        assert trial.value is not None
        value = trial.value if direction == "minimize" else -trial.value
        if trial.state is TrialState.PRUNED:
            return 1, -(trial.rung or 0), value, trial.number
        return 0, 0, value, trial.number

    return sorted(trials, key=key)


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
    """A finite value for every trial; one without a value of its own gets the worst seen.

    With `clip` nothing lies further behind the median than three times as far as the best
    lies before it: one enormous loss would otherwise flatten, for a Gaussian process, all
    differences that matter.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    own = {t.number: sign * t.score for t in trials if not t.has_no_value and t.score is not None}
    worst = max(own.values(), default=0.0)
    if clip and own:
        middle = median(own.values())
        reach = middle - min(own.values())
        if reach > 0:
            worst = min(worst, middle + 3 * reach)
    return {t.number: sign * min(own.get(t.number, worst), worst) for t in trials}
