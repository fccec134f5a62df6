"""Which of the best configs wins on fresh seeds, and what is said of luck."""

from dataclasses import replace
from datetime import UTC, datetime
from math import sqrt
from random import Random
from typing import Any

import pytest

from service.domain.aims import Aims
from service.domain.confirmations import Repeat, candidates, confirm, fresh_seeds, with_test
from service.domain.objectives import Constraint, Objective
from service.domain.states import TrialState
from service.domain.trials import Trial, TrialMetrics

MSE = Aims((Objective(metric="mse"),))
PSNR = Aims((Objective(metric="psnr", direction="maximize"),))
BOUNDED = Aims((Objective(metric="mse", subject_to=[Constraint(metric="kl", at_most=10.0)]),))
PAIR = Aims((Objective(metric="mse"), Objective(metric="kl")))


def trial(number: int, value: float, metric: str = "mse", **more: Any) -> Trial:
    scores = {metric: value, **more.pop("scores", {})}
    values: dict[str, Any] = {
        "study_id": "s", "number": number, "cohort": 0, "array": 0, "state": TrialState.COMPLETE,
        "family": "autoencoder", "params": {"learning_rate": 0.001 * (number + 1)},
        "value": value, "best_epoch": 3, "epochs": 3, "rungs": {},
        "metrics": TrialMetrics(train=scores, validation=scores),
        "complexity": {"parameters": 1000.0 * (number + 1)}, "feasible": None, "verdict": None,
        "seed": 1, "attempt": 1, "failure": None, "created_at": datetime.now(UTC),
        "started_at": None, "finished_at": None,
    }  # fmt: skip
    return Trial.model_validate(values | more)


def repeats(by_trial: dict[int, list[float | None]], metric: str = "mse") -> list[Repeat]:
    found = []
    for seed in range(len(next(iter(by_trial.values())))):
        for number, values in by_trial.items():
            value = values[seed]
            scores = None if value is None else {metric: value}
            found.append(Repeat(number, seed, scores, "child", len(found)))
    return found


def search(values: dict[int, float], metric: str = "mse") -> dict[int, Trial]:
    return {number: trial(number, value, metric) for number, value in values.items()}


def test_the_best_mean_wins_and_not_the_best_search_value() -> None:
    trials = search({0: 0.010, 1: 0.012})
    found = confirm(MSE, trials, repeats({0: [0.014, 0.015, 0.013], 1: [0.012] * 3}), ["c"], 0)
    assert (found.winner, found.searched) == (1, 0)
    assert [config.trial for config in found.configs] == [1, 0]
    assert found.configs[0].mean == pytest.approx(0.012)
    assert found.seed_optimism == pytest.approx(0.0, abs=1e-12)
    assert "By search value trial 0 would have won" in found.note


@pytest.mark.parametrize(("aims", "metric", "sign"), [(MSE, "mse", 1), (PSNR, "psnr", -1)])
def test_optimism_is_positive_where_search_flattered(aims: Aims, metric: str, sign: int) -> None:
    trials = search({0: 20.0 - sign}, metric)
    found = confirm(aims, trials, repeats({0: [19.0, 20.0, 21.0]}, metric), ["c"], 0)
    assert found.seed_optimism == pytest.approx(1.0)
    assert found.pooled_sd == pytest.approx(1.0)
    tested = with_test(found, aims, {metric: 20.0 + 2 * sign})
    assert tested.split_optimism == pytest.approx(2.0)


def test_differences_are_taken_seed_by_seed() -> None:
    """Seeds that move every config alike say nothing against a difference."""
    trials = search({0: 1.0, 1: 1.0, 2: 1.0})
    shifts = [0.0, 5.0, -5.0, 2.0]
    wobble = [[0.01, -0.01, 0.0, 0.0], [0.0, 0.01, -0.01, 0.0], [0.0, 0.0, 0.01, -0.01]]
    values = {
        number: [10 + number * 0.5 + shift + wobble[number][seed]
                 for seed, shift in enumerate(shifts)]
        for number in range(3)
    }  # fmt: skip
    found = confirm(MSE, trials, repeats(values), ["c"], 0)
    assert found.pooled_sd is not None and found.pooled_sd > 3
    assert [config.indistinguishable for config in found.configs] == [True, False, False]
    second = found.configs[1]
    assert second.difference == pytest.approx(0.5)
    assert second.difference_se is not None and second.difference_se < 0.02


def test_equals_are_called_indistinguishable_and_the_smallest_is_named() -> None:
    trials = search({3: 1.0, 1: 1.1})
    found = confirm(MSE, trials, repeats({3: [1.0, 1.2, 1.1], 1: [1.21, 1.0, 1.13]}), ["c"], 3)
    assert all(config.indistinguishable for config in found.configs)
    assert "Trials 3, 1 are indistinguishable; trial 1 is the smallest, 2,000 par" in found.note


def test_the_95_percent_interval_of_a_difference_holds_in_about_95_of_100() -> None:
    stream = Random(0)
    inside = 0
    for _ in range(400):
        seeds = [stream.gauss(0, 3) for _ in range(3)]
        values = {n: [5 + s + stream.gauss(0, 1) for s in seeds] for n in range(2)}
        found = confirm(MSE, search({0: 5.0, 1: 5.0}), repeats(values), ["c"], 0)
        inside += all(config.indistinguishable for config in found.configs)
    assert 0.92 <= inside / 400 <= 0.98


def test_a_config_that_diverged_on_a_seed_cannot_win() -> None:
    trials = search({0: 1.0, 1: 2.0})
    found = confirm(MSE, trials, repeats({0: [0.5, None, 0.5], 1: [2.0, 2.0, 2.1]}), ["c"], 0)
    assert found.winner == 1
    assert found.configs[1].mean is None and not found.configs[1].feasible


def test_a_config_beyond_a_bound_on_average_cannot_win() -> None:
    trials = {n: trial(n, 1.0 + n, scores={"kl": 9.0}, feasible=True) for n in range(2)}
    found = confirm(
        BOUNDED,
        trials,
        [
            Repeat(n, seed, {"mse": 1.0 + n, "kl": 10.5 - n + 0.1 * seed}, "c", 2 * seed + n)
            for seed in range(3)
            for n in range(2)
        ],
        ["c"],
        0,
    )
    assert found.winner == 1
    assert [config.feasible for config in found.configs] == [True, False]


def test_where_nothing_comes_through_the_search_value_stands() -> None:
    found = confirm(MSE, search({4: 1.0}), repeats({4: [None, None, None]}), ["c"], 4)
    assert found.winner is None and found.model is None
    assert "unconfirmed" in found.note
    assert with_test(found, MSE, {"mse": 1.0}) == found


@pytest.mark.parametrize(
    ("values", "median"), [([3.0, 1.0, 2.0], 2), ([4.0, 1.0, 2.0, 3.0], 2), ([1.0, 1.0, 1.0], 1)]
)
def test_the_model_is_that_of_the_median_seed(values: list[float | None], median: int) -> None:
    found = confirm(MSE, search({7: 1.0}), repeats({7: values}), ["c"], 7)
    assert found.model is not None
    assert found.model.trial == median


def test_of_several_objectives_the_knee_of_the_means_wins() -> None:
    points = {0: (0.0, 10.0), 1: (1.0, 1.0), 2: (10.0, 0.0)}
    trials = {n: trial(n, mse, scores={"kl": kl}) for n, (mse, kl) in points.items()}
    moved = points | {1: (9.0, 9.0), 0: (4.0, 4.0)}
    found = confirm(
        PAIR,
        trials,
        [
            Repeat(n, seed, {"mse": mse, "kl": kl}, "c", 3 * seed + n)
            for seed in range(3)
            for n, (mse, kl) in moved.items()
        ],
        ["c"],
        1,
    )
    assert found.winner in (0, 2)
    assert found.configs[0].means == {"mse": moved[found.winner][0], "kl": moved[found.winner][1]}


def test_candidates_are_the_best_configs_without_copies_and_without_losers() -> None:
    trials = [
        trial(0, 3.0),
        trial(1, 1.0),
        replace_params(trial(2, 1.5), trial(1, 1.0)),
        trial(3, 0.5, state=TrialState.DIVERGED),
        trial(4, 0.1, feasible=False),
        trial(5, 2.0),
    ]
    assert [each.number for each in candidates(MSE, trials, 2)] == [1, 5]
    assert [each.number for each in candidates(MSE, trials, 9)] == [1, 5, 0]


def test_candidates_of_several_objectives_lie_round_the_knee() -> None:
    points = {0: (0.0, 10.0), 1: (1.0, 1.0), 2: (10.0, 0.0), 3: (0.5, 4.0), 4: (20.0, 20.0)}
    trials = [trial(n, mse, scores={"kl": kl}) for n, (mse, kl) in points.items()]
    assert [each.number for each in candidates(PAIR, trials, 2)] == [1, 3]


def test_fresh_seeds_are_those_of_every_selection_and_of_no_trial() -> None:
    assert fresh_seeds(5, 3) == fresh_seeds(5, 4)[:3]
    assert len({*fresh_seeds(5, 4), *fresh_seeds(6, 4)}) == 8


def test_the_sd_is_pooled_over_configs() -> None:
    values: dict[int, list[float | None]] = {0: [1.0, 3.0], 1: [10.0, 10.0]}
    found = confirm(MSE, search({0: 1.0, 1: 1.0}), repeats(values), ["c"], 0)
    assert found.pooled_sd == pytest.approx(sqrt((2.0 + 0.0) / 2))


def replace_params(one: Trial, other: Trial) -> Trial:
    return one.model_copy(update={"params": other.params})


def test_the_model_keeps_the_constraints_itself() -> None:
    """Its config does on average; the median seed does not."""
    trials = {1: trial(1, 0.03, scores={"kl": 14.0}, feasible=True)}
    points = [(0.030, 14.0), (0.028, 12.0), (0.026, 3.0)]
    found = confirm(
        BOUNDED,
        trials,
        [Repeat(1, n, {"mse": mse, "kl": kl}, "c", n) for n, (mse, kl) in enumerate(points)],
        ["c"],
        1,
    )
    assert found.winner == 1 and found.model is not None
    assert found.model.trial == 2
    none = [(0.030, 10.1), (0.028, 10.1)]
    found = confirm(
        BOUNDED,
        trials,
        [Repeat(1, n, {"mse": mse, "kl": kl}, "c", n) for n, (mse, kl) in enumerate(none)],
        ["c"],
        1,
    )
    assert found.winner is None


def test_a_seed_that_a_crash_took_counts_for_no_config() -> None:
    trials = search({0: 1.0, 1: 2.0})
    values = repeats({0: [1.0, 1.1, 0.9], 1: [2.0, 2.1, 0.1]})
    crashed = [
        replace(each, scores=None, failure="crash: a worker died")
        if (each.trial, each.seed) == (0, 2)
        else each
        for each in values
    ]
    found = confirm(MSE, trials, crashed, ["c"], 0)
    assert found.winner == 0
    assert (found.seeds, found.configs[0].mean) == (2, pytest.approx(1.05))
    assert found.configs[1].mean == pytest.approx(2.05)
    assert "crash: a worker died" in found.note


def test_where_crashes_leave_one_seed_nothing_is_confirmed_and_it_says_why() -> None:
    lost = [
        replace(each, scores=None, failure="out-of-memory: killed") if each.seed else each
        for each in repeats({0: [1.0, 1.1, 0.9]})
    ]
    found = confirm(MSE, search({0: 1.0}), lost, ["c"], 0)
    assert found.winner is None
    assert "too few seeds are left" in found.note and "killed" in found.note


def test_of_several_objectives_no_mean_is_called_the_best() -> None:
    points = {0: (0.0, 10.0), 1: (1.0, 1.0)}
    trials = {n: trial(n, mse, scores={"kl": kl}) for n, (mse, kl) in points.items()}
    found = confirm(
        PAIR,
        trials,
        [
            Repeat(n, seed, {"mse": mse, "kl": kl}, "c", 2 * seed + n)
            for seed in range(2)
            for n, (mse, kl) in points.items()
        ],
        ["c"],
        1,
    )
    assert "is the knee of the means, mse" in found.note
    assert all(config.difference is None for config in found.configs)


def test_a_stopped_trial_and_its_repetitions_differ_by_more_than_luck() -> None:
    trials = {0: trial(0, 1.0, state=TrialState.STOPPED)}
    found = confirm(MSE, trials, repeats({0: [0.5, 0.6, 0.5]}), ["c"], 0)
    assert found.winner == 0 and found.seed_optimism is None
