from math import exp
from random import Random

import pytest

from service.domain.states import TrialState
from tests.domain.judging import EPOCHS, curve, falling, judge, turning


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


def test_the_error_of_the_gap_is_that_of_both_means() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.01)), error=0.001)
    assert verdict.numbers["gap_se"] == pytest.approx(0.001 * 2**0.5)
    assert verdict.numbers["gap_error"] == pytest.approx(0.1 * 2**0.5, rel=0.01)


def test_a_gap_within_its_measured_error_is_not_large() -> None:
    train, validation = curve(falling(0.01)), curve(falling(0.0125))
    assert judge(train, validation, error=0.0005).kind == "large_gap"
    assert judge(train, validation, error=0.001).kind == "converged"


def test_without_a_measured_error_it_is_four_percent_on_270_digits() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.01)), samples=270)
    assert verdict.numbers["gap_error"] == pytest.approx(0.043, abs=0.001)


def test_worse_than_pca_is_underfit() -> None:
    verdict = judge(curve(falling(0.01)), curve(falling(0.0102)), pca=0.009)
    assert verdict.kind == "underfit"
    assert "PCA" in verdict.sentence


def test_a_text_model_worse_than_an_n_gram_is_underfit() -> None:
    worse = judge(curve(falling(2.3)), curve(falling(2.4)), "token_cross_entropy", ngram=2.2)
    assert worse.kind == "underfit"
    assert "the best n-gram model reaches 2.2 on validation, this model 2.4" in worse.sentence
    better = judge(curve(falling(2.0)), curve(falling(2.1)), "token_cross_entropy", ngram=2.2)
    assert better.kind == "converged"


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


def test_what_stopped_early_does_not_claim_that_it_was_still_learning() -> None:
    train = curve(falling(0.0098, 20.0), 25)
    validation = [max(value, 0.0268) for value in train]
    verdict = judge(train, validation, stopped_early=True, pca=0.02)
    assert verdict.kind == "underfit"
    assert "PCA" in verdict.sentence
    assert "still improved" not in verdict.sentence


def test_train_and_validation_that_both_get_worse_are_called_unstable() -> None:
    verdict = judge(curve(turning), curve(turning))
    best = verdict.numbers["best_epoch"]
    assert "nstable" in verdict.sentence
    assert f"validation and train both got worse after epoch {best}" in verdict.sentence
    assert "not get worse" not in verdict.sentence
    wide = judge(curve(turning), [value * 1.5 for value in curve(turning)])
    assert wide.kind == "large_gap"
    assert f"both got worse after epoch {best}" in wide.sentence


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_course_of_validation_is_told_as_worse_not_as_up(sign: float) -> None:
    direction = "minimize" if sign == 1.0 else "maximize"
    flat = [sign * max(value, 0.0105) for value in curve(falling(0.01))]
    verdict = judge(flat, flat, direction=direction, best_epoch=25)
    assert verdict.kind == "converged"
    assert "validation did not get worse afterwards" in verdict.sentence
    assert "upwards" not in verdict.sentence


@pytest.mark.parametrize(
    ("direction", "kind"), [("minimize", "converged"), ("maximize", "underfit")]
)
def test_worse_than_pca_knows_the_direction_of_the_metric(direction: str, kind: str) -> None:
    flat = [1.0] * EPOCHS
    verdict = judge(flat, flat, direction=direction, pca=2.0)
    assert verdict.kind == kind
    assert ("PCA" in verdict.sentence) == (kind == "underfit")


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
