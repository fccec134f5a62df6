"""Corruption: right amounts, fresh in training, frozen in evaluation, the same in company."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tests.trainers.conftest import ArrayData
from trainers.degradation import degrade, frozen_given
from trainers.noise import Noise
from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Column, Problem
from trainers.tasks import Task

CPU = torch.device("cpu")
IMAGE_TASKS = [
    Task("reconstruct"),
    Task("denoise", noise="gaussian", level=0.1),
    Task("denoise", noise="salt_and_pepper", level=0.2),
    Task("denoise", noise="masked", level=0.3),
    Task("inpaint", mask="random", share=0.25),
    Task("inpaint", mask="block", share=0.25),
    Task("inpaint", mask="half", share=0.5),
    Task("super_resolve", factor=2),
    Task("super_resolve", factor=4),
]
TEXT_TASKS = [
    Task("denoise", noise="token_drop", level=0.3),
    Task("denoise", noise="token_swap", level=0.5),
]


def name_of(task: Task) -> str:
    return "-".join(str(value) for value in task.to_json().values())


def problem_of(task: Task) -> Problem:
    return Problem("text", (12,), task) if task in TEXT_TASKS else Problem("image", (8, 8), task)


def samples_of(problem: Problem, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if problem.kind != "text":
        return torch.rand(count, problem.features, generator=generator)
    tokens = torch.randint(4, 30, (count, 12), generator=generator).float()
    lengths = torch.randint(2, 11, (count, 1), generator=generator)
    place = torch.arange(12)
    tokens = torch.where(place < lengths, tokens, 0.0)
    return torch.where(place == lengths, 1.0, tokens)


def fresh(
    problem: Problem, target: Tensor, seeds: list[int], epoch: int = 1, step: int = 0
) -> Given:
    noise = Noise(seeds, CPU)
    noise.begin_epoch(epoch, 10)
    fill = torch.full((problem.features,), 0.5)
    return degrade(problem, target.expand(len(seeds), *target.shape), fill, noise, step)


def frozen(problem: Problem, samples: Tensor, chunk: int = 0) -> Given:
    return frozen_given(problem, samples, torch.full((problem.features,), 0.5), chunk, CPU)


def parts(given: Given) -> Iterator[Tensor]:
    return (part for part in given if part is not None)


@pytest.mark.parametrize("task", IMAGE_TASKS + TEXT_TASKS, ids=name_of)
def test_a_slots_corruption_is_the_same_alone_and_in_company(task: Task) -> None:
    problem = problem_of(task)
    target = samples_of(problem, 33)
    many, alone = fresh(problem, target, [3, 4, 5]), fresh(problem, target, [4])
    for left, right in zip(parts(many), parts(alone), strict=True):
        assert torch.equal(left[1], right[0])


@pytest.mark.parametrize("task", IMAGE_TASKS[1:7] + TEXT_TASKS, ids=name_of)
def test_training_corruption_is_fresh_in_every_slot_step_and_epoch(task: Task) -> None:
    problem = problem_of(task)
    target = samples_of(problem, 33)
    two = fresh(problem, target, [3, 4]).start
    assert not torch.equal(two[0], two[1])
    assert not torch.equal(two, fresh(problem, target, [3, 4], step=1).start)
    assert not torch.equal(two, fresh(problem, target, [3, 4], epoch=2).start)


@pytest.mark.parametrize("task", IMAGE_TASKS + TEXT_TASKS, ids=name_of)
def test_evaluation_corruption_is_frozen_and_a_shorter_chunk_gets_a_prefix(task: Task) -> None:
    problem = problem_of(task)
    samples = samples_of(problem, 33)
    once, again = frozen(problem, samples), frozen(problem, samples)
    few = frozen(problem, samples[:5])
    for left, right, short in zip(parts(once), parts(again), parts(few), strict=True):
        assert torch.equal(left, right)
        assert torch.equal(left[:5], short)


def test_chunks_of_an_evaluation_differ() -> None:
    problem = problem_of(IMAGE_TASKS[1])
    samples = samples_of(problem, 9)
    assert not torch.equal(frozen(problem, samples).start, frozen(problem, samples, 1).start)


def test_gaussian_noise_has_the_deviation_of_its_level() -> None:
    problem = problem_of(IMAGE_TASKS[1])
    samples = samples_of(problem, 4000)
    error = frozen(problem, samples).start - samples
    assert float(error.std()) == pytest.approx(0.1, rel=0.01)
    assert abs(float(error.mean())) < 1e-3


def test_salt_and_pepper_hits_its_share_half_of_it_salt() -> None:
    problem = problem_of(IMAGE_TASKS[2])
    samples = samples_of(problem, 4000).clamp(0.01, 0.99)
    noisy = frozen(problem, samples).start
    assert float((noisy == 1).float().mean()) == pytest.approx(0.1, abs=0.003)
    assert float((noisy == 0).float().mean()) == pytest.approx(0.1, abs=0.003)
    assert torch.equal(noisy, torch.where((noisy == 0) | (noisy == 1), noisy, samples))


def test_masking_noise_sets_its_share_of_the_pixels_to_zero() -> None:
    problem = Problem("image", (6, 6, 3), IMAGE_TASKS[3])
    noisy = frozen(problem, torch.ones(3000, 108)).start.view(-1, 36, 3)
    assert torch.equal(noisy.amin(-1), noisy.amax(-1))
    assert float((noisy == 0).float().mean()) == pytest.approx(0.3, abs=0.006)


@pytest.mark.parametrize("task", IMAGE_TASKS[4:7], ids=name_of)
def test_a_hole_has_its_share_and_is_filled_with_the_mean(task: Task) -> None:
    problem = problem_of(task)
    samples = samples_of(problem, 2000)
    given = frozen(problem, samples)
    assert given.known is not None
    assert task.share is not None
    assert float(1 - given.known.mean()) == pytest.approx(task.share, abs=0.01)
    assert torch.equal(given.start, torch.where(given.known > 0, samples, 0.5))


def test_a_block_is_one_rectangle_that_reaches_every_corner() -> None:
    problem = problem_of(IMAGE_TASKS[5])
    known = frozen(problem, samples_of(problem, 3000)).known
    assert known is not None
    hidden = (known == 0).view(-1, 8, 8)
    rows, columns = hidden.any(2), hidden.any(1)
    assert torch.equal(hidden, rows[:, :, None] & columns[:, None, :])
    assert set(rows.sum(1).tolist()) == set(columns.sum(1).tolist()) == {4}
    assert hidden[:, [0, 0, 7, 7], [0, 7, 0, 7]].any(0).all()


def test_every_half_is_hidden_about_as_often() -> None:
    problem = problem_of(IMAGE_TASKS[6])
    known = frozen(problem, samples_of(problem, 4000)).known
    assert known is not None
    hidden = (known == 0).view(-1, 8, 8)
    halves, counts = hidden.flatten(1).unique(dim=0, return_counts=True)
    assert len(halves) == 4
    assert (halves.sum(1) == 32).all()
    assert float(counts.min()) > 900


def test_a_tables_columns_are_hidden_whole_and_noise_leaves_categories_alone() -> None:
    columns = (Column("a", "numeric", 0, 1), Column("b", "categorical", 1, 3, ("x", "y", "z")))
    samples = torch.tensor([[0.3, 0.0, 1.0, 0.0]]).repeat(500, 1)
    hole = Problem("table", (4,), Task("inpaint", mask="random", share=0.5), columns=columns)
    known = frozen(hole, samples).known
    assert known is not None
    assert torch.equal(known[:, 1:].amin(1), known[:, 1:].amax(1))
    assert not torch.equal(known[:, 0], known[:, 1])
    noisy = frozen(Problem("table", (4,), IMAGE_TASKS[1], columns=columns), samples).start
    assert torch.equal(noisy[:, 1:], samples[:, 1:])
    masked = frozen(Problem("table", (4,), IMAGE_TASKS[3], columns=columns), samples).start
    assert set(masked[:, 0].tolist()) == {0.5, float(samples[0, 0])}


def test_dropped_tokens_leave_lengths_and_ends_alone() -> None:
    problem = problem_of(TEXT_TASKS[0])
    samples = samples_of(problem, 2000)
    noisy = frozen(problem, samples).start
    real = samples > 1
    assert torch.equal(noisy[~real], samples[~real])
    assert float((noisy[real] == 3).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(noisy, torch.where(noisy == 3, noisy, samples))


def test_swapped_tokens_are_neighbours_and_none_is_lost() -> None:
    problem = problem_of(TEXT_TASKS[1])
    samples = samples_of(problem, 2000)
    noisy = frozen(problem, samples).start
    assert torch.equal(noisy.sort(dim=1).values, samples.sort(dim=1).values)
    assert torch.equal(noisy <= 1, samples <= 1)
    nearby = [noisy == samples.roll(by, 1) for by in (-1, 0, 1)]
    assert torch.stack(nearby).any(0).all()
    assert 0.2 < float((noisy != samples)[samples > 1].float().mean()) < 0.5


def test_the_small_image_is_antialiased_and_a_constant_stays_constant() -> None:
    problem = problem_of(IMAGE_TASKS[7])
    stripes = (torch.arange(8) % 2).float().repeat(8, 1).view(1, 64)
    low = frozen(problem, stripes).low
    assert low is not None
    assert torch.allclose(low.view(4, 4)[:, 1:3], torch.tensor(0.5), atol=0.02)
    flat = frozen(problem, torch.full((1, 64), 0.7))
    assert torch.allclose(flat.start, torch.tensor(0.7), atol=1e-6)


def psnr(estimate: Tensor, target: Tensor) -> float:
    """Mean of the images' PSNR, clipped to [0, 1], in dB (truth 12)."""
    errors = (estimate.clamp(0, 1) - target).square().mean(1)
    return float(-10 * errors.log10().mean())


def test_on_digits_doing_nothing_is_worth_what_it_says(digits: ArrayData) -> None:
    samples = torch.from_numpy(digits.validation)
    noisy = frozen(Problem("image", (8, 8), Task("denoise", "gaussian", 25 / 255)), samples)
    small = frozen(Problem("image", (8, 8), Task("super_resolve", factor=2)), samples)
    assert float((noisy.start - samples).square().mean()) == pytest.approx(
        (25 / 255) ** 2, rel=0.03
    )
    nearest = small.low.view(-1, 4, 4).repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1)
    assert psnr(small.start, samples) > psnr(nearest, samples)


@pytest.mark.parametrize("task", IMAGE_TASKS + TEXT_TASKS, ids=name_of)
def test_a_plain_model_takes_away_as_much_as_training_does(task: Task) -> None:
    problem = problem_of(task)
    samples = samples_of(problem, 2000)
    model = PlainModel(problem.to_json(), {})
    plain, ours = model.corrupt(samples, torch.Generator()), frozen(problem, samples)
    for left, right in zip(plain, ours, strict=True):
        assert (left is None) == (right is None)
    changed = [float((given.start != samples).float().mean()) for given in (plain, ours)]
    assert changed[0] == pytest.approx(changed[1], abs=0.03)
