"""Metrics of K slots over one part of the data, gathered chunk by chunk in float64.

mse and mae decode the posterior mean, elbo and bits_per_dimension frozen samples of z; kl is
analytic. What is measured of every family's reconstructions alike is in image_metrics.py and
holes.py.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.intervals import SampleFigures
from trainers.losses import CONSTANTS, Reconstruction
from trainers.spread import STANDARD_ERROR, Spreads

ACTIVE_VARIANCE = 0.01
"""A latent unit is active when its posterior mean varies by more than this (Burda et al. 2016)."""


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
    penalty: Tensor | None = None
    """[K] what is added to the loss of a sample, weighed, summed over samples."""
    code_use: Tensor | None = None
    """[K, codes] how often the samples use each vector of a codebook."""


def kl_per_dimension(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) summed over samples, [K, n, L] -> [K, L]."""
    return 0.5 * _doubled_kl(mean, log_variance).sum(1)


def _doubled_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Twice the KL of every sample and dimension, [K, n, L]."""
    return mean.square() + log_variance.exp() - 1 - log_variance


def _weighed_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """[K, n, F] and [1] or [F] -> [K, n] in float64."""
    if len(weights) == 1:
        return errors.mean(2).double() * weights
    return errors.double() @ weights / len(weights)


class Meter:
    """Sums of one part of the data, and the metrics they give.

    `scale` ([1] or [F]) turns errors into raw units. With `beta` and `free_bits` ([K]) there is
    a KL: then kl, active_units and, where the loss is a density, elbo and bits_per_dimension are
    reported too. The loss stands at its target: full beta. Means over samples come with their
    standard errors, `mse_se` and so on.
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
        self._spreads = Spreads()
        self._figures: SampleFigures | None = None

    def keep(self, figures: SampleFigures) -> None:
        """Tell `figures` what every sample gives, from now on; K = 1."""
        self._figures = self._spreads.figures = figures

    def add(self, samples: Tensor, outputs: Outputs) -> None:
        """Take in a chunk: samples [n, F] and what the models made of them."""
        target = samples.expand_as(outputs.prediction)
        error = outputs.prediction - target
        squares, absolutes = error.square(), error.abs()
        self._gather("squares", squares.sum(1).double())
        self._gather("absolutes", absolutes.sum(1).double())
        self._spreads.add("mse", squares.mean(2).double())
        self._spreads.add("mae", absolutes.mean(2).double())
        self._samples += len(samples)
        if self._figures is not None:
            self._figures.add("mse_raw", _weighed_mean(squares, self._scale.square()))
            self._figures.add("mae_raw", _weighed_mean(absolutes, self._scale))
        if outputs.penalty is not None:
            self._gather("penalty", outputs.penalty.double())
        if outputs.mean is None or outputs.log_variance is None:
            loss = outputs.loss
            if loss is None:
                nats = self._loss.of_samples(outputs.likelihood, target, self._log_sigma)
                loss = nats.sum(1)
                if outputs.penalty is None:
                    self._tell(nats)
            self._gather("loss", loss)
            return
        kl = 0.5 * _doubled_kl(outputs.mean, outputs.log_variance)  # [K, n, L]
        self._spreads.add("kl", kl.sum(2).double())
        if outputs.loss is None:
            nats = self._loss.of_samples(outputs.likelihood, target, self._log_sigma)
            self._gather("loss", nats.sum(1))
            self._spreads.add("nats", nats + kl.sum(2))
            self._tell(nats, kl.sum(2).double())
        else:
            self._gather("loss", outputs.loss)
        work = self._loss.work(outputs.likelihood, outputs.prediction, target)
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
            **self._spreads.errors("mse", "mae"),
        }
        if "penalty" in self._sums:
            metrics["penalty"] = self._sums["penalty"] / count
            metrics["loss"] = reconstruction + metrics["penalty"]
        if self._beta is None or self._free_bits is None:
            return metrics
        kl = self._sums["kl"] / count  # [K, L]
        charged = torch.maximum(kl, self._free_bits.double()[:, None]).sum(1)
        rate = kl.sum(1)
        variance = self._sums["mean_squares"] / count - (self._sums["means"] / count).square()
        metrics["loss"] = reconstruction + self._beta.double() * charged
        metrics["kl"] = rate
        metrics["active_units"] = (variance > ACTIVE_VARIANCE).sum(1).double()
        return metrics | self._spreads.errors("kl") | self._likelihoods(reconstruction + rate)

    def _likelihoods(self, nats: Tensor) -> dict[str, Tensor]:
        """elbo, and bits_per_dimension in raw units, where the loss is a density."""
        if self._loss.name not in CONSTANTS:
            return {}
        found = self._densities(nats)
        for error in self._spreads.errors("nats").values():
            found[f"elbo{STANDARD_ERROR}"] = error
            found[f"bits_per_dimension{STANDARD_ERROR}"] = error / (
                self._loss.features * math.log(2)
            )
        return found

    def _densities(self, nats: Tensor) -> dict[str, Tensor]:
        """elbo and bits_per_dimension of reconstruction and rate, which are in nats."""
        features = self._loss.features
        elbo = -(nats + CONSTANTS[self._loss.name] * features)
        # A density of scaled data becomes one of raw data by the scale; a probability does not.
        scale = 0.0 if self._loss.name == "bce" else self._scale.log2().mean()
        return {"elbo": elbo, "bits_per_dimension": -elbo / (features * math.log(2)) + scale}

    def _tell(self, nats: Tensor, kl: Tensor | None = None) -> None:
        """The figures their part of loss and likelihood: [1, n], with a KL [1, n]."""
        if self._figures is None:
            return
        self._figures.add("reconstruction", nats)
        if kl is None:
            self._figures.add("loss", nats)
            return
        if self._beta is not None and self._free_bits is not None and not self._free_bits.any():
            self._figures.add("loss", nats + self._beta.double()[:, None] * kl)
        if self._loss.name in CONSTANTS:
            for name, values in self._densities(nats + kl).items():
                self._figures.add(name, values)

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

    def _gather(self, name: str, value: Tensor) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value
