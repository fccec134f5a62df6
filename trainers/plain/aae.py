"""An adversarial autoencoder in plain PyTorch (Makhzani et al. 2015).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.plain.autoencoder import Autoencoder
from trainers.plain.base import Player, load_model
from trainers.plain.critic import Critic
from trainers.plain.given import Given


class AdversarialAutoencoder(Autoencoder):
    """An autoencoder whose codes a discriminator cannot tell from a standard normal."""

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.critic = Critic(self.latent_dim, config)

    def players(self) -> list[Player]:
        """The discriminator, then encoder and decoder."""
        model = [*self.encoder.parameters(), *self.decoder.parameters()]
        return [
            Player("discriminator", list(self.critic.parameters()), self.config["rate_ratio"]),
            Player("model", model),
        ]

    def player_loss(
        self,
        player: str,
        target: Tensor,
        given: Given,
        kl_share: float = 1.0,
        draws: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The loss of one player; `draws["prior"]` [B, L] instead of its own."""
        code = self.encode(given)
        if player == "discriminator":
            prior = torch.randn_like(code) if draws is None else draws["prior"]
            return self.critic.loss(prior, code)
        reconstruction = self.reconstruction_loss(self.decoder(code), target)
        weight: float = self.config["adversarial_weight"]
        return reconstruction + weight * kl_share * self.critic.fooled(code)

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, F] scaled: decoded draws from the prior."""
        return self.decode(torch.randn(count, self.latent_dim, generator=generator))


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> AdversarialAutoencoder:
    """An untrained model."""
    return AdversarialAutoencoder(problem, config)


def load(folder: str | Path = ".") -> AdversarialAutoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
