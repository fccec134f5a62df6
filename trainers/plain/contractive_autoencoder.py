"""A contractive autoencoder in plain PyTorch (Rifai et al. 2011).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.plain.base import load_model
from trainers.plain.given import Given
from trainers.plain.regularised import Draw, RegularisedAutoencoder, squared_slope


class ContractiveAutoencoder(RegularisedAutoencoder):
    """An autoencoder whose code moves little when its input does."""

    def penalised(self, given: Given, draw: Draw) -> tuple[Tensor, Tensor]:
        """The decoder's output, and the weighed squared slope of the code by the input."""
        start = given.start.detach().requires_grad_()
        code = self.encode(given._replace(start=start))
        slope = squared_slope(code, start, draw("projection", self.latent_dim))
        return self.decoder(code), self.config["contraction_weight"] * slope


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> ContractiveAutoencoder:
    """An untrained model."""
    return ContractiveAutoencoder(problem, config)


def load(folder: str | Path = ".") -> ContractiveAutoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
