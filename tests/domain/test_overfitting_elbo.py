"""Verdicts on a metric whose zero is arbitrary."""

from math import exp

import pytest

from service.domain.records import Verdict
from tests.domain.judging import Curve, curve, judge


def elbo(floor: float, shift: float, rise: float = 0.0) -> list[float]:
    """Rises by 50 nats to -floor + shift, from epoch 12 on falls by `rise` an epoch."""
    return curve(lambda epoch: shift - floor - 50 * exp(-epoch / 3) - rise * max(0, epoch - 12))


def judge_elbo(train: Curve, validation: Curve, error: float = 0.5) -> Verdict:
    return judge(train, validation, "elbo", direction="maximize", error=error)


@pytest.mark.parametrize("shift", [-500.0, 0.0, 20.0, 20.5, 1000.0])
def test_an_elbo_is_judged_by_its_range_wherever_its_zero_is(shift: float) -> None:
    train = elbo(19, shift)
    assert judge_elbo(train, elbo(20, shift)).kind == "converged"
    assert judge_elbo(train, elbo(25, shift)).kind == "large_gap"
    assert judge_elbo(train, elbo(25, shift), error=5).kind == "converged"
    slow = curve(lambda epoch: shift - 50 * exp(-epoch / 12))
    assert judge_elbo(slow, elbo(20, shift, rise=0.2)).kind == "overfit"


def test_an_elbo_has_a_gap_in_nats_and_no_shares_of_its_level() -> None:
    verdict = judge_elbo(elbo(19, 0), elbo(25, 0))
    assert verdict.numbers["gap_relative"] is None
    assert verdict.numbers["gap_error"] is None
    assert verdict.numbers["gap"] == pytest.approx(6, abs=0.01)
    assert verdict.numbers["gap_se"] == pytest.approx(0.5 * 2**0.5)
    assert "6 worse (error 0.71)" in verdict.sentence
    assert "10 % of the range" in verdict.sentence


def test_an_elbo_near_zero_is_no_sign_of_underfitting() -> None:
    """In the last tenth it improves by more than its level, and by 0.1 % of the way it came."""
    level = elbo(20, 20.0)
    assert judge_elbo(level, level).kind == "converged"
