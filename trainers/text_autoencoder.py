"""The text_autoencoder family: a text as a vector and back, by GRUs."""

from typing import Any

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.noise import Noise
from trainers.plain.given import Given
from trainers.plain.text_autoencoder import TextAutoencoder
from trainers.problem import Problem
from trainers.text_array import ROWS, TextArray
from trainers.text_metrics import WRITTEN, TextMeter, TextOutputs
from trainers.text_params import TextAutoencoderParams


class TextAutoencoderArray(TextArray):
    """K recurrent autoencoders side by side."""

    params_class = TextAutoencoderParams

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """Cross-entropy of each slot, [K]: summed over real tokens, mean over its batch."""
        run = self.training_pass(step)
        return self.nats(run, batch.target, self.read(run, batch.given)).mean(1)

    def meter(self, scale: Tensor) -> TextMeter:
        """Text metrics."""
        return TextMeter(len(self.slots))

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> TextOutputs:
        """See ModelArray; only the first texts of a part are written freely."""
        run, slots = self.evaluation_pass(), len(self.slots)
        codes, nats = [], []
        for first in range(0, len(target), ROWS):
            rows = slice(first, first + ROWS)
            code = self.read(run, given.rows(rows).expand(slots))
            codes.append(code)
            nats.append(self.nats(run, target[rows].expand(slots, -1, -1), code))
        written = self.write_first(run, torch.cat(codes, dim=1), chunk)
        return TextOutputs(torch.cat(nats, dim=1), written)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> TextAutoencoder:
        """An untrained plain text autoencoder."""
        return TextAutoencoder(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> TextOutputs:
        """The same as `outputs`, by a plain twin."""
        code = twin.encode(given)
        nats = twin.nats(target, code).sum(1)
        written = twin.decode(code[: WRITTEN if chunk == 0 else 0])
        return TextOutputs(nats[None], written[None].long())
