"""The super-resolution family: its array against its plain twin, and better than bicubic."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.trainers.conftest import ArrayData, config_of, slots_of
from trainers.base import Batch, FitPlan, SlotEnd, Step
from trainers.degradation import frozen_given
from trainers.doing_nothing import of_both_parts
from trainers.evaluation import load_twin, score
from trainers.loop import ArrayRun
from trainers.problem import Problem
from trainers.registry import catalog
from trainers.super_resolution import SuperResolutionArray, shuffle_pixels
from trainers.tasks import Task

FAMILY = "super_resolution"
CPU = torch.device("cpu")
TWICE = Task("super_resolve", factor=2)
SMALL = {"channels": 8, "blocks": 2}
PROBLEMS = [
    Problem("image", (8, 8), TWICE),
    Problem("image", (8, 12, 3), Task("super_resolve", factor=4)),
    Problem("image", (6, 7, 3), Task("denoise", noise="gaussian", level=0.1)),
    Problem("image", (8, 8), Task("inpaint", mask="block", share=0.25)),
]
NAMES = ["grey", "colour", "noisy", "holed"]


def plan(epochs: int = 2) -> FitPlan:
    return FitPlan(epochs, 1, None, "mse", "minimize", TWICE)


def array_of(problem: Problem, count: int, **changes: Any) -> SuperResolutionArray:
    array = SuperResolutionArray(slots_of(FAMILY, count, **SMALL | changes), problem)
    array.noise.begin_epoch(1, 1)
    array.begin_epoch()
    return array


def batch_of(problem: Problem, count: int) -> Batch:
    generator = torch.Generator().manual_seed(2)
    target = torch.rand(count, 6, problem.features, generator=generator)
    flat = frozen_given(problem, target.flatten(0, 1), torch.zeros(1), 0, CPU)
    return Batch(target, flat.map(lambda part: part.view(count, 6, -1)))


def gradient_of(array: SuperResolutionArray, batch: Batch) -> tuple[Tensor, Tensor]:
    loss = array.training_loss(batch, Step(1, 0, torch.ones(len(array.slots))), "model")
    return loss, torch.autograd.grad(loss.sum(), array.weights)[0]


@pytest.mark.parametrize("problem", PROBLEMS, ids=NAMES)
@pytest.mark.parametrize("loss", ["l1", "mse"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_training_step_equals_the_plain_twins(problem: Problem, loss: str, count: int) -> None:
    array, batch = array_of(problem, count, loss=loss), batch_of(problem, count)
    losses, gradient = gradient_of(array, batch)
    for row in range(count):
        twin: Any = array.plain_twin(array.slots[row].config, problem)
        state = array.export(row, array.weights, array.state)
        scaling = {"offset": torch.zeros(1), "scale": torch.ones(1)}
        if problem.masked:
            scaling["fill"] = torch.zeros(problem.features)
        load_twin(twin, state | scaling)
        given = batch.given.map(lambda part, row=row: part[row])
        expected = twin.train().training_loss(batch.target[row], given)
        expected.backward()
        assert losses[row].item() == pytest.approx(expected.item(), rel=1e-5)
        ours = array.layout.export(gradient[row])
        for name, parameter in twin.named_parameters():
            scale = max(1.0, parameter.grad.abs().max().item())
            torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-5 * scale)
            assert parameter.grad.abs().max() > 0, name


def test_the_catalog_counts_its_parameters() -> None:
    for problem in PROBLEMS:
        for shape in (SMALL, {"channels": 20, "blocks": 5}):
            config = config_of(FAMILY, **shape)
            twin = SuperResolutionArray.plain_twin(config, problem)
            counted = sum(parameter.numel() for parameter in twin.parameters())
            assert counted == catalog().count_parameters(FAMILY, config, problem.to_json())


def test_pixels_are_shuffled_as_torch_does() -> None:
    maps = torch.arange(2 * 3 * 2 * 2 * 12.0).view(2, 3, 2, 2, 12)
    expected = torch.pixel_shuffle(maps.permute(0, 1, 4, 2, 3), 2).permute(0, 1, 3, 4, 2)
    assert torch.equal(shuffle_pixels(maps, 2), expected)


def test_a_poisoned_slot_does_not_touch_the_others(few_digits: ArrayData) -> None:
    runs = [ArrayRun(FAMILY, slots_of(FAMILY, 3, **SMALL), few_digits, plan(1)) for _ in range(2)]
    with torch.no_grad():
        runs[1]._model.weights[1, 7] = float("nan")
    healthy, poisoned = ({end.trial: end for end in finished(run)} for run in runs)
    assert poisoned[1].state == "DIVERGED"
    assert [poisoned[trial].value for trial in (0, 2)] == [healthy[trial].value for trial in (0, 2)]


def test_a_trial_agrees_alone_and_in_company(few_digits: ArrayData) -> None:
    slots = slots_of(FAMILY, 3, **SMALL, augment_shift=1)
    together = {end.trial: end.value for end in finished(run_of(few_digits, slots))}
    (alone,) = finished(run_of(few_digits, slots[1:2]))
    assert alone.value == pytest.approx(together[1], rel=1e-4)


def run_of(data: ArrayData, slots: Any, epochs: int = 2) -> ArrayRun:
    return ArrayRun(FAMILY, slots, data, plan(epochs))


def finished(run: ArrayRun) -> list[SlotEnd]:
    ends: list[SlotEnd] = []
    while run.live:
        step = run.run_epoch()
        assert step is not None
        ends += step[1]
    return ends


def test_a_checkpoint_replays_its_value(few_digits: ArrayData, tmp_path: Path) -> None:
    (end,) = finished(run_of(few_digits, slots_of(FAMILY, 1, **SMALL)))
    assert end.weights is not None
    save_file(end.weights, tmp_path / "weights.safetensors")
    found = score(
        FAMILY,
        config_of(FAMILY, **SMALL),
        tmp_path / "weights.safetensors",
        few_digits.validation,
        100,
        PROBLEMS[0],
    )
    assert found["mse"] == pytest.approx(end.value, rel=1e-5)


def test_where_nothing_is_missing_it_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="a task that takes something away"):
        SuperResolutionArray(slots_of(FAMILY, 1), Problem("image", (8, 8)))


def test_trained_for_seconds_it_beats_the_bicubic_on_digits(digits: ArrayData) -> None:
    data = ArrayData(digits.train[:600], digits.validation[:150], (8, 8))
    run = run_of(data, slots_of(FAMILY, 1, channels=16, blocks=2, loss="mse"), epochs=8)
    _, bicubic = of_both_parts(run._data)
    (end,) = finished(run)
    assert end.validation is not None
    assert end.validation["psnr"] > bicubic["psnr"] + 1
    assert np.isfinite(bicubic["ssim"])
