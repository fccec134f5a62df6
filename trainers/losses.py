"""Reconstruction losses per slot: summed over features, averaged over the batch.

| loss | of an error e, or of logits | a density of |
|---|---|---|
| mse | e^2 / 2 | a Gaussian with sigma 1 |
| gaussian | e^2 / (2 sigma^2) + log(sigma sqrt(2 pi)) | a Gaussian, sigma fixed or learned |
| l1 | abs(e) | a Laplace with scale 1 |
| huber | e^2 / 2, beyond 1 abs(e) - 1/2 | its own (Huber 1964), delta 1 |
| charbonnier | sqrt(e^2 + 0.001^2) | a hyperbolic distribution (Charbonnier et al. 1994) |
| bce | cross-entropy of the logits | a Bernoulli; on grey values of nothing |
| continuous_bernoulli | the same + its normaliser | a continuous Bernoulli on [0, 1] |
| ssim_mix, ms_ssim_mix | (1 - w) e^2 / 2 + w (1 - SSIM) / 2 per number | nothing: it has no ELBO |

**Effective beta.** What a KL weight means depends on the loss beside it. It is given in units
of half a sum of squares: beta times the variance of the Gaussian whose gradient does the same
work on the errors e, sum(e^2) / sum(e dL/de). That is 1 for mse, sigma^2 for gaussian,
sum(e^2) / sum|e| for l1, sum(e^2) / sum(e clip(e, -1, 1)) for huber, and
sum(e^2) / sum(e^2 / sqrt(e^2 + 0.001^2)) for charbonnier; for bce and continuous_bernoulli the
mean variance of what they predict, p (1 - p) and A''(logit), which is what divides the error in
the gradient by the mean; for the ssim mixes e dL/de is measured, as the central difference of
the loss along e.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.layers import sigmoid, softplus
from trainers.plain.continuous_bernoulli import log_normaliser, logit_mean, logit_variance
from trainers.plain.losses import (
    CHARBONNIER_EPSILON,
    CONSTANTS,
    HALF_LOG_TWO_PI,
    LOWEST_LOG_SIGMA,
    SSIM_FLOOR,
)
from trainers.plain.similarity import SMALLEST_SIDE, scales_of, structural_similarity
from trainers.problem import Problem

__all__ = ["CONSTANTS", "IMAGE_LOSSES", "LOGIT_LOSSES", "Reconstruction", "check_range"]

LOGIT_LOSSES = ("bce", "continuous_bernoulli")
"""They look at logits, and need data in [0, 1]."""
IMAGE_LOSSES = ("ssim_mix", "ms_ssim_mix")
_STEP = 0.01
"""Of the central difference, in shares of the error."""


def soft_clip(log_sigma: Tensor) -> Tensor:
    """A smooth lower bound of -6 for log sigma (Rybkin et al. 2021, their code)."""
    return LOWEST_LOG_SIGMA + softplus(log_sigma - LOWEST_LOG_SIGMA)


def check_range(loss: object, problem: Problem) -> None:
    """Raise ValueError for a loss that has no lower bound on the data."""
    if loss in LOGIT_LOSSES and not problem.in_unit_range:
        raise ValueError(
            f"{loss} needs data in [0, 1], and this goes from {problem.low:g} to {problem.high:g}: "
            "set scaling to unit, or take another loss"
        )


def has_neighbourhoods(problem: Problem | None) -> bool:
    """Whether samples are images that SSIM can look at."""
    if problem is None or problem.kind != "image":
        return False
    return min(problem.shape[:2]) >= SMALLEST_SIDE


class Reconstruction:
    """One kind of loss for K slots, with a sigma and an SSIM weight of each slot's own.

    A learned sigma is the optimal one: log sigma = 1/2 log(MSE of the batch), soft-clipped at
    -6 (Rybkin, Daniilidis & Levine 2021, sigma-VAE, eq. 8). At the optimum the loss is flat in
    log sigma, so no gradient goes through it. `epoch_log_sigma` is the same over an epoch's
    batches: what evaluation uses until the next epoch ends.

    With a `problem` the image losses know their images, and the Meter its extra metrics. Raises
    ValueError for an image loss without images.
    """

    def __init__(
        self,
        name: str,
        sigmas: Sequence[float | str],
        features: int,
        device: torch.device,
        problem: Problem | None = None,
        ssim_weights: Sequence[float] = (),
    ) -> None:
        self.name = name
        self.features = features
        self.problem = problem
        self._learned = torch.tensor([sigma == "learned" for sigma in sigmas], device=device)
        self._all_learned = bool(self._learned.all())
        self._fixed = torch.tensor(
            [0.0 if isinstance(sigma, str) else math.log(sigma) for sigma in sigmas], device=device
        )
        self._weights = torch.tensor(ssim_weights or [0.0] * len(sigmas), device=device)
        if name in IMAGE_LOSSES and not has_neighbourhoods(problem):
            raise ValueError(f"{name} compares images of 3 x 3 pixels or more: use mse here")
        self.begin_epoch()

    @classmethod
    def of(
        cls, configs: Sequence[Mapping[str, Any]], problem: Problem, device: torch.device
    ) -> Self:
        """The loss that the configs of an array's slots name."""
        return cls(
            str(configs[0]["loss"]),
            [config.get("sigma", 1.0) for config in configs],
            problem.features,
            device,
            problem,
            [float(config.get("ssim_weight", 0.0)) for config in configs],
        )

    def begin_epoch(self) -> None:
        """Forget the squares of the last epoch."""
        self._squares = torch.zeros_like(self._fixed, dtype=torch.float64)
        self._samples = 0

    def epoch_log_sigma(self) -> Tensor:
        """[K] log sigma after the batches since `begin_epoch`; the fixed one where it is fixed."""
        mean = (self._squares / max(1, self._samples * self.features)).float()
        return self._log_sigma(mean)

    def training(self, output: Tensor, target: Tensor) -> Tensor:
        """[K, B, F] twice -> [K]: the loss of a batch; `output` is logits for LOGIT_LOSSES."""
        batch = output.shape[1]
        if self.name != "gaussian":
            terms = self._terms(output, target).sum((1, 2))
            if self.name in IMAGE_LOSSES:
                return self._mix(terms, self._dissimilarity(output, target).sum(1)) * (1 / batch)
            return terms * (1 / batch)
        squares = F.mse_loss(output, target, reduction="none").sum((1, 2))
        seen = squares.detach()
        self._squares += seen
        self._samples += batch
        log_sigma = self._log_sigma(seen / (batch * self.features))
        return self._gaussian(squares / batch, log_sigma)

    def of_samples(self, output: Tensor, target: Tensor, log_sigma: Tensor) -> Tensor:
        """[K, n, F] -> [K, n] in float64: of every sample, with a given log sigma [K].

        Train lies in [0, 1] for LOGIT_LOSSES, other parts are clipped to it: there is no density
        outside, and no lower bound.
        """
        if self.name in LOGIT_LOSSES:
            target = target.clamp(0, 1)
        if self.name == "gaussian":
            squares = F.mse_loss(output, target, reduction="none").sum(2).double()
            return self._gaussian(squares, log_sigma.double()[:, None])
        terms = self._terms(output, target).sum(2).double()
        if self.name in IMAGE_LOSSES:
            return self._mix(terms, self._dissimilarity(output, target).double())
        return terms

    def total(self, output: Tensor, target: Tensor, log_sigma: Tensor) -> Tensor:
        """[K, n, F] -> [K] in float64: summed over samples, with a given log sigma [K]."""
        return self.of_samples(output, target, log_sigma).sum(1)

    def predict(self, output: Tensor) -> Tensor:
        """The reconstruction on the scale of the data: the mean of the loss's density."""
        if self.name == "bce":
            return sigmoid(output)
        return logit_mean(output) if self.name == "continuous_bernoulli" else output

    def work(self, output: Tensor, prediction: Tensor, target: Tensor) -> Tensor | None:
        """[K, n, F] -> [K]: what `equivalent_variance` divides by, or the variance itself."""
        error = prediction - target
        if self.name == "huber":
            return (error * error.clamp(-1, 1)).sum((1, 2)).double()
        if self.name == "charbonnier":
            squares = error.square()
            return (squares / (squares + CHARBONNIER_EPSILON**2).sqrt()).sum((1, 2)).double()
        if self.name == "bce":
            return (prediction * (1 - prediction)).sum((1, 2)).double()
        if self.name == "continuous_bernoulli":
            return logit_variance(output).sum((1, 2)).double()
        if self.name in IMAGE_LOSSES:
            ends = [target + (1 + step) * error for step in (_STEP, -_STEP)]
            zero = torch.zeros(len(output), device=output.device)
            upper, lower = (self.total(end, target, zero) for end in ends)
            return (upper - lower) / (2 * _STEP)
        return None

    def equivalent_variance(
        self, squares: Tensor, absolutes: Tensor, work: Tensor, log_sigma: Tensor, samples: int
    ) -> Tensor:
        """[K] the variance of the Gaussian with the same pull (see the module)."""
        if self.name == "gaussian":
            return (2 * log_sigma).exp().double()
        if self.name == "mse":
            return torch.ones_like(squares)
        if self.name in LOGIT_LOSSES:
            return work / (samples * self.features)
        return squares / (absolutes if self.name == "l1" else work).clamp(min=1e-12)

    def _log_sigma(self, mean_square: Tensor) -> Tensor:
        optimal = soft_clip(0.5 * mean_square.clamp(min=1e-30).log())
        return optimal if self._all_learned else torch.where(self._learned, optimal, self._fixed)

    def _gaussian(self, squares: Tensor, log_sigma: Tensor) -> Tensor:
        """Squares per sample -> negative log-likelihood per sample."""
        constants = self.features * (log_sigma + HALF_LOG_TWO_PI)
        return 0.5 * squares * (-2 * log_sigma).exp() + constants

    def _terms(self, output: Tensor, target: Tensor) -> Tensor:
        """[K, n, F]: the loss of every number; of the mixes, their squares."""
        if self.name == "l1":
            return F.l1_loss(output, target, reduction="none")
        if self.name == "huber":
            return F.huber_loss(output, target, reduction="none")
        if self.name == "charbonnier":
            squares = F.mse_loss(output, target, reduction="none")
            return (squares + CHARBONNIER_EPSILON**2).sqrt()
        # Not binary_cross_entropy_with_logits: its gradient is a torch.sigmoid (see layers.py).
        if self.name == "bce":
            return softplus(output) - output * target
        if self.name == "continuous_bernoulli":
            return log_normaliser(output) - output * target
        return F.mse_loss(output, target, reduction="none") * 0.5

    def _dissimilarity(self, output: Tensor, target: Tensor) -> Tensor:
        """[K, n, F] -> [K, n]: F (1 - SSIM) / 2, slot by slot, so that its bits are its own."""
        assert self.problem is not None
        shape, span, low = self.problem.shape, self.problem.span, self.problem.bounds[0]
        scales = scales_of(*shape[:2]) if self.name == "ms_ssim_mix" else 1
        similarity = [
            structural_similarity(one, other, shape, span, scales, SSIM_FLOOR, low)
            for one, other in zip(output, target.expand_as(output), strict=True)
        ]
        return 0.5 * self.features * (1 - torch.stack(similarity))

    def _mix(self, squares: Tensor, dissimilarity: Tensor) -> Tensor:
        weights = self._weights.to(squares.dtype)
        weights = weights[:, None] if squares.dim() > 1 else weights
        return (1 - weights) * squares + weights * dissimilarity
