"""A variational autoencoder in plain PyTorch (Kingma & Welling 2014).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.plain.architectures import make_decoder, make_encoder
from trainers.plain.base import PlainModel, load_model
from trainers.plain.given import Given
from trainers.plain.losses import CONSTANTS, ReconstructionLoss

LOG_VARIANCE_BOUND = 10.0


class Vae(PlainModel):
    """An encoder to a normal posterior over z, and a decoder that mirrors it."""

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.latent_dim = int(config["latent_dim"])
        self.encoder = make_encoder(self.shape, self.inputs, 2 * self.latent_dim, config)
        self.decoder = make_decoder(self.latent_dim, self.shape, config)
        self.reconstruction_loss = ReconstructionLoss(config, problem)

    def posterior(self, given: Given) -> tuple[Tensor, Tensor]:
        """[B, ...] -> mean and clamped log-variance of z, [B, L] each."""
        mean, log_variance = self.encoder(self.see(given)).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)

    def training_loss(
        self, target: Tensor, given: Given, kl_share: float = 1.0, noise: Tensor | None = None
    ) -> Tensor:
        """Reconstruction + KL of a batch [B, F]; `kl_share` is the warm-up, `noise` [B, L]."""
        mean, log_variance = self.posterior(given)
        noise = torch.randn_like(mean) if noise is None else noise
        output = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        return self.weighed(target, output, mean, log_variance, kl_share)

    def player_loss(
        self,
        player: str,
        target: Tensor,
        given: Given,
        kl_share: float = 1.0,
        draws: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The loss of a batch; `draws["z"]` [B, L] instead of its own."""
        return self.training_loss(target, given, kl_share, None if draws is None else draws["z"])

    def weighed(
        self, target: Tensor, output: Tensor, mean: Tensor, log_variance: Tensor, kl_share: float
    ) -> Tensor:
        """Reconstruction of a batch and its share of the KL, as the weights have it."""
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)  # [L]
        charged = kl.clamp(min=self.config["free_bits"]).sum()
        beta: float = self.config["beta"]
        return self.reconstruction_loss(output, target) + kl_share * beta * charged

    @property
    def is_likelihood(self) -> bool:
        """Whether the loss is a density, so that there is an ELBO."""
        return self.config["loss"] in CONSTANTS

    def elbo(self, target: Tensor, given: Given, noise: Tensor) -> Tensor:
        """Mean ELBO of [B, F] in nats: beta = 1, constants included, one z from `noise` [B, L]."""
        mean, log_variance = self.posterior(given)
        output = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        nats = self.reconstruction_loss(output, target, self.log_sigma)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return -(nats + CONSTANTS[self.config["loss"]] * self.features + kl)

    def encode(self, given: Given) -> Tensor:
        """[N, ...] -> the posterior mean, [N, L]."""
        return self.posterior(given)[0]

    def decode(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled."""
        return self.reconstruction_loss.predict(self.decoder(code))

    def decode_latent(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled: any code may be decoded."""
        return self.decode(code)

    def latent(self, given: Given) -> Tensor:
        """The posterior mean, for pictures of the latent space."""
        return self.encode(given)

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, F] scaled: decoded draws from the prior."""
        return self.decode(torch.randn(count, self.latent_dim, generator=generator))


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> Vae:
    """An untrained model."""
    return Vae(problem, config)


def load(folder: str | Path = ".") -> Vae:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
