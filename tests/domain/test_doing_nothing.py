"""Doing nothing: what it is called, how a result compares with it, and when it wins."""

from typing import Any

import pytest

from service.domain.doing_nothing import (
    TaskBaseline,
    names_doing_nothing,
    say_comparison,
    warn_of_worse_than_nothing,
)
from service.domain.linter import lint_result
from service.domain.records import Trial
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec
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


def scored(resolved: ResolvedSpec, mse: float, **fields: Any) -> Trial:
    metrics = {"train": {"mse": mse}, "validation": {"mse": mse}}
    return records.trial(resolved, 3, **{"value": mse, "metrics": metrics, **fields})


def test_a_winner_that_its_own_input_beats_is_warned_of() -> None:
    resolved = resolve(spec(family="autoencoder"), CATALOG, DIGITS)
    winner = scored(resolved, 0.02)
    (notice,) = warn_of_worse_than_nothing(NOTHING, MSE, winner)
    assert notice.code == "worse-than-nothing"
    assert "trial 3 won with mse 0.02, and the noisy input itself has 0.01" in notice.message
    assert warn_of_worse_than_nothing(NOTHING, MSE, scored(resolved, 0.005)) == []
    assert warn_of_worse_than_nothing(NOTHING, MSE, None) == []
    codes = [each.code for each in lint_result(resolved, CATALOG, [winner], NOTHING)]
    assert "worse-than-nothing" in codes


@pytest.mark.parametrize(
    "objective",
    [
        [{"metric": "kl"}, {"metric": "mse"}],
        {"metric": "parameters", "subject_to": [{"metric": "mse", "at_most": 0.1}]},
        {
            "metric": "elbo",
            "direction": "maximize",
            "subject_to": [{"metric": "mse", "at_most": 0.1}],
        },
    ],
    ids=str,
)
def test_doing_nothing_is_compared_by_what_says_how_good_a_model_is(objective: Any) -> None:
    """A cost has no do-nothing value, nor has a likelihood."""
    resolved = resolve(spec(objective=objective), CATALOG, DIGITS)
    assert NOTHING.judged_by(resolved.aims) == "mse"
    part = {"mse": 0.02, "kl": 3.0, "elbo": -9.0}
    metrics = {"train": part, "validation": part}
    winner = scored(resolved, 0.02, value=3.0, metrics=metrics, complexity={"parameters": 9.0})
    notices = lint_result(resolved, CATALOG, [winner], NOTHING)
    (said,) = [each.message for each in notices if each.code == "worse-than-nothing"]
    assert "won with mse 0.02" in said


def test_where_nothing_of_worth_is_known_the_first_objective_names_the_comparison() -> None:
    resolved = resolve(spec(objective={"metric": "mae"}), CATALOG, DIGITS)
    assert NOTHING.judged_by(resolved.aims) == "mae"
    assert NOTHING.comparison(metric("mae"), {"mae": 0.1})["gain_validation"] is None
