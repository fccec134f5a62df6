"""EncoderDecoderArray: what the families with an encoder, a code and a decoder share."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from trainers.base import ModelArray
from trainers.layers import Pass, Stack, fit, padded
from trainers.losses import Reconstruction
from trainers.metrics import Meter
from trainers.params import MlpParams
from trainers.plain.given import Given


class EncoderDecoderArray(ModelArray):
    """Two mirrored networks and a reconstruction loss.

    Weights are named as in the plain twin: `encoder.`..., `decoder.`... .
    """

    codes: ClassVar[int] = 1
    """How many numbers the encoder says of each latent dimension."""

    def build(self) -> None:
        """Declare encoder, decoder and the frozen sigma."""
        first: Any = self.params[0]
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

        self.encoder = stack("encoder", self.problem.inputs, self.codes * self.latent_dim)
        self.decoder = stack("decoder", self.latent_dim, self.features)
        self._log_sigma = self.buffers.add("log_sigma")
        configs = [slot.config for slot in self.slots]
        self.loss = Reconstruction.of(configs, self.problem, self.device)

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

    def see(self, given: Given) -> Tensor:
        """What the encoder looks at, [K, B, inputs]: with a mask, the known beside the values."""
        if given.known is None:
            return given.start
        return torch.cat([given.start, given.known], dim=-1)

    def encode(self, run: Pass, given: Given) -> Tensor:
        """[K, B, ...] -> [K, B, codes * L]."""
        seen = fit(self.see(given), padded(self.problem.inputs))
        return fit(self.encoder(run, seen), self.codes * self.latent_dim)

    def decode(self, run: Pass, code: Tensor) -> Tensor:
        """[K, B, L] -> [K, B, F]: what the loss looks at."""
        return fit(self.decoder(run, fit(code, padded(self.latent_dim))), self.features)

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics."""
        return Meter(self.loss, self.log_sigma, scale)
