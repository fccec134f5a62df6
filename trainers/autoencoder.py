"""The autoencoder family: an encoder and its mirror image, trained on reconstruction."""

from typing import Any

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.encoder_decoder import EncoderDecoderArray
from trainers.metrics import Outputs
from trainers.noise import Noise
from trainers.params import AutoencoderParams
from trainers.plain.autoencoder import Autoencoder
from trainers.plain.given import Given
from trainers.problem import Problem


class AutoencoderArray(EncoderDecoderArray):
    """K autoencoders side by side."""

    params_class = AutoencoderParams

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: the reconstruction loss."""
        run = self.training_pass(step)
        return self.loss.training(self.decode(run, self.encode(run, batch.given)), batch.target)

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions, eval mode."""
        run = self.evaluation_pass()
        output = self.decode(run, self.encode(run, given.expand(len(self.slots))))
        return Outputs(self.loss.predict(output), output)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> Autoencoder:
        """An untrained plain autoencoder."""
        return Autoencoder(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin."""
        output = twin.decoder(twin.encode(given))
        return Outputs(twin.reconstruction_loss.predict(output)[None], output[None])
