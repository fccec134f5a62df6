"""A Wasserstein autoencoder in plain PyTorch (WAE-MMD, Tolstikhin et al. 2018).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.plain.base import load_model
from trainers.plain.given import Given
from trainers.plain.kernels import maximum_mean_discrepancy
from trainers.plain.regularised import Draw, RegularisedAutoencoder


class WaeMmd(RegularisedAutoencoder):
    """An autoencoder whose codes are spread like a standard normal."""

    def penalised(self, given: Given, draw: Draw) -> tuple[Tensor, Tensor]:
        """The decoder's output, and the weighed distance of the codes to the prior."""
        code = self.encode(given)
        distance = maximum_mean_discrepancy(code, draw("prior", self.latent_dim))
        return self.decoder(code), self.config["mmd_weight"] * distance

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, F] scaled: decoded draws from the prior."""
        return self.decode(torch.randn(count, self.latent_dim, generator=generator))


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> WaeMmd:
    """An untrained model."""
    return WaeMmd(problem, config)


def load(folder: str | Path = ".") -> WaeMmd:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
