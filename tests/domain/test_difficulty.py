"""The difficulty offset of two parts is as uncertain as the gap that it corrects."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service.domain.overfitting import MeanSample
from service.domain.records import Verdict
from tests.domain.judging import judge


def judge_flat(train: float, validation: float, **changes: Any) -> Verdict:
    arguments: dict[str, Any] = {"best_epoch": 9, "stopped_early": True, **changes}
    return judge([train] * 9, [validation] * 9, **arguments)


def test_an_easier_part_does_not_make_a_gap_of_one_within_its_error() -> None:
    """Seen: 6.4 % worse, give or take 8.6 %, called large as validation was 28 % easier."""
    verdict = judge_flat(
        0.2323, 0.2471, error=0.0141, mean=MeanSample(0.1, 0.072, 0.005, 0.004), samples=45
    )
    assert verdict.kind == "converged"
    assert verdict.numbers["difficulty_offset"] == pytest.approx(-0.28)
    assert verdict.numbers["gap_net"] == pytest.approx(2 * 0.0148 / 0.2323)
    assert "28.0 % easier, which at most doubles a gap, net 12.7 % worse" in verdict.sentence


def test_an_easier_part_makes_no_gap_where_validation_is_better() -> None:
    verdict = judge_flat(0.1, 0.09, error=0.0001, mean=MeanSample(0.1, 0.05, 0.0001, 0.0001))
    assert verdict.kind == "converged"
    assert verdict.numbers["gap_net"] == pytest.approx(-0.1)
    assert "makes no gap alone, net 10.0 % better" in verdict.sentence


def test_a_known_gap_that_an_easier_part_hides_is_large() -> None:
    known = MeanSample(0.1, 0.08, 0.0001, 0.0001)
    verdict = judge_flat(0.1, 0.108, error=0.0001, mean=known)
    assert verdict.kind == "large_gap"
    assert "net 16.0 % worse" in verdict.sentence


def test_the_error_of_the_offset_is_added_to_that_of_the_gap() -> None:
    exact = MeanSample(0.1, 0.095, 0.0001, 0.0001)
    assert judge_flat(0.1, 0.115, error=0.004, mean=exact).kind == "large_gap"
    vague = MeanSample(0.1, 0.095, 0.01, 0.01)
    verdict = judge_flat(0.1, 0.115, error=0.004, mean=vague)
    assert verdict.kind == "converged"
    offset_error = 0.95 * (0.1**2 + (0.01 / 0.095) ** 2) ** 0.5
    assert verdict.numbers["difficulty_error"] == pytest.approx(offset_error)
    both = (offset_error**2 + 2 * 0.04**2) ** 0.5
    assert verdict.numbers["gap_net_error"] == pytest.approx(both)


def test_without_recorded_errors_the_offset_has_those_of_the_rule_of_thumb() -> None:
    verdict = judge_flat(0.1, 0.1, mean=MeanSample(0.1, 0.1001), samples=270)
    assert verdict.numbers["difficulty_error"] == pytest.approx(0.043, abs=0.001)


@pytest.mark.parametrize("constant", [0.5, 0.2, 0.0])
@pytest.mark.parametrize("samples", [45, 270])
def test_a_model_that_learned_nothing_has_seldom_a_large_gap(constant: float, samples: int) -> None:
    """Train and validation are drawn alike, and it answers the same to all: no gap is real.

    At most 1 % of 300 draws, and chance; it was 3 to 10 %.
    """
    draws = np.random.default_rng(samples)

    def part() -> npt.NDArray[np.float64]:
        return np.stack([*draws.normal(0.5, 0.18, (2, samples)), draws.random(samples)], 1)

    def score(rows: npt.NDArray[np.float64], answer: float) -> tuple[float, float]:
        errors = np.square(rows - answer).mean(1)
        return float(errors.mean()), float(errors.std(ddof=1) / samples**0.5)

    found = 0
    for _ in range(300):
        train, validation = part(), part()
        (left, left_error), (right, right_error) = (
            score(train, constant),
            score(validation, constant),
        )
        (easy, easy_error), (hard, hard_error) = score(train, 0.5), score(validation, 0.5)
        verdict = judge_flat(
            left,
            right,
            error=((left_error**2 + right_error**2) / 2) ** 0.5,
            mean=MeanSample(easy, hard, easy_error, hard_error),
            samples=samples,
        )
        found += verdict.kind == "large_gap"
    assert found <= 6
