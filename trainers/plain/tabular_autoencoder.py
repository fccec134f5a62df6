"""An autoencoder of rows of a table in plain PyTorch.

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # [N, F]: numbers in raw units, probabilities of
                                            # categories; problem["columns"] says which is where
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from trainers.plain.base import PlainModel, load_model
from trainers.plain.columns import Columns
from trainers.plain.given import Given
from trainers.plain.losses import ReconstructionLoss
from trainers.plain.networks import Stack


class TabularAutoencoder(PlainModel):
    """An encoder, and a decoder that says of every column a number or its categories."""

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        self.latent_dim = int(config["latent_dim"])
        self.encoder = Stack(self.inputs, self.latent_dim, config)
        self.decoder = Stack(self.latent_dim, self.features, config)
        self.reconstruction_loss = ReconstructionLoss(config)
        """Of the numeric columns."""
        self.columns = Columns(problem, self.features)

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """The loss of a batch [B, F], every column once; `kl_share` changes nothing."""
        output = self.decoder(self.encode(given))
        loss = self.columns.cross_entropy(output, target).mean()
        if len(self.columns.numbers):
            numbers = self.columns.numeric(output), self.columns.numeric(target)
            loss = loss + self.reconstruction_loss(*numbers)
        return loss

    def encode(self, given: Given) -> Tensor:
        """[N, ...] -> [N, L]."""
        return cast(Tensor, self.encoder(self.see(given)))

    def decode(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F]: scaled numbers, probabilities of categories."""
        return self.columns.predict(self.decoder(code))

    def figures(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """numeric_mse and categorical_accuracy of every row; NaN where none is judged."""
        found = {}
        if len(self.columns.numbers):
            error = self.columns.numeric(prediction) - self.columns.numeric(target)
            found["numeric_mse"] = error.square().mean(-1)
        if self.columns.spans:
            right, judged = self.columns.hits(prediction, target)
            found["categorical_accuracy"] = right / judged
        return found

    def decode_latent(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled: any code may be decoded."""
        return self.decode(code)

    def latent(self, given: Given) -> Tensor:
        """The code, for pictures of the latent space."""
        return self.encode(given)


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> TabularAutoencoder:
    """An untrained model."""
    return TabularAutoencoder(problem, config)


def load(folder: str | Path = ".") -> TabularAutoencoder:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
