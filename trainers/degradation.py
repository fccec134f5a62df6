"""What a task takes away from samples: fresh in training, frozen in evaluation (rule R4)."""

import torch
from torch import Tensor

from trainers.corruptions import add_noise, draw_known
from trainers.draws import Draws, FrozenDraws, StepDraws
from trainers.noise import Noise
from trainers.plain.given import Given
from trainers.plain.resampling import enlarge, shrink
from trainers.problem import Problem

EVALUATION_SEED = 20_260_101
"""Freezes the corruption of evaluation: the same for all trials, studies and epochs."""


def degrade(problem: Problem, target: Tensor, fill: Tensor, noise: Noise, step: int) -> Given:
    """What the models see of a training batch [K, B, F], keyed by slot, epoch and step.

    `fill` [F] is the mean of the training part, which stands in for what is missing.
    """
    return _take_away(problem, target, fill, StepDraws(noise, step, target.shape[1]))


def frozen_given(
    problem: Problem, samples: Tensor, fill: Tensor, chunk: int, device: torch.device
) -> Given:
    """What every model sees of evaluation samples [n, F], the same for all trials and epochs.

    `chunk` counts the chunks of the part; the first rows of a chunk do not depend on how many
    follow.
    """
    if problem.task.kind in ("reconstruct", "super_resolve"):
        return _take_away(problem, samples, fill, None)
    draws = FrozenDraws(Noise([EVALUATION_SEED], device), chunk, len(samples))
    return _take_away(problem, samples[None], fill, draws).map(lambda part: part[0])


def _take_away(problem: Problem, target: Tensor, fill: Tensor, draws: Draws | None) -> Given:
    task = problem.task
    if task.kind == "reconstruct":
        return Given(target)
    if task.kind == "super_resolve":
        assert task.factor is not None
        size = (problem.height, problem.width, problem.channels, task.factor)
        low = shrink(target, *size)
        return Given(enlarge(low, *size), low=low)
    assert draws is not None
    if task.kind == "denoise":
        assert task.noise is not None and task.level is not None
        return Given(add_noise(problem, target, task.noise, task.level, fill, draws))
    known = draw_known(problem, draws)
    return Given(torch.where(known > 0, target, fill), known=known)
