"""Doing nothing: what it is called, how a result compares with it, and when it wins."""

import pytest

from service.domain.doing_nothing import (
    TaskBaseline,
    names_doing_nothing,
    say_comparison,
    warn_of_worse_than_nothing,
)
from service.domain.linter import lint_result
from service.domain.resolve import resolve
from service.domain.tasks import DenoiseTask, InpaintTask, ReconstructTask, SuperResolveTask
from tests.domain import records
from tests.domain.catalog import CATALOG, DIGITS, metric, spec

MSE = metric("mse")
PSNR = metric("psnr", reconstruction=False).model_copy(update={"unit": "dB"})
NOTHING = TaskBaseline(
    task={"kind": "denoise"},
    name="the noisy input",
    train={"mse": 0.0101, "psnr": 20.0},
    validation={"mse": 0.01, "psnr": 20.0},
)


def test_each_task_has_its_own_do_nothing() -> None:
    tasks = (DenoiseTask(), InpaintTask(), SuperResolveTask(), ReconstructTask())
    assert [names_doing_nothing(task) for task in tasks] == [
        "the noisy input",
        "the mean in the hole",
        "the bicubic enlargement",
        None,
    ]


def test_a_better_result_is_said_in_times_or_in_decibels() -> None:
    by_error = say_comparison(NOTHING, MSE, 0.0025)
    by_decibel = say_comparison(NOTHING, PSNR, 27.5)
    assert by_error == (
        "Better than doing nothing: mse 0.0025 against 0.01 of the noisy input, 4 times less."
    )
    assert by_decibel == (
        "Better than doing nothing: psnr 27.5 dB against 20 dB of the noisy input, 7.5 dB more."
    )


def test_a_worse_and_an_equal_result_are_called_so() -> None:
    assert str(say_comparison(NOTHING, MSE, 0.02)).startswith("Worse than doing nothing")
    assert str(say_comparison(NOTHING, MSE, 0.01)).startswith("The same as doing nothing")
    assert say_comparison(NOTHING, metric("mae"), 0.1) is None


def test_side_by_side_there_is_a_gain_and_a_ratio_and_no_test_before_its_time() -> None:
    beside = NOTHING.comparison(MSE, {"mse": 0.0025})
    assert beside["gain_validation"] == pytest.approx(0.0075)
    assert beside["ratio_validation"] == pytest.approx(0.25)
    assert beside["test"] is beside["gain_test"] is beside["ratio_test"] is None
    assert beside["name"] == "the noisy input"


def test_a_winner_that_its_own_input_beats_is_warned_of() -> None:
    resolved = resolve(spec(family="autoencoder"), CATALOG, DIGITS)
    winner = records.trial(resolved, 3, value=0.02)
    (notice,) = warn_of_worse_than_nothing(NOTHING, MSE, winner)
    assert notice.code == "worse-than-nothing"
    assert "trial 3" in notice.message
    better = records.trial(resolved, 3, value=0.005)
    assert warn_of_worse_than_nothing(NOTHING, MSE, better) == []
    codes = [each.code for each in lint_result(resolved, CATALOG, [winner], NOTHING)]
    assert "worse-than-nothing" in codes
