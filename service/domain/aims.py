"""Aims: how the records of trials compare under a study's objectives and constraints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TypeAlias

from service.domain.objectives import Constraint, Objective
from service.domain.pareto import Losses, Member, find_knee, pareto_front
from service.domain.states import TrialState
from service.domain.trials import Trial

RATE = "kl"
"""Nats of the code per sample: the other half of a likelihood model's bargain."""
COMPLEXITY = ("parameters", "macs", "latency_seconds")
"""What a model costs; in `Trial.complexity`, not among its validation metrics."""
MEASURED = "latency_seconds"
"""The only one that a clock decides."""
COSTS = frozenset({RATE, *COMPLEXITY})
"""What a model's code and its use cost."""
CODE_USE = frozenset({"code_perplexity", "codes_used"})
"""How evenly a codebook is used: a model that reconstructs nothing may use all of it."""
AUXILIARY = COSTS | CODE_USE
"""What says nothing of how good a model is."""
TRAINING_LOSS = "loss"

Scores: TypeAlias = Mapping[str, float | None]
"""What objectives and constraints look at, by metric, at the best epoch."""

BEST_STATES = (TrialState.COMPLETE, TrialState.STOPPED)
"""Who may win, in this order: stopped trials only where there is nothing else."""


@dataclass(frozen=True)
class Aims:
    """One objective or several, and every constraint; part of a StudySpec."""

    objectives: tuple[Objective, ...]

    def __str__(self) -> str:
        """`minimize mse and kl, subject to kl <= 20`."""
        directions = {objective.direction for objective in self.objectives}
        if len(directions) == 1:
            names = " and ".join(objective.metric for objective in self.objectives)
            said = f"{directions.pop()} {names}"
        else:
            said = " and ".join(f"{o.direction} {o.metric}" for o in self.objectives)
        bounds = " and ".join(map(str, self.constraints))
        return f"{said}, subject to {bounds}" if bounds else said

    @property
    def constraints(self) -> list[Constraint]:
        """Those of every objective: all of them bind."""
        return [constraint for each in self.objectives for constraint in each.subject_to]

    @property
    def is_pareto(self) -> bool:
        """Whether the answer is a set of compromises."""
        return len(self.objectives) > 1

    @property
    def metrics(self) -> list[str]:
        """Every metric that is looked at, objectives first."""
        names = [objective.metric for objective in self.objectives]
        return list(dict.fromkeys([*names, *(bound.metric for bound in self.constraints)]))

    @property
    def ranking(self) -> Objective:
        """What chooses among the epochs of a trial, and prunes: the objective.

        The training loss where that cannot be: several objectives name no single best epoch, a
        model's size does not change with the epochs, the rate is lowest before anything is
        learned, and a codebook is used most evenly at any epoch.
        """
        first = self.objectives[0]
        if self.is_pareto or first.metric in AUXILIARY:
            return Objective(metric=TRAINING_LOSS)
        return first

    @property
    def worth(self) -> list[Objective]:
        """What says how good a model is, most wanted first: objectives, then bounds, no costs."""
        bounds = [Objective(metric=c.metric, direction=c.direction) for c in self.constraints]
        return [each for each in (*self.objectives, *bounds) if each.metric not in AUXILIARY]

    @property
    def ranks_by_objective(self) -> bool:
        """Whether trials can be pruned: by a value that they have at every epoch."""
        return self.ranking.metric == self.objectives[0].metric

    @property
    def prunes_by_default(self) -> bool:
        """Whether the objective alone says which trials are worth going on with.

        Under a constraint it does not: the trials that lead by it are often those that break
        the bound in the end (at a fixed epoch a VAE with a small beta has the lower error).
        """
        return self.ranks_by_objective and not self.constraints

    def scores(self, validation: Scores | None, complexity: Scores | None) -> Scores:
        """The values of everything that is looked at; None where there is none.

        From the validation metrics at the best epoch, and what the model costs.
        """
        found = {**(validation or {}), **(complexity or {})}
        return {name: _finite(found.get(name)) for name in self.metrics}

    def scores_of(self, trial: Trial) -> Scores:
        """The same from a trial's record."""
        metrics = trial.metrics
        return self.scores(metrics.validation if metrics else None, trial.complexity)

    def losses(self, scores: Scores) -> Losses | None:
        """The objectives' values, oriented so that smaller is better; None if one is missing."""
        found = [
            objective.sign * value
            for objective in self.objectives
            if (value := scores.get(objective.metric)) is not None
        ]
        return tuple(found) if len(found) == len(self.objectives) else None

    def values(self, losses: Losses) -> dict[str, float]:
        """Losses as the values that they came from, by metric."""
        return {
            objective.metric: objective.sign * loss
            for objective, loss in zip(self.objectives, losses, strict=True)
        }

    def violation(self, scores: Scores) -> float:
        """By how much the constraints are violated, added up; 0: feasible, inf: not known."""
        total = 0.0
        for constraint in self.constraints:
            value = scores.get(constraint.metric)
            total += inf if value is None else max(0.0, constraint.violation(value))
        return total

    def is_feasible(self, scores: Scores) -> bool:
        """Whether every constraint is known to be met."""
        return self.violation(scores) == 0


def eligible_trials(aims: Aims, trials: Iterable[Trial]) -> list[Trial]:
    """The feasible trials that may win, by number: finished ones, stopped ones if none finished."""
    able = [t for t in trials if t.value is not None and t.feasible is not False]
    if aims.is_pareto:
        able = [trial for trial in able if aims.losses(aims.scores_of(trial)) is not None]
    for state in BEST_STATES:
        found = [trial for trial in able if trial.state is state]
        if found:
            return sorted(found, key=lambda trial: trial.number)
    return []


def best_trials(aims: Aims, trials: Iterable[Trial]) -> list[Trial]:
    """Who may win, best first; of several objectives the Pareto set, its knee first.

    Ties go by number.
    """
    able = eligible_trials(aims, trials)
    if not aims.is_pareto:
        sign = aims.objectives[0].sign
        return sorted(able, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
    front = pareto_front(front_members(aims, able))
    knee = find_knee(front)
    by_number = {trial.number: trial for trial in able}
    numbers = sorted((m.number for m in front), key=lambda n: (knee and n != knee.number, n))
    return [by_number[number] for number in numbers]


def front_members(aims: Aims, trials: Sequence[Trial]) -> list[Member]:
    """Trials as points of their losses; those that lack an objective are left out."""
    return [
        Member(trial.number, losses)
        for trial in trials
        if (losses := aims.losses(aims.scores_of(trial))) is not None
    ]


def say_nearest(aims: Aims, ended: Iterable[tuple[int, Scores]]) -> str | None:
    """Which trial comes nearest to keeping the constraints, where none of those that ended does.

    `ended`: numbers and scores of the trials that might have won. None without constraints, or
    without a trial that has a result.
    """
    found = [
        (violation, number, scores)
        for number, scores in ended
        if isfinite(violation := aims.violation(scores))
    ]
    if not aims.constraints or not found:
        return None
    _, nearest, scores = min(found, key=lambda entry: entry[:2])
    bounds = " and ".join(map(str, aims.constraints))
    broken = [
        f"{bound.metric} is {value:.4g}"
        for bound in aims.constraints
        if (value := scores[bound.metric]) is not None and bound.violation(value) > 0
    ]
    return f"no trial keeps {bounds}: the nearest is trial {nearest}, where {' and '.join(broken)}"


def say_missing(aims: Aims, ended: Iterable[Scores]) -> str | None:
    """Which objective or bound no trial has a value of; None where none ended or all have one.

    `ended`: scores of the trials that might have won.
    """
    scores = list(ended)
    names = [name for name in aims.metrics if all(found.get(name) is None for found in scores)]
    if not scores or not names:
        return None
    return (
        f"no trial is eligible for best: none has {' or '.join(names)}, which cannot be measured "
        "on this data; name another metric"
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
