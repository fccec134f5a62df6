"""Metrics of K slots over one part of the data, gathered chunk by chunk in float64."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.losses import CONSTANTS, Reconstruction

ACTIVE_VARIANCE = 0.01
"""A latent unit is active when its posterior mean varies by more than this (Burda et al. 2016)."""

STANDARD_ERROR = "_se"
"""`mse_se` is the standard error of `mse` over samples; one sample has none."""


@dataclass(frozen=True)
class Outputs:
    """What a model says of n samples, eval mode; K leads everywhere."""

    prediction: Tensor
    """[K, n, F] reconstruction on the scale of the data; a VAE decodes the posterior mean."""
    likelihood: Tensor
    """[K, n, F] what the loss looks at: logits for bce; a VAE decodes frozen samples of z."""
    mean: Tensor | None = None
    """[K, n, L] of the posterior."""
    log_variance: Tensor | None = None
    loss: Tensor | None = None
    """[K] summed over samples, where the model itself says what its loss is."""


def kl_per_dimension(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) summed over samples, [K, n, L] -> [K, L]."""
    return 0.5 * _doubled_kl(mean, log_variance).sum(1)


def _doubled_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Twice the KL of every sample and dimension, [K, n, L]."""
    return mean.square() + log_variance.exp() - 1 - log_variance


class Meter:
    """Sums of one part of the data, and the metrics they give.

    `scale` ([1] or [F]) turns errors into raw units. With `beta` and `free_bits` ([K]) there is
    a KL: then kl, active_units and elbo are reported too. The loss stands at its target: full
    beta. Means over samples that a study may rank by (mse, mae, elbo) come with their standard
    errors, `mse_se` and so on.
    """

    def __init__(
        self,
        loss: Reconstruction,
        log_sigma: Tensor,
        scale: Tensor,
        beta: Tensor | None = None,
        free_bits: Tensor | None = None,
    ) -> None:
        self._loss = loss
        self._log_sigma = log_sigma
        self._scale = scale.double()
        self._beta = beta
        self._free_bits = free_bits
        self._samples = 0
        self._sums: dict[str, Tensor] = {}

    def add(self, samples: Tensor, outputs: Outputs) -> None:
        """Take in a chunk: samples [n, F] and what the models made of them."""
        target = samples.expand_as(outputs.prediction)
        error = outputs.prediction - target
        self._samples += len(samples)
        squares, absolutes = error.square(), error.abs()
        self._gather("squares", squares.sum(1).double())
        self._gather("absolutes", absolutes.sum(1).double())
        self._gather_spread("mse", squares.mean(2).double())
        self._gather_spread("mae", absolutes.mean(2).double())
        if outputs.mean is None or outputs.log_variance is None:
            loss = outputs.loss
            if loss is None:
                loss = self._loss.total(outputs.likelihood, target, self._log_sigma)
            self._gather("loss", loss)
            return
        kl = 0.5 * _doubled_kl(outputs.mean, outputs.log_variance)  # [K, n, L]
        if outputs.loss is None:
            nats = self._nats(outputs.likelihood, samples)
            self._gather("loss", nats.sum(1))
            self._gather_spread("elbo", nats + kl.sum(2))
        else:
            self._gather("loss", outputs.loss)
        work = self._loss.work(outputs.prediction, error)
        if work is not None:
            self._gather("work", work)
        self._gather("kl", kl.sum(1).double())
        mean = outputs.mean.double()
        self._gather("means", mean.sum(1))
        self._gather("mean_squares", mean.square().sum(1))

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64."""
        count = self._samples
        squares = self._sums["squares"] / count  # [K, F]
        absolutes = self._sums["absolutes"] / count
        reconstruction = self._sums["loss"] / count
        metrics = {
            "loss": reconstruction,
            "reconstruction": reconstruction,
            "mse": squares.mean(1),
            "mae": absolutes.mean(1),
            "mse_raw": (squares * self._scale.square()).mean(1),
            "mae_raw": (absolutes * self._scale).mean(1),
            **self._standard_errors(),
        }
        if self._beta is None or self._free_bits is None:
            return metrics
        kl = self._sums["kl"] / count  # [K, L]
        charged = torch.maximum(kl, self._free_bits.double()[:, None]).sum(1)
        rate = kl.sum(1)
        variance = self._sums["mean_squares"] / count - (self._sums["means"] / count).square()
        constant = CONSTANTS[self._loss.name] * self._loss.features
        metrics["loss"] = reconstruction + self._beta.double() * charged
        metrics["kl"] = rate
        metrics["elbo"] = -(reconstruction + constant + rate)
        metrics["active_units"] = (variance > ACTIVE_VARIANCE).sum(1).double()
        return metrics

    def equivalent_variance(self) -> Tensor:
        """[K] see losses.py: effective beta = beta times this."""
        squares = self._sums["squares"].sum(1)
        return self._loss.equivalent_variance(
            squares,
            self._sums["absolutes"].sum(1),
            self._sums.get("work", torch.zeros_like(squares)),
            self._log_sigma,
            self._samples,
        )

    def _nats(self, likelihood: Tensor, samples: Tensor) -> Tensor:
        """[K, n] in float64: the loss of every sample; each is a slot of one sample to the loss."""
        alone = samples[:, None]  # [n, 1, F]
        return torch.stack(
            [
                self._loss.total(output[:, None], alone, log_sigma.expand(len(samples)))
                for output, log_sigma in zip(likelihood, self._log_sigma, strict=True)
            ]
        )

    def _standard_errors(self) -> dict[str, Tensor]:
        """Of the means over samples; a single sample has none."""
        count = self._samples
        if count < 2:
            return {}
        errors = {}
        for name in ("mse", "mae", "elbo"):
            if f"{name}/squares" in self._sums:
                total, squares = self._sums[f"{name}/sum"], self._sums[f"{name}/squares"]
                variance = (squares - total.square() / count).clamp(min=0) / (count - 1)
                errors[f"{name}{STANDARD_ERROR}"] = (variance / count).sqrt()
        return errors

    def _gather_spread(self, name: str, values: Tensor) -> None:
        """Take in a figure of every sample, [K, n], for its standard error."""
        self._gather(f"{name}/sum", values.sum(1))
        self._gather(f"{name}/squares", values.square().sum(1))

    def _gather(self, name: str, value: Tensor) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value
