"""Selection: which of the best configs is the best on fresh seeds, and what was luck. Pure.

The best of N search values is optimistic (DOMAIN.md truth 10). The best few configs are trained
again with fresh seeds, every config with the same ones: differences are then compared seed by
seed, and what a seed does to all configs falls out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from service.domain.aims import Aims, Scores, best_trials, front_members
from service.domain.confirmed import Confirmation, ConfirmedConfig, ModelReference, describe
from service.domain.model import derive_seed
from service.domain.pareto import Member, find_knee, heights, pareto_front
from service.domain.states import TrialState
from service.domain.trials import Trial

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Quantiles of Student's t at 0.975 for 1, 2, ... degrees of freedom."""


@dataclass(frozen=True)
class Repeat:
    """One config trained once more: a trial of a confirmation."""

    trial: int
    """The config: the number of the trial that it repeats."""
    seed: int
    """Which of the fresh seeds: 0, 1, ..."""
    scores: Scores | None
    """Objectives and constraints; None where it has no result."""
    study: str
    number: int
    """Where it is recorded."""
    failure: str = ""
    """Why there is no result, where that says nothing of the config: a crash of ours. Its seed is
    then left out for every config."""


def fresh_seeds(study_seed: int, count: int) -> list[int]:
    """Seeds that no trial of the search has; the same for every selection of a study."""
    return [derive_seed(study_seed, "confirmation", index) for index in range(count)]


def candidates(aims: Aims, trials: Sequence[Trial], top_k: int) -> list[Trial]:
    """The configs to train again, best first: no two alike, none that may not win.

    Of several objectives the members of the Pareto set nearest to its knee.
    """
    able = best_trials(aims, trials)
    if aims.is_pareto:
        height = heights(front_members(aims, able))
        able = sorted(able, key=lambda trial: (height[trial.number], trial.number))
    found: dict[str, Trial] = {}
    for trial in able:
        found.setdefault(f"{trial.family} {sorted(trial.params.items())}", trial)
    return list(found.values())[:top_k]


def confirm(
    aims: Aims,
    trials: Mapping[int, Trial],
    repeats: Sequence[Repeat],
    confirmations: Sequence[str],
    searched: int,
    resplit: bool = False,
) -> Confirmation:
    """Rank the configs by their means; `trials` are those of the search, by number.

    A seed that a crash took from one config counts for none of them, so that no worker's death
    decides; with fewer than two left nothing is confirmed.
    """
    seeds = 1 + max(repeat.seed for repeat in repeats)
    numbers = list(dict.fromkeys(repeat.trial for repeat in repeats))
    lost = {repeat.seed: repeat.failure for repeat in repeats if repeat.failure}
    kept = [seed for seed in range(seeds) if seed not in lost]
    configs = [_config(aims, trials[number], repeats, seeds, kept) for number in numbers]
    usable = [config for config in configs if config.feasible]
    winner = _winner(aims, usable)
    sign, metric = aims.objectives[0].sign, aims.objectives[0].metric
    if winner is not None:
        # A difference in the first of several objectives would say nothing of who is better.
        compared = usable if aims.is_pareto else _compare(usable, winner, sign, kept)
        configs = [*compared, *(config for config in configs if not config.feasible)]
    order = {config.trial: place for place, config in enumerate(configs)}
    configs.sort(
        key=lambda c: (
            winner is None or c.trial != winner.trial,
            not c.feasible,
            c.mean is None,
            sign * (c.mean or 0.0),
            order[c.trial],
        )
    )
    optimism = None
    whole = winner is not None and trials[winner.trial].state is TrialState.COMPLETE
    if whole and winner is not None and winner.mean is not None and winner.search is not None:
        optimism = sign * (winner.mean - winner.search)
    found = Confirmation(
        confirmations=list(confirmations),
        metric=metric,
        seeds=len(kept),
        failures=sorted(set(lost.values())),
        several=[each.metric for each in aims.objectives] if aims.is_pareto else [],
        resplit=resplit,
        pooled_sd=_pooled_sd(usable),
        configs=configs,
        winner=None if winner is None else winner.trial,
        searched=searched,
        seed_optimism=optimism,
        model=None if winner is None else _median(aims, winner, repeats, kept),
        note="",
    )
    return found.model_copy(update={"note": describe(found, sign)})


def with_test(found: Confirmation, aims: Aims, test: Scores) -> Confirmation:
    """The same with what the sealed test says."""
    value = test.get(found.metric)
    if value is None or found.best is None or found.best.mean is None:
        return found
    optimism = aims.objectives[0].sign * (value - found.best.mean)
    return found.model_copy(update={"split_optimism": optimism})


def _config(
    aims: Aims, trial: Trial, repeats: Sequence[Repeat], seeds: int, kept: Sequence[int]
) -> ConfirmedConfig:
    mine = {repeat.seed: repeat.scores for repeat in repeats if repeat.trial == trial.number}
    metric = aims.objectives[0].metric
    values = [(mine.get(seed) or {}).get(metric) for seed in range(seeds)]
    counted = [mine.get(seed) or {} for seed in kept]
    means = {
        name: sum(found) / len(kept)
        for name in aims.metrics
        if kept
        and len(found := [v for s in counted if (v := s.get(name)) is not None and isfinite(v)])
        == len(kept)
    }
    came_through = len(kept) > 1 and all(name in means for name in aims.metrics)
    mean, sd = means.get(metric), None
    if mean is not None and len(kept) > 1:
        squares = sum((value - mean) ** 2 for s in counted if (value := s.get(metric)) is not None)
        sd = sqrt(squares / (len(kept) - 1))
    # One seed at least must keep the bounds by itself: its model is what is given away.
    keeps = [scores for scores in counted if aims.is_feasible(scores)]
    return ConfirmedConfig(
        trial=trial.number,
        search=aims.scores_of(trial).get(metric) if trial.value is None else trial.value,
        values=values,
        mean=mean,
        sd=sd,
        means=means,
        parameters=(trial.complexity or {}).get("parameters"),
        feasible=came_through and aims.is_feasible(means) and bool(keeps),
        came_through=came_through,
    )


def _winner(aims: Aims, usable: Sequence[ConfirmedConfig]) -> ConfirmedConfig | None:
    """The best mean; of several objectives the knee of what no mean beats. Ties: as searched."""
    if not usable:
        return None
    sign = aims.objectives[0].sign
    if not aims.is_pareto:
        return min(usable, key=lambda config: sign * (config.mean or 0.0))
    members = [
        Member(config.trial, losses)
        for config in usable
        if (losses := aims.losses(config.means)) is not None
    ]
    knee = find_knee(pareto_front(members))
    return next((config for config in usable if knee and config.trial == knee.number), None)


def _pooled_sd(usable: Sequence[ConfirmedConfig]) -> float | None:
    found = [config.sd for config in usable if config.sd is not None]
    return sqrt(sum(sd**2 for sd in found) / len(found)) if found else None


def _compare(
    usable: Sequence[ConfirmedConfig], winner: ConfirmedConfig, sign: float, kept: Sequence[int]
) -> list[ConfirmedConfig]:
    """Every config beside the winner."""
    error, freedom = _residual(usable, kept)
    compared = []
    for config in usable:
        if config.trial == winner.trial or config.mean is None or winner.mean is None:
            compared.append(config.model_copy(update={"indistinguishable": True}))
            continue
        difference = sign * (config.mean - winner.mean)
        se = error * sqrt(2 / len(kept))
        compared.append(
            config.model_copy(
                update={
                    "difference": difference,
                    "difference_se": se,
                    "indistinguishable": abs(difference) <= _quantile(freedom) * se,
                }
            )
        )
    return compared


def _residual(usable: Sequence[ConfirmedConfig], kept: Sequence[int]) -> tuple[float, int]:
    """Standard deviation of what config and seed do not explain, and its degrees of freedom."""
    table = [[config.values[seed] or 0.0 for seed in kept] for config in usable]
    rows, columns = len(table), len(table[0])
    freedom = (rows - 1) * (columns - 1)
    if freedom == 0:
        return 0.0, 1
    grand = sum(map(sum, table)) / (rows * columns)
    row_means = [sum(row) / columns for row in table]
    column_means = [sum(row[j] for row in table) / rows for j in range(columns)]
    squares = sum(
        (table[i][j] - row_means[i] - column_means[j] + grand) ** 2
        for i in range(rows)
        for j in range(columns)
    )
    return sqrt(squares / freedom), freedom


def _quantile(freedom: int) -> float:
    return T_975[freedom - 1] if freedom <= len(T_975) else 1.96 + 2.4 / freedom


def _median(
    aims: Aims, winner: ConfirmedConfig, repeats: Sequence[Repeat], kept: Sequence[int]
) -> ModelReference | None:
    """Among the seeds that keep the constraints; of an even number the better of the middle two."""
    sign, metric = aims.objectives[0].sign, aims.objectives[0].metric
    able = [
        (sign * value, repeat.seed, repeat)
        for repeat in repeats
        if repeat.trial == winner.trial and repeat.seed in kept and repeat.scores is not None
        and aims.is_feasible(repeat.scores) and (value := repeat.scores.get(metric)) is not None
    ]  # fmt: skip
    if not able:
        return None
    _, _, chosen = sorted(able, key=lambda entry: entry[:2])[(len(able) - 1) // 2]
    return ModelReference(study=chosen.study, trial=chosen.number)
