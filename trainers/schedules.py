"""What changes over a run: the learning rate, and the weight of the KL."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.base import Config


def learning_rate_share(schedule: str, step: int, total: int) -> float:
    """The share of the starting rate at a step (from 0) of `total` planned steps.

    constant: 1; cosine: half a cosine from 1 down to 0 (Loshchilov & Hutter 2017, no restarts).
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * step / total))
    raise ValueError(f"no schedule {schedule!r}")


def kl_share(warm_up: float, step: int, total: int) -> float:
    """The share of beta at a step: a straight line up to 1 over `warm_up` of all steps."""
    ramp = warm_up * total
    return 1.0 if ramp <= 0 else min(1.0, (step + 1) / ramp)


def rate_table(configs: Sequence[Config], first: int, steps: int, total: int) -> list[list[float]]:
    """The learning rate of every slot at `steps` steps from `first` on, [steps][K]."""
    return [
        [
            float(config["learning_rate"])
            * learning_rate_share(str(config["schedule"]), step, total)
            for config in configs
        ]
        for step in range(first, first + steps)
    ]


def share_table(configs: Sequence[Config], first: int, steps: int, total: int) -> Tensor:
    """The share of beta of every slot at `steps` steps from `first` on, [steps, K]."""
    return torch.tensor(
        [
            [kl_share(float(config.get("warm_up", 0.0)), step, total) for config in configs]
            for step in range(first, first + steps)
        ]
    )
