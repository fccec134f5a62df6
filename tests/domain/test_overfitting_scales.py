"""Verdicts on metrics of which shares say nothing, by the errors that stand for them."""

from math import log10

import pytest

from tests.domain.judging import Curve, curve, falling, judge, turning


def psnr(errors: Curve) -> list[float]:
    return [-10 * log10(error) for error in errors if error is not None]


def ssim(errors: Curve) -> list[float]:
    return [1 - error for error in errors if error is not None]


PAIRS = [
    (curve(falling(0.01)), curve(falling(0.0102))),
    (curve(falling(0.01)), curve(falling(0.0152))),
    (curve(falling(0.009, 12.0)), curve(turning)),
    (curve(falling(0.01, 20.0)), curve(falling(0.01, 20.0))),
]
KINDS = ["converged", "large_gap", "overfit", "underfit"]


@pytest.mark.parametrize(("pair", "kind"), list(zip(PAIRS, KINDS, strict=True)), ids=KINDS)
def test_psnr_and_ssim_get_the_verdict_of_the_error_that_they_stand_for(
    pair: tuple[list[float], list[float]], kind: str
) -> None:
    assert judge(*pair).kind == kind
    assert judge(*map(psnr, pair), "psnr", direction="maximize").kind == kind
    assert judge(*map(ssim, pair), "ssim", direction="maximize").kind == kind


def test_a_gap_of_decibels_is_said_in_decibels_and_judged_by_its_squared_error() -> None:
    """26.15 dB against 27.93 dB is half as much error again, and 6 % of nothing."""
    verdict = judge([27.93] * 9, [26.15] * 9, "psnr", direction="maximize", best_epoch=9)
    assert verdict.kind == "large_gap"
    assert verdict.numbers["train"] == pytest.approx(27.93)
    assert verdict.numbers["validation"] == pytest.approx(26.15)
    assert verdict.numbers["gap"] == pytest.approx(1.78)
    assert verdict.numbers["gap_relative"] == pytest.approx(10**0.178 - 1)
    assert "26.15 on validation and 27.93 on train, 1.78 dB worse" in verdict.sentence
    assert "the squared error is 50.7 % more" in verdict.sentence


def test_a_change_of_psnr_is_said_in_decibels() -> None:
    verdict = judge(*map(psnr, PAIRS[2]), "psnr", direction="maximize")
    assert verdict.kind == "overfit"
    assert verdict.numbers["rise"] == pytest.approx(10 * log10(0.0135 / 0.0105), abs=0.3)
    assert "dB (more than its noise of" in verdict.sentence


def test_the_gap_of_ssim_is_a_share_of_what_is_missing() -> None:
    verdict = judge([0.91] * 9, [0.82] * 9, "ssim", direction="maximize", best_epoch=9)
    assert verdict.kind == "large_gap"
    assert verdict.numbers["gap"] == pytest.approx(0.09)
    assert "0.09 worse: 1 - ssim is 100.0 % more" in verdict.sentence


def test_bits_per_dimension_move_with_the_units_as_the_elbo_does() -> None:
    train = curve(lambda epoch: -3.0 + 5 * 0.5**epoch)
    validation = [value + 0.3 for value in train]
    here = judge(train, validation, "bits_per_dimension", error=0.01)
    there = judge(
        [value + 3.05 for value in train],
        [value + 3.05 for value in validation],
        "bits_per_dimension",
        error=0.01,
    )
    assert here.kind == there.kind == "large_gap"
    assert here.numbers["gap_relative"] is None
