from collections.abc import Callable, Sequence
from math import exp, isfinite
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.domain.overfitting import judge_curves
from service.domain.records import EpochReport, Verdict
from service.domain.states import TrialState

EPOCHS = 30
Curve = Sequence[float | None]


def judge(train: Curve, validation: Curve, metric: str = "mse", **changes: Any) -> Verdict:
    reports = [
        EpochReport(
            epoch=index + 1,
            train={metric: a},
            validation={metric: b},
            effective_beta=None,
            learning_rate=0.001,
            gradient_norm=None,
            seconds=0.1,
        )
        for index, (a, b) in enumerate(zip(train, validation, strict=True))
    ]
    if changes.pop("shuffled", False):
        Random(1).shuffle(reports)
    arguments: dict[str, Any] = {
        "metric": metric,
        "direction": "minimize",
        "state": TrialState.COMPLETE,
        "best_epoch": None,
        "first_eligible_epoch": 1,
        "stopped_early": False,
        "planned_epochs": EPOCHS,
        "pca": None,
        "samples": 270,
        "mean_train": None,
        "mean_validation": None,
        **changes,
    }
    return judge_curves(reports, **arguments)


def curve(function: Callable[[int], float], epochs: int = EPOCHS) -> list[float]:
    return [function(epoch) for epoch in range(1, epochs + 1)]


def falling(floor: float, pace: float = 4.0) -> Callable[[int], float]:
    return lambda epoch: floor + 0.05 * exp(-epoch / pace)


def turning(epoch: int) -> float:
    """Falls until about epoch 12, then rises by 2 % of its floor an epoch."""
    return 0.01 + 0.05 * exp(-epoch / 3) + 0.0002 * max(0, epoch - 12)


def test_validation_that_rises_while_train_falls_is_overfit() -> None:
    verdict = judge(curve(falling(0.009, 12.0)), curve(turning))
    assert verdict.kind == "overfit"
    assert verdict.numbers["first_overfit_epoch"] == verdict.numbers["best_epoch"]
    assert 11 <= (verdict.numbers["best_epoch"] or 0) <= 16
    assert f"from epoch {verdict.numbers['best_epoch']} on" in verdict.sentence


def test_a_rise_within_the_noise_is_not_overfit() -> None:
    noise = Random(3)
    bumpy = [value * (1 + noise.gauss(0, 0.05)) for value in curve(falling(0.01))]
    assert judge(curve(falling(0.0098)), bumpy).kind != "overfit"


def test_a_rise_of_one_percent_is_not_overfit() -> None:
    creeping = curve(lambda epoch: 0.01 + 0.05 * exp(-epoch) + 1e-6 * epoch * 3)
    assert judge(curve(falling(0.0098, 12.0)), creeping).kind != "overfit"


def test_a_rise_while_train_rises_too_is_not_overfit() -> None:
    assert judge(curve(turning), curve(turning)).kind != "overfit"


def test_the_best_epoch_is_not_a_lucky_one() -> None:
    validation = curve(falling(0.01))
    validation[6] = 0.001
    assert judge(curve(falling(0.0098)), validation).numbers["best_epoch"] != 7


def test_a_wide_gap_without_a_rise_is_a_large_gap() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.013)))
    assert verdict.kind == "large_gap"
    assert "29.9 % worse" in verdict.sentence


def test_a_gap_that_the_harder_part_explains_is_not_large() -> None:
    verdict = judge(
        curve(falling(0.01)), curve(falling(0.012)), mean_train=0.07, mean_validation=0.084
    )
    assert verdict.kind == "converged"
    assert verdict.numbers["difficulty_offset"] == pytest.approx(0.2)
    assert "harder" in verdict.sentence


def test_a_gap_within_the_error_of_few_samples_is_not_large() -> None:
    train, validation = curve(falling(0.01)), curve(falling(0.0125))
    assert judge(train, validation, samples=270).kind == "large_gap"
    assert judge(train, validation, samples=10).kind == "converged"


def test_the_error_is_three_percent_on_270_digits() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.01)), samples=270)
    assert verdict.numbers["gap_error"] == pytest.approx(0.03, abs=0.001)


def test_worse_than_pca_is_underfit() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.0102)), pca=0.009)
    assert verdict.kind == "underfit"
    assert "PCA" in verdict.sentence


def test_better_than_pca_is_not_underfit() -> None:
    assert judge(curve(falling(0.01)), curve(falling(0.0102)), pca=0.02).kind == "converged"


def test_out_of_epochs_while_still_learning_is_underfit() -> None:
    slow = curve(falling(0.01, 20.0))
    verdict = judge(slow, slow)
    assert verdict.kind == "underfit"
    assert "still improved" in verdict.sentence


def test_early_stopping_means_that_more_epochs_would_not_have_helped() -> None:
    train = curve(falling(0.0098, 20.0), 25)
    validation = [max(value, 0.0268) for value in train]
    assert judge(train, validation, stopped_early=True).kind != "underfit"


def test_flat_and_close_is_converged() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.0102)))
    assert verdict.kind == "converged"
    assert "0.0102" in verdict.sentence


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.STOPPED])
def test_what_was_ended_by_others_is_censored(state: TrialState) -> None:
    close = curve(falling(0.01), 4)
    assert judge(close, close, state=state).kind == "censored"


def test_a_pruned_trial_that_had_overfitted_says_so() -> None:
    verdict = judge(curve(falling(0.009, 12.0)), curve(turning), state=TrialState.PRUNED)
    assert verdict.kind == "overfit"


def test_a_diverged_trial_says_so() -> None:
    verdict = judge([0.1, None], [0.1, None], state=TrialState.DIVERGED)
    assert verdict.kind == "diverged"


def test_without_an_eligible_epoch_nothing_can_be_told() -> None:
    verdict = judge([0.1, 0.1], [0.1, 0.1], first_eligible_epoch=3)
    assert verdict.kind == "censored"
    assert "Too early" in verdict.sentence


def test_epochs_of_the_warm_up_do_not_count() -> None:
    validation = [0.001] * 5 + curve(falling(0.01), 25)
    verdict = judge(curve(falling(0.0098)), validation, first_eligible_epoch=6)
    assert (verdict.numbers["best_epoch"] or 0) >= 6


levels = st.floats(1e-3, 1e3)
curves = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.lists(levels, min_size=n, max_size=n), st.lists(levels, min_size=n, max_size=n)
    )
)
scenes = st.fixed_dictionaries(
    {
        "state": st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.STOPPED]),
        "stopped_early": st.booleans(),
        "first_eligible_epoch": st.integers(1, 6),
        "samples": st.integers(1, 10_000),
    }
)


@given(curves, scenes, st.integers(-20, 20), levels)
def test_units_do_not_matter(
    pair: tuple[list[float], list[float]], scene: dict[str, Any], power: int, pca: float
) -> None:
    factor = 2.0**power
    here = judge(*pair, pca=pca, **scene)
    there = judge(*([v * factor for v in side] for side in pair), pca=pca * factor, **scene)
    assert there.kind == here.kind
    for name in ("best_epoch", "first_overfit_epoch", "gap_relative"):
        assert there.numbers.get(name) == here.numbers.get(name)


@given(curves, scenes)
def test_the_sign_of_the_metric_does_not_matter(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    lower = judge(*pair, **scene)
    higher = judge(*([-v for v in side] for side in pair), direction="maximize", **scene)
    assert higher.kind == lower.kind
    assert higher.numbers.get("gap") == lower.numbers.get("gap")


@given(curves, scenes)
def test_the_order_of_the_reports_does_not_matter(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    assert judge(*pair, **scene) == judge(*pair, shuffled=True, **scene)


@given(curves, scenes)
def test_epochs_before_the_first_eligible_one_do_not_matter_for_overfitting(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    first = scene["first_eligible_epoch"]
    assume(len(pair[0]) >= first)
    validation = [1e-3] * (first - 1) + pair[1][first - 1 :]
    verdict, other = judge(*pair, **scene), judge(pair[0], validation, **scene)
    for name in ("best_epoch", "first_overfit_epoch", "gap", "rise"):
        assert verdict.numbers[name] == other.numbers[name]


@given(curves, scenes)
def test_equal_curves_are_neither_overfit_nor_apart(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    assert judge(pair[0], pair[0], **scene).kind not in ("overfit", "large_gap")


@given(curves, scenes)
def test_validation_that_only_falls_is_never_overfit(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    assert judge(pair[0], sorted(pair[1], reverse=True), **scene).kind != "overfit"


anything = st.none() | st.floats(-1e300, 1e300)


@given(
    st.lists(st.tuples(anything, anything), max_size=12),
    st.sampled_from(sorted(TrialState)),
    st.sampled_from(["minimize", "maximize"]),
    anything,
    anything,
    anything,
)
def test_a_verdict_never_fails_and_its_numbers_are_finite(
    rows: list[tuple[Any, Any]], state: TrialState, direction: str, pca: Any, low: Any, high: Any
) -> None:
    verdict = judge(
        [row[0] for row in rows],
        [row[1] for row in rows],
        state=state,
        direction=direction,
        pca=pca,
        mean_train=low,
        mean_validation=high,
    )
    assert verdict.sentence.endswith(".")
    assert all(value is None or isfinite(value) for value in verdict.numbers.values())
