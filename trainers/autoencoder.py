"""The autoencoder family: a fully connected encoder and its mirror image."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from trainers.base import Config, ModelArray, Step
from trainers.layers import Pass, Stack, fit, padded
from trainers.losses import Reconstruction
from trainers.metrics import Meter, Outputs
from trainers.noise import Noise
from trainers.params import AutoencoderParams, MlpParams
from trainers.plain.autoencoder import Autoencoder


class MlpArray(ModelArray):
    """What the fully connected families share: two mirrored stacks and a reconstruction loss."""

    codes: ClassVar[int] = 1
    """How many numbers the encoder says of each latent dimension."""

    def build(self) -> None:
        """Declare encoder, decoder and the frozen sigma."""
        first = self.params[0]
        assert isinstance(first, MlpParams)
        self.latent_dim = first.latent_dim
        dropout = self.column("dropout")

        def stack(name: str, inputs: int, outputs: int) -> Stack:
            return Stack(
                self.layout,
                self.buffers,
                name,
                inputs=inputs,
                width=first.hidden_width,
                depth=first.depth,
                outputs=outputs,
                activation=first.activation,
                norm=first.norm,
                dropout=dropout,
            )

        self.encoder = stack("encoder", self.features, self.codes * self.latent_dim)
        self.decoder = stack("decoder", self.latent_dim, self.features)
        self._log_sigma = self.buffers.add("log_sigma")
        sigmas = [slot.config["sigma"] for slot in self.slots]
        self.loss = Reconstruction(
            str(self.slots[0].config["loss"]), sigmas, self.features, self.device
        )

    @property
    def log_sigma(self) -> Tensor:
        """[K] what evaluation uses; a view of the live buffers."""
        return self.state_views[self._log_sigma]

    def begin_epoch(self) -> None:
        """Gather the squares for sigma anew."""
        self.loss.begin_epoch()

    def end_epoch(self) -> None:
        """Freeze the sigma of this epoch."""
        self.log_sigma.copy_(self.loss.epoch_log_sigma())

    def encode(self, run: Pass, samples: Tensor) -> Tensor:
        """[K, B, F] -> [K, B, codes * L]."""
        return fit(
            self.encoder(run, fit(samples, padded(self.features))), self.codes * self.latent_dim
        )

    def decode(self, run: Pass, code: Tensor) -> Tensor:
        """[K, B, L] -> [K, B, F]."""
        return fit(self.decoder(run, fit(code, padded(self.latent_dim))), self.features)

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics."""
        return Meter(self.loss, self.log_sigma, scale)


class AutoencoderArray(MlpArray):
    """K autoencoders side by side."""

    params_class = AutoencoderParams

    def training_loss(self, batch: Tensor, step: Step) -> Tensor:
        """[K, B, F] -> [K]: the reconstruction loss."""
        run = self.training_pass(step)
        return self.loss.training(self.decode(run, self.encode(run, batch)), batch)

    @torch.no_grad()
    def outputs(self, samples: Tensor, chunk: int) -> Outputs:
        """[n, F] -> reconstructions, eval mode."""
        run = self.evaluation_pass()
        output = self.decode(run, self.encode(run, samples.expand(len(self.slots), -1, -1)))
        return Outputs(self.loss.predict(output), output)

    @classmethod
    def plain_twin(cls, config: Config, features: int) -> Autoencoder:
        """An untrained plain autoencoder."""
        return Autoencoder(features, config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(cls, twin: Any, samples: Tensor, noise: Noise, chunk: int) -> Outputs:
        """The same as `outputs`, by a plain twin."""
        output = twin(samples)
        return Outputs(twin.predict(output)[None], output[None])
