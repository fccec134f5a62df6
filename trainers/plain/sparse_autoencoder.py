"""A sparse autoencoder in plain PyTorch.

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
from trainers.plain.regularised import Draw, RegularisedAutoencoder
from trainers.plain.sparsity import mean_activity_divergence


class SparseAutoencoder(RegularisedAutoencoder):
    """An autoencoder whose codes are mostly silent.

    `sparsity` l1: rectified codes, charged for their sum. kl: codes between 0 and 1, each
    charged for a mean activity over the batch other than `sparsity_target`.
    """

    def encode(self, given: Given) -> Tensor:
        """[N, ...] -> the activities of the code, [N, L]."""
        code = super().encode(given)
        return torch.relu(code) if self.config["sparsity"] == "l1" else torch.sigmoid(code)

    def penalised(self, given: Given, draw: Draw) -> tuple[Tensor, Tensor]:
        """The decoder's output, and the weighed charge of the activities."""
        code = self.encode(given)
        if self.config["sparsity"] == "l1":
            charge = code.sum(1).mean()
        else:
            charge = mean_activity_divergence(code.mean(0), self.config["sparsity_target"])
        return self.decoder(code), self.config["sparsity_weight"] * charge


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> SparseAutoencoder:
    """An untrained model."""
    return SparseAutoencoder(problem, config)


def load(folder: str | Path = ".") -> SparseAutoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
