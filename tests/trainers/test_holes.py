"""Hole and known values are scored apart."""

import math

import pytest
import torch
from torch import Tensor

from service.domain.task_checks import block_of
from tests.trainers.conftest import ArrayData, slots_of
from trainers.base import FitPlan
from trainers.holes import HoleErrors
from trainers.loop import ArrayRun
from trainers.plain.corruption import GeneratorDraws, draw_known
from trainers.tasks import Task


def drawn(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(5))


def results(prediction: Tensor, target: Tensor, known: Tensor, chunk: int) -> dict[str, Tensor]:
    holes = HoleErrors()
    for start in range(0, len(target), chunk):
        rows = slice(start, start + chunk)
        holes.add(prediction[:, rows], target[rows], known[rows])
    return holes.results()


def test_every_hidden_value_counts_alike_and_every_known_one() -> None:
    prediction, target = drawn(2, 30, 12), drawn(30, 12).flip(0)
    known = (drawn(30, 12) > 0.3).float()
    found = results(prediction, target, known, 7)
    squares = (prediction - target).square().double()
    for slot in range(2):
        hidden = squares[slot][known == 0].mean()
        given = squares[slot][known == 1].mean()
        assert float(found["hole_mse"][slot]) == pytest.approx(float(hidden), rel=1e-6)
        assert float(found["known_mse"][slot]) == pytest.approx(float(given), rel=1e-6)


def test_with_equal_holes_the_standard_error_is_that_of_a_mean() -> None:
    prediction, target = drawn(1, 40, 10), torch.zeros(40, 10)
    known = (torch.arange(10) > 3).float().expand(40, 10)
    found = results(prediction, target, known, 40)
    means = prediction[0, :, :4].square().mean(1).double()
    expected = float(means.std() / math.sqrt(40))
    assert float(found["hole_mse_se"]) == pytest.approx(expected, rel=1e-5)


def test_a_task_that_hides_nothing_has_no_such_metrics() -> None:
    holes = HoleErrors()
    holes.add(drawn(1, 3, 4), drawn(3, 4), None)
    assert holes.results() == {}


def test_a_trial_on_inpaint_reports_them_on_both_parts(few_digits: ArrayData) -> None:
    plan = FitPlan(
        epochs=1,
        first_eligible_epoch=1,
        early_stopping=None,
        metric="hole_mse",
        direction="minimize",
        task=Task("inpaint", mask="block", share=0.25),
    )
    run = ArrayRun("autoencoder", slots_of("autoencoder", 2), few_digits, plan)
    step = run.run_epoch()
    assert step is not None
    for report in step[0]:
        for part in (report.train, report.validation):
            mixed = 0.25 * part["hole_mse"] + 0.75 * part["known_mse"]
            assert part["mse"] == pytest.approx(mixed, rel=1e-5)
            assert part["hole_mse_se"] > 0
    assert [end.value for end in step[1]] == [each.validation["hole_mse"] for each in step[0]]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 8), (5, 12), (28, 28)], ids=str)
def test_the_service_knows_the_block_that_a_share_hides(size: tuple[int, int]) -> None:
    """It refuses those that are the whole image, and does not import torch."""
    for share in torch.linspace(0.01, 0.99, 25).tolist():
        task = {"kind": "inpaint", "mask": "block", "share": share}
        problem = {"task": task, "kind": "image", "shape": [*size], "columns": []}
        hidden = draw_known(problem, GeneratorDraws(torch.zeros(1, 1))).eq(0).sum()
        tall, wide = block_of(*size, share)
        assert int(hidden) == tall * wide
