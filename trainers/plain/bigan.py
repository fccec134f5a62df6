"""A GAN with an encoder in plain PyTorch (BiGAN, Donahue et al. 2017; ALICE, Li et al. 2017).

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


class BiGan(Autoencoder):
    """Encoder E and generator G; the discriminator tells (x, E(x)) from (G(z), z).

    A reconstruction is G(E(x)). With `reconstruction_weight` 0 nothing but the discriminator
    teaches the pair to invert each other (BiGAN); above 0 it is also charged in pixels (ALICE).
    """

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.critic = Critic(self.features + self.latent_dim, config)

    def players(self) -> list[Player]:
        """The discriminator, then encoder and generator."""
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
        prior = torch.randn_like(code) if draws is None else draws["prior"]
        real = torch.cat([target, code], dim=1)
        fake = torch.cat([self.decode(prior), prior], dim=1)
        if player == "discriminator":
            return self.critic.loss(real, fake)
        adversarial = self.critic.fooled(fake) + self.critic.fooled(real, real=True)
        weight: float = self.config["reconstruction_weight"]
        if weight == 0:
            return kl_share * adversarial
        reconstruction = self.reconstruction_loss(self.decoder(code), target)
        return weight * reconstruction + kl_share * adversarial

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, F] scaled: what the generator makes of draws from the prior."""
        return self.decode(torch.randn(count, self.latent_dim, generator=generator))


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> BiGan:
    """An untrained model."""
    return BiGan(problem, config)


def load(folder: str | Path = ".") -> BiGan:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
