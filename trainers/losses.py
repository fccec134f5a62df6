"""Reconstruction losses per slot: summed over features, averaged over the batch.

Every loss is a negative log-likelihood up to a constant per feature: mse (half the sum of
squares) of a Gaussian with sigma 1, l1 of a Laplace with scale 1, huber (delta 1) of its own
density, bce of a Bernoulli (on grey values it is none), gaussian with its constants.

**Effective beta.** What a KL weight means depends on the loss beside it. It is given in units
of half a sum of squares: beta times the variance of the Gaussian whose gradient does the same
work on the errors e, sum(e^2) / sum(e dL/de). That is 1 for mse, sigma^2 for gaussian,
sum(e^2) / sum|e| for l1, sum(e^2) / sum(e clip(e, -1, 1)) for huber; for bce the Bernoulli's
own variance, the mean of p (1 - p).
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.layers import sigmoid, softplus

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
LOWEST_LOG_SIGMA = -6.0
_HUBER_MASS = math.sqrt(2 * math.pi) * math.erf(math.sqrt(0.5)) + 2 * math.exp(-0.5)

CONSTANTS = {
    "mse": HALF_LOG_TWO_PI,
    "bce": 0.0,
    "l1": math.log(2.0),
    "huber": math.log(_HUBER_MASS),
    "gaussian": 0.0,
}
"""Nats per feature from the loss to the negative log-likelihood."""


def soft_clip(log_sigma: Tensor) -> Tensor:
    """A smooth lower bound of -6 for log sigma (Rybkin et al. 2021, their code)."""
    return LOWEST_LOG_SIGMA + softplus(log_sigma - LOWEST_LOG_SIGMA)


class Reconstruction:
    """One kind of loss for K slots, with a sigma of each slot's own.

    A learned sigma is the optimal one: log sigma = 1/2 log(MSE of the batch), soft-clipped at
    -6 (Rybkin, Daniilidis & Levine 2021, sigma-VAE, eq. 8). At the optimum the loss is flat in
    log sigma, so no gradient goes through it. `epoch_log_sigma` is the same over an epoch's
    batches: what evaluation uses until the next epoch ends.
    """

    def __init__(
        self, name: str, sigmas: Sequence[float | str], features: int, device: torch.device
    ) -> None:
        self.name = name
        self.features = features
        self._learned = torch.tensor([sigma == "learned" for sigma in sigmas], device=device)
        self._all_learned = bool(self._learned.all())
        self._fixed = torch.tensor(
            [0.0 if isinstance(sigma, str) else math.log(sigma) for sigma in sigmas], device=device
        )
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Forget the squares of the last epoch."""
        self._squares = torch.zeros_like(self._fixed, dtype=torch.float64)
        self._samples = 0

    def epoch_log_sigma(self) -> Tensor:
        """[K] log sigma after the batches since `begin_epoch`; the fixed one where it is fixed."""
        mean = (self._squares / max(1, self._samples * self.features)).float()
        return self._log_sigma(mean)

    def training(self, output: Tensor, target: Tensor) -> Tensor:
        """[K, B, F] twice -> [K]: the loss of a batch; `output` is logits for bce."""
        batch = output.shape[1]
        if self.name != "gaussian":
            return self._summed(output, target) * (1 / batch)
        squares = F.mse_loss(output, target, reduction="none").sum((1, 2))
        seen = squares.detach()
        self._squares += seen
        self._samples += batch
        log_sigma = self._log_sigma(seen / (batch * self.features))
        return self._gaussian(squares / batch, log_sigma)

    def total(self, output: Tensor, target: Tensor, log_sigma: Tensor) -> Tensor:
        """[K, n, F] -> [K] in float64: summed over samples, with a given log sigma [K]."""
        if self.name != "gaussian":
            return self._summed(output, target).double()
        squares = F.mse_loss(output, target, reduction="none").sum((1, 2)).double()
        samples = output.shape[1]
        return self._gaussian(squares / samples, log_sigma.double()) * samples

    def predict(self, output: Tensor) -> Tensor:
        """The reconstruction on the scale of the data."""
        return sigmoid(output) if self.name == "bce" else output

    def work(self, prediction: Tensor, error: Tensor) -> Tensor | None:
        """[K, n, F] -> [K]: what `equivalent_variance` sums for huber and bce."""
        if self.name == "huber":
            return (error * error.clamp(-1, 1)).sum((1, 2)).double()
        if self.name == "bce":
            return (prediction * (1 - prediction)).sum((1, 2)).double()
        return None

    def equivalent_variance(
        self, squares: Tensor, absolutes: Tensor, work: Tensor, log_sigma: Tensor, samples: int
    ) -> Tensor:
        """[K] the variance of the Gaussian with the same pull (see the module)."""
        if self.name == "gaussian":
            return (2 * log_sigma).exp().double()
        if self.name == "l1":
            return squares / absolutes.clamp(min=1e-12)
        if self.name == "huber":
            return squares / work.clamp(min=1e-12)
        if self.name == "bce":
            return work / (samples * self.features)
        return torch.ones_like(squares)

    def _log_sigma(self, mean_square: Tensor) -> Tensor:
        optimal = soft_clip(0.5 * mean_square.clamp(min=1e-30).log())
        return optimal if self._all_learned else torch.where(self._learned, optimal, self._fixed)

    def _gaussian(self, squares: Tensor, log_sigma: Tensor) -> Tensor:
        """Squares per sample -> negative log-likelihood per sample."""
        constants = self.features * (log_sigma + HALF_LOG_TWO_PI)
        return 0.5 * squares * (-2 * log_sigma).exp() + constants

    def _summed(self, output: Tensor, target: Tensor) -> Tensor:
        if self.name == "mse":
            return F.mse_loss(output, target, reduction="none").sum((1, 2)) * 0.5
        if self.name == "l1":
            return F.l1_loss(output, target, reduction="none").sum((1, 2))
        if self.name == "huber":
            return F.huber_loss(output, target, reduction="none").sum((1, 2))
        # Not binary_cross_entropy_with_logits: its gradient is a torch.sigmoid (see layers.py).
        return (softplus(output) - output * target).sum((1, 2))
