"""Whether a search has stopped improving: a pure function of what a cohort may see (rule R2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from service.domain.aims import Aims
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.engine.revisions import revision_of
from service.engine.told import Told


@dataclass(frozen=True)
class Stagnation:
    """Why a cohort is not proposed any more."""

    cohort: int
    first: int
    """The trials that brought too little begin with this number,"""
    last: int
    """and end with this one."""
    trials: int
    """How many of them count."""
    before: Told | None
    """The best trial before them; None: nothing that may win."""
    best: Told | None
    """The best trial with them; None: nothing that may win."""
    improvement: float | None
    """By how much they made the best value better; 0: not at all. None where there is none."""
    at_least: float
    """What was asked for, a share of the value before."""

    def detail(self) -> dict[str, Any]:
        """The numbers of the decision."""
        return {
            "cohort": self.cohort,
            "first": self.first,
            "last": self.last,
            "trials": self.trials,
            "before": _detail(self.before),
            "best": _detail(self.best),
            "improvement": self.improvement,
            "at_least": self.at_least,
        }


def stagnation(spec: ResolvedSpec, history: Iterable[Told], cohort: int) -> Stagnation | None:
    """What says that a cohort need not be proposed; None: it has to be, or there is no such rule.

    Of `history`, in any order, only cohorts 0..g-W are seen. The rule holds when the newest trials
    of this revision, as many as it names, made the best COMPLETE and feasible trial's value better
    by less than the share that it asks for, or not at all. It also holds when neither they nor as
    many before them in this revision, nor any other, gave anything that may win; the first trial
    that may win is always an improvement.
    """
    rule = spec.budget.stop_when_no_improvement
    if rule is None:
        return None
    counted = sorted(
        (
            trial
            for trial in history
            if trial.cohort <= cohort - spec.cohorts_in_flight and trial.is_informative
        ),
        key=lambda trial: trial.number,
    )
    newest = counted[-rule.trials :]
    begin = revision_of(spec, cohort).first_trial
    if len(newest) < rule.trials or newest[0].number < begin:
        return None
    before, best = _best(counted[: -rule.trials], spec.aims), _best(counted, spec.aims)
    improvement = None
    if best is None:
        # What may win is rare at first: twice the patience.
        if sum(trial.number >= begin for trial in counted) < 2 * rule.trials:
            return None
    elif before is None or before.score is None or best.score is None:
        return None
    else:
        improvement = spec.aims.objectives[0].sign * (before.score - best.score)
        if improvement > 0 and improvement >= rule.at_least * abs(before.score):
            return None
    return Stagnation(
        cohort=cohort,
        first=newest[0].number,
        last=newest[-1].number,
        trials=len(newest),
        before=before,
        best=best,
        improvement=improvement,
        at_least=rule.at_least,
    )


def _detail(trial: Told | None) -> dict[str, Any] | None:
    return None if trial is None else {"trial": trial.number, "value": trial.value}


def _best(trials: Sequence[Told], aims: Aims) -> Told | None:
    """The best trial that may win; ties go by number."""
    sign = aims.objectives[0].sign
    able = [
        (sign * trial.score, trial.number, trial)
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and trial.score is not None
        and aims.is_feasible(trial.scores)
    ]
    return min(able, key=lambda entry: entry[:2])[2] if able else None
