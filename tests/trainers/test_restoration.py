"""Denoising autoencoder and super-resolution: what only they do."""

import torch

from tests.trainers.conftest import ArrayData, slots_of
from trainers.base import FitPlan, Slot, Step
from trainers.denoising_autoencoder import DenoisingAutoencoderArray
from trainers.loop import ArrayRun
from trainers.problem import Problem
from trainers.tasks import RECONSTRUCT, Task

NOISY = Task("denoise", noise="gaussian", level=0.3)


def plan_for(task: Task, epochs: int = 1) -> FitPlan:
    return FitPlan(epochs, 1, None, "mse", "minimize", task)


def denoising_array(*slots: Slot, task: Task = RECONSTRUCT) -> DenoisingAutoencoderArray:
    array = DenoisingAutoencoderArray(slots, Problem("image", (8, 8), task))
    array.noise.begin_epoch(1, 1)
    return array


def test_every_slot_trains_on_noise_of_its_own_kind_and_level() -> None:
    changes = [{"noise_level": 0.5}, {"noise_level": 0.1}, {"noise_kind": "masked"}]
    slots = [slots_of("denoising_autoencoder", 1, **change)[0] for change in changes]
    target = torch.full((3, 500, 64), 0.5)
    step = Step(1, 0, torch.ones(3))
    given = denoising_array(*slots).training_given(target, step, torch.zeros(64))
    error = given.start - target
    assert 0.48 < float(error[0].std()) < 0.52
    assert 0.096 < float(error[1].std()) < 0.104
    assert set(given.start[2].unique().tolist()) == {0.0, 0.5}
    assert 0.08 < float((given.start[2] == 0).float().mean()) < 0.12
    (alone,) = denoising_array(slots[1]).training_given(target[:1], step, torch.zeros(64)).start
    assert torch.equal(alone, given.start[1])


def test_its_noise_in_training_is_not_the_tasks() -> None:
    (slot,) = slots_of("denoising_autoencoder", 1, noise_level=0.0)
    target = torch.rand(1, 20, 64)
    step = Step(1, 0, torch.ones(1))
    given = denoising_array(slot, task=NOISY).training_given(target, step, torch.zeros(64))
    assert torch.equal(given.start, target)


def test_it_is_judged_clean_or_at_the_noise_of_the_task(few_digits: ArrayData) -> None:
    values = {}
    for task in (RECONSTRUCT, NOISY):
        run = ArrayRun(
            "denoising_autoencoder",
            slots_of("denoising_autoencoder", 1),
            few_digits,
            plan_for(task),
        )
        given = run._data.validation_part.given.start
        values[task.kind] = torch.equal(given, run._data.validation_part.target)
    assert values == {"reconstruct": True, "denoise": False}


def test_a_plain_twin_makes_its_own_noise_in_training_alone() -> None:
    (slot,) = slots_of("denoising_autoencoder", 1, noise_level=0.5)
    twin = DenoisingAutoencoderArray.plain_twin(slot.config, Problem("image", (8, 8)))
    target = torch.rand(50, 64)
    assert not torch.equal(twin.train().corrupt(target).start, target)
    assert torch.equal(twin.eval().corrupt(target).start, target)
