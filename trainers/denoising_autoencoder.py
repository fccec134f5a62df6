"""The denoising autoencoder family: noise of its own in training, the task's in evaluation."""

import torch
from torch import Tensor

from trainers.autoencoder import AutoencoderArray
from trainers.base import Config, Step
from trainers.plain.corruption import NOISE_KINDS, add_noise
from trainers.plain.denoising_autoencoder import DenoisingAutoencoder
from trainers.plain.given import Given
from trainers.problem import Problem
from trainers.restoration_params import DenoisingAutoencoderParams


class DenoisingAutoencoderArray(AutoencoderArray):
    """K denoising autoencoders side by side, each with its own kind and level of noise."""

    params_class = DenoisingAutoencoderParams

    def build(self) -> None:
        """Declare the layers, and which slot has which noise."""
        super().build()
        kinds = [str(slot.config["noise_kind"]) for slot in self.slots]
        self._kinds = {
            kind: torch.tensor([other == kind for other in kinds], device=self.device)
            for kind in NOISE_KINDS
            if kind in kinds
        }
        self._levels = self.column("noise_level")

    def training_given(self, target: Tensor, step: Step, fill: Tensor) -> Given:
        """Each slot's own noise, whatever the task is."""
        draws, start = self.draws(target, step), target
        for kind, chosen in self._kinds.items():
            noisy = add_noise(self.problem.fields, target, kind, self._levels, fill, draws)
            start = torch.where(chosen[:, None, None], noisy, start)
        return self.blur(Given(start), step)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> DenoisingAutoencoder:
        """An untrained plain denoising autoencoder."""
        return DenoisingAutoencoder(problem.to_json(), config)
