"""The BiGAN family: a GAN with an encoder (Donahue et al. 2017; ALICE, Li et al. 2017)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.adversarial import AdversarialArray
from trainers.adversarial_params import BiGanParams
from trainers.autoencoder import AutoencoderArray
from trainers.base import Batch, Config, Step
from trainers.layers import Pass
from trainers.plain.bigan import BiGan
from trainers.problem import Problem


class BiGanArray(AdversarialArray, AutoencoderArray):
    """K pairs of encoder and generator; a discriminator tells (x, E(x)) from (G(z), z)."""

    params_class = BiGanParams

    def build(self) -> None:
        """Declare the networks and the weights of the pixel terms."""
        super().build()
        self.reconstruction_weight = self.column("reconstruction_weight")

    @property
    def judged(self) -> int:
        """A sample and a code."""
        return self.features + self.latent_dim

    def shown(self, run: Pass, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """(x, E(x)) and (G(z), z)."""
        return self._pairs(run, batch, self.encode(run, batch.given), step)

    def model_loss(self, run: Pass, batch: Batch, step: Step) -> Tensor:
        """[K]: pairs that look like each other, and the weighed error in pixels."""
        code = self.encode(run, batch.given)
        real, fake = self._pairs(run, batch, code, step)
        adversarial = self.critic.fooled(run, fake) + self.critic.fooled(run, real, real=True)
        self._terms.add(adversarial_loss=adversarial)
        reconstruction = self.loss.training(self.decode(run, code), batch.target)
        # Where, not times: without the term a slot's gradient must be the same bits.
        weight = self.reconstruction_weight
        charged = torch.where(weight > 0, weight * reconstruction, 0.0)
        return charged + step.kl_share * adversarial

    def _pairs(self, run: Pass, batch: Batch, code: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        prior = self.prior_draws(step, code.shape[1])
        made = self.loss.predict(self.decode(run, prior))
        return _beside(batch.target, code), _beside(made, prior)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> BiGan:
        """An untrained plain BiGAN."""
        return BiGan(problem.to_json(), config)


def _beside(sample: Tensor, code: Tensor) -> Tensor:
    """[K, B, F] and [K, B, L] -> [K, B, F + L], as torch.cat.

    The gradient of a cat is a view with gaps, and the products behind it then round by K; that
    of a padding is a copy without gaps (rule R3).
    """
    features, latent = sample.shape[2], code.shape[2]
    return F.pad(sample, (0, latent)) + F.pad(code, (features, 0))
