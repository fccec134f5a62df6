"""An autoencoder in plain PyTorch.

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from trainers.plain.architectures import make_decoder, make_encoder
from trainers.plain.base import PlainModel, load_model
from trainers.plain.given import Given
from trainers.plain.losses import ReconstructionLoss


class Autoencoder(PlainModel):
    """An encoder, and a decoder that mirrors it."""

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.latent_dim = int(config["latent_dim"])
        self.encoder = make_encoder(self.shape, self.inputs, self.latent_dim, config)
        self.decoder = make_decoder(self.latent_dim, self.shape, config)
        self.reconstruction_loss = ReconstructionLoss(config, problem)

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """The loss of a batch [B, F]; there is no KL here, so `kl_share` changes nothing."""
        return self.reconstruction_loss(self.decoder(self.encode(given)), target)

    def encode(self, given: Given) -> Tensor:
        """[N, ...] -> [N, L]."""
        return cast(Tensor, self.encoder(self.see(given)))

    def decode(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled."""
        return self.reconstruction_loss.predict(self.decoder(code))

    def decode_latent(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled: any code may be decoded."""
        return self.decode(code)

    def latent(self, given: Given) -> Tensor:
        """The code, for pictures of the latent space."""
        return self.encode(given)


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> Autoencoder:
    """An untrained model."""
    return Autoencoder(problem, config)


def load(folder: str | Path = ".") -> Autoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
