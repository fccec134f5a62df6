"""A regularised autoencoder in plain PyTorch (RAE, Ghosh et al. 2020).

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
from trainers.plain.regularised import Draw, RegularisedAutoencoder, squared_slope


class Rae(RegularisedAutoencoder):
    """An autoencoder with short codes and a smooth decoder: a VAE without its noise."""

    def penalised(self, given: Given, draw: Draw) -> tuple[Tensor, Tensor]:
        """The decoder's output; half the squared code and the decoder's penalty, weighed.

        `decoder_penalty` l2: half the squares of the decoder's matrices and kernels; gradient:
        the squared slope of its output at the codes.
        """
        code = self.encode(given)
        if self.config["decoder_penalty"] == "gradient" and not code.requires_grad:
            code = code.detach().requires_grad_()
        output = self.decoder(code)
        if self.config["decoder_penalty"] == "gradient":
            smooth = squared_slope(output, code, draw("projection", self.features))
        else:
            matrices = [p for p in self.decoder.parameters() if p.dim() > 1]
            smooth = torch.stack([0.5 * matrix.square().sum() for matrix in matrices]).sum()
        short = 0.5 * code.square().sum(1).mean()
        weights = self.config["code_weight"], self.config["decoder_weight"]
        return output, weights[0] * short + weights[1] * smooth


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> Rae:
    """An untrained model."""
    return Rae(problem, config)


def load(folder: str | Path = ".") -> Rae:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
