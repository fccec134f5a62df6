"""A denoising autoencoder in plain PyTorch (Vincent et al. 2008): it undoes noise of its own.

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.plain.autoencoder import Autoencoder
from trainers.plain.base import load_model
from trainers.plain.corruption import Draws, add_noise
from trainers.plain.given import Given


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that is shown noisy samples in training and asked for the clean ones."""

    def damage(self, target: Tensor, draws: Draws) -> Given:
        """In training noise of its own kind and level; else what the task has."""
        if not self.training:
            return super().damage(target, draws)
        kind, level = self.config["noise_kind"], float(self.config["noise_level"])
        return Given(add_noise(self.problem, target, kind, level, target.mean(0), draws))


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> DenoisingAutoencoder:
    """An untrained model."""
    return DenoisingAutoencoder(problem, config)


def load(folder: str | Path = ".") -> DenoisingAutoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
