"""The super-resolution family: residual blocks that say what is missing in doing nothing."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.base import Batch, Config, ModelArray, Step
from trainers.convolution import Conv2d
from trainers.layers import HIDDEN_GAIN, Pass
from trainers.losses import Reconstruction
from trainers.metrics import Meter, Outputs
from trainers.networks import EVALUATED
from trainers.noise import Noise
from trainers.plain.given import Given
from trainers.plain.super_resolution import SMALL_GAIN, SuperResolution
from trainers.problem import Problem
from trainers.restoration_params import SuperResolutionParams


class SuperResolutionArray(ModelArray):
    """K super-resolution networks side by side."""

    params_class = SuperResolutionParams

    def build(self) -> None:
        """Declare the convolutions.

        Raises ValueError where there are no images, or nothing is missing in them.
        """
        params: Any = self.params[0]
        assert isinstance(params, SuperResolutionParams)
        problem = self.problem
        if problem.kind != "image" or problem.task.kind == "reconstruct":
            raise ValueError("super_resolution needs images, and a task that takes something away")
        self._factor = factor = problem.task.factor or 1
        self._sides = (problem.height // factor, problem.width // factor, problem.channels)
        channels = params.channels

        def layer(name: str, inputs: int, outputs: int, gain: float) -> Conv2d:
            return Conv2d(self.layout, name, inputs, outputs, gain=gain)

        seen = problem.channels * (2 if problem.masked else 1)
        self._head = layer("head", seen, channels, 1.0)
        self._blocks = [
            (
                layer(f"blocks.{index}.first", channels, channels, HIDDEN_GAIN),
                layer(f"blocks.{index}.second", channels, channels, SMALL_GAIN),
            )
            for index in range(params.blocks)
        ]
        self._join = layer("join", channels, channels, 1.0)
        self._tail = layer("tail", channels, problem.channels * factor**2, SMALL_GAIN)
        self._log_sigma = self.buffers.add("log_sigma")
        configs = [slot.config for slot in self.slots]
        self.loss = Reconstruction.of(configs, problem, self.device)

    def estimate(self, run: Pass, given: Given) -> Tensor:
        """[K, B, F]: what doing nothing gives, and what the network adds to it."""
        x = self._head(run, self._see(given))
        y = x
        for first, second in self._blocks:
            y = y + second(run, F.relu(first(run, y)))
        details = shuffle_pixels(self._tail(run, x + self._join(run, y)), self._factor)
        return given.start + details.reshape(given.start.shape)

    def _see(self, given: Given) -> Tensor:
        """[K, B, h, w, channels]: the small image; the noisy one; the filled one and its mask."""
        parts = [given.start if given.low is None else given.low]
        if given.known is not None:
            parts.append(given.known)
        return torch.cat([part.reshape(*part.shape[:2], *self._sides) for part in parts], dim=-1)

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: the reconstruction loss."""
        return self.loss.training(
            self.estimate(self.training_pass(step), batch.given), batch.target
        )

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions, eval mode; some at a time, since maps are larger than images."""
        run = self.evaluation_pass()
        pieces = [
            self.estimate(run, given.rows(slice(row, row + EVALUATED)).expand(len(self.slots)))
            for row in range(0, len(target), EVALUATED)
        ]
        prediction = torch.cat(pieces, dim=1)
        return Outputs(prediction, prediction)

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics."""
        return Meter(self.loss, self.state_views[self._log_sigma], scale)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> SuperResolution:
        """An untrained plain network."""
        return SuperResolution(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin."""
        pieces = [
            twin.estimate(given.rows(slice(row, row + EVALUATED)))
            for row in range(0, len(target), EVALUATED)
        ]
        prediction = torch.cat(pieces)[None]
        return Outputs(prediction, prediction)


def shuffle_pixels(maps: Tensor, factor: int) -> Tensor:
    """[K, B, h, w, C * f * f] -> [K, B, h * f, w * f, C], as torch.nn.PixelShuffle."""
    slots, batch, height, width, channels = maps.shape
    colours = channels // factor**2
    pixels = maps.reshape(slots, batch, height, width, colours, factor, factor)
    pixels = pixels.permute(0, 1, 2, 5, 3, 6, 4)
    return pixels.reshape(slots, batch, height * factor, width * factor, colours)
