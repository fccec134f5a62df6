"""A recurrent variational autoencoder of texts in plain PyTorch (Bowman et al. 2016).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                          # this folder: config.json, weights.safetensors
    texts = model.reconstruct(["emma", "ava"])  # a list of texts in, a list of texts out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.plain.base import load_model
from trainers.plain.given import Given
from trainers.plain.text import TextModel

LOG_VARIANCE_BOUND = 10.0


class TextVae(TextModel):
    """A text as a normal posterior over z, and the text written from z."""

    codes = 2

    def posterior(self, given: Given) -> tuple[Tensor, Tensor]:
        """Token ids [N, T] -> mean and clamped log-variance of z, [N, L] each."""
        mean, log_variance = self.read(given).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)

    def encode(self, given: Given) -> Tensor:
        """Token ids [N, T] -> the posterior mean, [N, L]."""
        return self.posterior(given)[0]

    def training_loss(
        self,
        target: Tensor,
        given: Given,
        kl_share: float = 1.0,
        kept: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Cross-entropy + KL of a batch of ids [B, T]; `kl_share` the warm-up, `noise` [B, L]."""
        mean, log_variance = self.posterior(given)
        noise = torch.randn_like(mean) if noise is None else noise
        nats = self.nats(target, mean + (0.5 * log_variance).exp() * noise, kept).sum(1).mean()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)  # [L]
        charged = kl.clamp(min=self.config["free_bits"]).sum()
        beta: float = self.config["beta"]
        return nats + kl_share * beta * charged

    def elbo(self, target: Tensor, given: Given, noise: Tensor) -> Tensor:
        """Mean ELBO of texts [B, T] in nats: beta = 1, one z from `noise` [B, L]."""
        mean, log_variance = self.posterior(given)
        nats = self.nats(target, mean + (0.5 * log_variance).exp() * noise).sum(1).mean()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return -(nats + kl)

    def latent(self, given: Given) -> Tensor:
        """The posterior mean, for pictures of the latent space."""
        return self.encode(given)

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, T] ids: texts written from draws of the prior."""
        return self.decode(torch.randn(count, self.latent_dim, generator=generator))


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> TextVae:
    """An untrained model."""
    return TextVae(problem, config)


def load(folder: str | Path = ".") -> TextVae:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
