"""A VAE with a discriminator of its images in plain PyTorch (after Larsen et al. 2016).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.plain.base import Player, load_model
from trainers.plain.critic import Critic
from trainers.plain.given import Given
from trainers.plain.vae import Vae


class VaeGan(Vae):
    """A VAE whose reconstructions and samples a discriminator cannot tell from data.

    The likelihood stays in pixels, so that it compares with every other family; Larsen et al.
    measure it in the discriminator's features.
    """

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.critic = Critic(self.features, config)

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
        """The loss of one player; `draws` ("z" and "prior", [B, L]) instead of its own."""
        mean, log_variance = self.posterior(given)
        draws = draws or {name: torch.randn_like(mean) for name in ("z", "prior")}
        output = self.decoder(mean + (0.5 * log_variance).exp() * draws["z"])
        images = torch.cat([output, self.decoder(draws["prior"])])
        fakes = self.reconstruction_loss.predict(images)
        if player == "discriminator":
            return self.critic.loss(target, fakes)
        weight: float = self.config["adversarial_weight"]
        negative_elbo = self.weighed(target, output, mean, log_variance, kl_share)
        return negative_elbo + weight * kl_share * self.critic.fooled(fakes)


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> VaeGan:
    """An untrained model."""
    return VaeGan(problem, config)


def load(folder: str | Path = ".") -> VaeGan:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
