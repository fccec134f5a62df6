"""What a task takes away from samples: fresh in training, frozen in evaluation (rule R4)."""

import torch
from torch import Tensor

from trainers.draws import FrozenDraws, StepDraws
from trainers.noise import Noise
from trainers.plain.corruption import take_away
from trainers.plain.given import Given
from trainers.problem import Problem

EVALUATION_SEED = 20_260_101
"""Freezes the corruption of evaluation: the same for all trials, studies and epochs."""


def degrade(problem: Problem, target: Tensor, fill: Tensor, noise: Noise, step: int) -> Given:
    """What the models see of a training batch [K, B, F], keyed by slot, epoch and step.

    `fill` [F] is the mean of the training part, which stands in for what is missing.
    """
    return take_away(problem.fields, target, fill, StepDraws(noise, step, target.shape[1]))


def frozen_given(
    problem: Problem, samples: Tensor, fill: Tensor, chunk: int, device: torch.device
) -> Given:
    """What every model sees of evaluation samples [n, F], the same for all trials and epochs.

    `chunk` counts the chunks of the part; the first rows of a chunk do not depend on how many
    follow.
    """
    draws = FrozenDraws(Noise([EVALUATION_SEED], device), chunk, len(samples))
    return take_away(problem.fields, samples[None], fill, draws).map(lambda part: part[0])
