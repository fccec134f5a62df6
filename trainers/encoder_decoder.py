"""EncoderDecoderArray: what the families with an encoder, a code and a decoder share."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from trainers.base import ModelArray
from trainers.layers import Pass
from trainers.losses import Reconstruction
from trainers.metrics import Meter
from trainers.networks import Blocks, ConvDecoder, ConvEncoder, Maps, Network, Sizes, Stack
from trainers.params import NetworkParams
from trainers.plain.given import Given


class EncoderDecoderArray(ModelArray):
    """Two mirrored networks and a reconstruction loss.

    Weights are named as in the plain twin: `encoder.`..., `decoder.`... .
    """

    codes: ClassVar[int] = 1
    """How many numbers the encoder says of each latent dimension."""
    maps: ClassVar[bool] = False
    """Whether the code of a convolutional network is a map: a vector at every position."""

    def build(self) -> None:
        """Declare encoder, decoder and the frozen sigma."""
        params: Any = self.params[0]
        assert isinstance(params, NetworkParams)
        self.latent_dim = self.code_size()
        self.encoder, self.decoder = self._networks(params)
        self._log_sigma = self.buffers.add("log_sigma")
        configs = [slot.config for slot in self.slots]
        self.loss = Reconstruction.of(configs, self.problem, self.device)

    def code_size(self) -> int:
        """Numbers in the code of a sample."""
        return int(getattr(self.params[0], "latent_dim"))  # noqa: B009

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
        return self.encoder(run, self.see(given))

    def decode(self, run: Pass, code: Tensor) -> Tensor:
        """[K, B, L] -> [K, B, F]: what the loss looks at."""
        return self.decoder(run, code)

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics."""
        return Meter(self.loss, self.log_sigma, scale)

    def _networks(self, params: NetworkParams) -> tuple[Network, Network]:
        outputs = self.codes * self.latent_dim
        rows = (self.layout, self.buffers)
        blocks = Blocks(
            activation=params.activation, norm=params.norm, dropout=self.column("dropout")
        )
        if params.architecture == "conv":
            maps = Maps(channels=params.channels, stages=params.stages, as_map=self.maps)
            return (
                ConvEncoder(*rows, "encoder", self.problem, outputs, **maps, **blocks),
                ConvDecoder(*rows, "decoder", self.problem, self.latent_dim, **maps, **blocks),
            )
        sizes = Sizes(width=params.hidden_width, depth=params.depth)
        return (
            Stack(*rows, "encoder", self.problem.inputs, outputs, **sizes, **blocks),
            Stack(*rows, "decoder", self.latent_dim, self.features, **sizes, **blocks),
        )
