"""A VQ-VAE in plain PyTorch (van den Oord, Vinyals & Kavukcuoglu 2017).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out
    codes = model.codes(model.preprocess(raw))  # [samples, positions], whole numbers
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.plain.architectures import make_decoder, make_encoder
from trainers.plain.base import PlainModel, load_model
from trainers.plain.codebook import Codebook
from trainers.plain.given import Given
from trainers.plain.losses import ReconstructionLoss
from trainers.plain.stages import stage_sides


class VqVae(PlainModel):
    """An autoencoder whose code is a vector of a codebook at every position.

    Positions are those of the last map of a convolutional encoder, else `latents` of them.
    """

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.code_dim = int(config["code_dim"])
        self.positions = int(config["latents"])
        if config["architecture"] == "conv":
            height, width = stage_sides(self.shape[0], self.shape[1], int(config["stages"]))[-1]
            self.positions = height * width
        self.latent_dim = self.positions * self.code_dim
        self.encoder = make_encoder(self.shape, self.inputs, self.latent_dim, config, as_map=True)
        self.decoder = make_decoder(self.latent_dim, self.shape, config, as_map=True)
        self.codebook = Codebook(
            int(config["codes"]), self.code_dim, config["decay"], config["reset_after"]
        )
        self.reconstruction_loss = ReconstructionLoss(config, self.problem)

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """Reconstruction and commitment of a batch [B, F]; `kl_share` changes nothing."""
        return self.player_loss("model", target, given, kl_share)

    def player_loss(
        self,
        player: str,
        target: Tensor,
        given: Given,
        kl_share: float = 1.0,
        draws: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The loss of a batch; `draws["codes"]` [B, positions] order what fills the codebook."""
        order = None if draws is None else draws["codes"].flatten()
        found = self.encoder(self.see(given))
        chosen: Tensor = self.codebook(found.view(-1, self.code_dim), order).view_as(found)
        commitment: float = self.config["commitment"]
        distance = (found - chosen).square().sum(1).mean()
        # The gradient of the code goes straight to what the encoder said.
        output = self.decoder(found + (chosen - found).detach())
        loss: Tensor = self.reconstruction_loss(output, target) + commitment * distance
        return loss

    def count_used(self) -> int:
        """The vectors of the codebook are weights too, though they follow without a gradient."""
        return super().count_used() + self.codebook.vectors.numel()

    def end_epoch(self) -> None:
        """Idle codes move."""
        self.codebook.end_epoch()

    def codes(self, given: Given) -> Tensor:
        """[N, ...] -> the index of the code at every position, [N, positions]."""
        found = self.encoder(self.see(given))
        return self.codebook.nearest(found.view(len(found), -1, self.code_dim))

    def encode(self, given: Given) -> Tensor:
        """[N, ...] -> the vectors of the codes, [N, positions * code_dim]."""
        return self.codebook.vectors[self.codes(given)].flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        """[N, positions * code_dim] -> [N, F] scaled."""
        return self.reconstruction_loss.predict(self.decoder(code))

    def latent(self, given: Given) -> Tensor:
        """The vectors of the codes, for pictures of the latent space."""
        return self.encode(given)

    def code_use(self, given: Given) -> Tensor:
        """[codes] how often these samples use each."""
        return torch.bincount(self.codes(given).flatten(), minlength=self.codebook.counts.numel())


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> VqVae:
    """An untrained model."""
    return VqVae(problem, config)


def load(folder: str | Path = ".") -> VqVae:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
