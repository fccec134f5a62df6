"""A recurrent autoencoder of texts in plain PyTorch (Sutskever et al. 2014, to itself).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                          # this folder: config.json, weights.safetensors
    texts = model.reconstruct(["emma", "ava"])  # a list of texts in, a list of texts out
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.plain.base import load_model
from trainers.plain.given import Given
from trainers.plain.text import TextModel


class TextAutoencoder(TextModel):
    """A text as a vector and back."""

    def encode(self, given: Given) -> Tensor:
        """Token ids [N, T] -> [N, L]."""
        return self.read(given)

    def training_loss(
        self, target: Tensor, given: Given, kl_share: float = 1.0, kept: Tensor | None = None
    ) -> Tensor:
        """Cross-entropy of a batch of ids [B, T]: summed over real tokens, mean over texts."""
        return self.nats(target, self.encode(given), kept).sum(1).mean()

    def latent(self, given: Given) -> Tensor:
        """The code, for pictures of the latent space."""
        return self.encode(given)


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> TextAutoencoder:
    """An untrained model."""
    return TextAutoencoder(problem, config)


def load(folder: str | Path = ".") -> TextAutoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
