"""Reconstruction losses: summed over features, averaged over the batch."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.plain.continuous_bernoulli import log_normaliser, logit_mean
from trainers.plain.similarity import scales_of, structural_similarity

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
LOWEST_LOG_SIGMA = -6.0
CHARBONNIER_EPSILON = 1e-3
SSIM_FLOOR = 1e-4
"""Terms of MS-SSIM below it count as it in training: its powers have no slope at 0."""

CONSTANTS = {
    "mse": HALF_LOG_TWO_PI,
    "bce": 0.0,
    "l1": math.log(2),
    "huber": math.log(math.sqrt(2 * math.pi) * math.erf(math.sqrt(0.5)) + 2 * math.exp(-0.5)),
    "charbonnier": 0.693143418708955,  # log(2 epsilon K1(epsilon)), K1 the modified Bessel function
    "continuous_bernoulli": 0.0,
    "gaussian": 0.0,
}
"""Nats per feature from a loss to the negative log-likelihood; the SSIM mixes have none."""


class ReconstructionLoss:
    """The loss of a batch: summed over features, averaged over samples.

    A learned sigma is the optimal one, log sigma = 1/2 log(MSE of the batch), soft-clipped at
    -6 (Rybkin, Daniilidis & Levine 2021). The SSIM mixes need the `problem`: the shape of an
    image, and the range of its values.
    """

    def __init__(self, config: Mapping[str, Any], problem: Mapping[str, Any] | None = None) -> None:
        self.name = config["loss"]
        self.sigma = config["sigma"]
        self.ssim_weight = config.get("ssim_weight", 0.0)
        self.problem = problem or {}
        self.mean_square = torch.ones(())
        """Of the last batch; what a learned sigma is frozen from."""

    def log_sigma(self, mean_square: Tensor) -> Tensor:
        """The learned log sigma for a mean squared error, or the fixed one."""
        if self.sigma == "learned":
            optimal = 0.5 * mean_square.clamp(min=1e-30).log()
            return LOWEST_LOG_SIGMA + F.softplus(optimal - LOWEST_LOG_SIGMA)
        return torch.full_like(mean_square, math.log(self.sigma))

    def predict(self, output: Tensor) -> Tensor:
        """What a network says, on the scale of the data: two of the losses look at logits."""
        if self.name == "bce":
            return torch.sigmoid(output)
        return logit_mean(output) if self.name == "continuous_bernoulli" else output

    def __call__(self, output: Tensor, target: Tensor, log_sigma: Tensor | None = None) -> Tensor:
        """[B, F] twice -> scalar; logits where `predict` says so, `log_sigma` for its own.

        Losses of logits clip the target to [0, 1], outside of which they have no lower bound.
        """
        if self.name in ("bce", "continuous_bernoulli"):
            target = target.clamp(0, 1)
        squares = (output - target) ** 2
        if self.name == "mse":
            terms = 0.5 * squares
        elif self.name == "l1":
            terms = (output - target).abs()
        elif self.name == "huber":
            terms = F.huber_loss(output, target, reduction="none")
        elif self.name == "charbonnier":
            terms = (squares + CHARBONNIER_EPSILON**2).sqrt()
        elif self.name == "bce":
            terms = F.binary_cross_entropy_with_logits(output, target, reduction="none")
        elif self.name == "continuous_bernoulli":
            terms = log_normaliser(output) - output * target
        elif self.name in ("ssim_mix", "ms_ssim_mix"):
            dissimilarity = 0.5 * (1 - self._similarity(output, target))[:, None]
            terms = 0.5 * (1 - self.ssim_weight) * squares + self.ssim_weight * dissimilarity
        else:
            self.mean_square = squares.mean().detach()
            if log_sigma is None:
                log_sigma = self.log_sigma(self.mean_square)
            terms = 0.5 * squares * (-2 * log_sigma).exp() + log_sigma + HALF_LOG_TWO_PI
        return terms.sum(1).mean()

    def _similarity(self, output: Tensor, target: Tensor) -> Tensor:
        """[B, F] twice -> [B]."""
        shape, low, high = (self.problem[name] for name in ("shape", "low", "high"))
        unit = low >= -1e-6 and high <= 1 + 1e-6
        scales = scales_of(*shape[:2]) if self.name == "ms_ssim_mix" else 1
        start, span = (0.0, 1.0) if unit else (low, high - low)
        return structural_similarity(output, target, shape, span, scales, SSIM_FLOOR, start)
