"""The VAE-GAN family: a VAE with a discriminator of its images (after Larsen et al. 2016)."""

import torch
from torch import Tensor

from trainers.adversarial import AdversarialArray
from trainers.adversarial_params import VaeGanParams
from trainers.base import Batch, Config, Step
from trainers.layers import Pass
from trainers.plain.vae_gan import VaeGan
from trainers.problem import Problem
from trainers.vae import VaeArray


class VaeGanArray(AdversarialArray, VaeArray):
    """K VAEs whose reconstructions and samples a discriminator cannot tell from data."""

    params_class = VaeGanParams

    def build(self) -> None:
        """Declare the networks and the weights of the adversarial terms."""
        super().build()
        self.adversarial_weight = self.column("adversarial_weight")

    @property
    def judged(self) -> int:
        """A sample."""
        return self.features

    def shown(self, run: Pass, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """Data, and what the decoder makes of codes and of draws from the prior."""
        mean, log_variance = self.posterior(run, batch.given)
        output = self.decode(run, self._code(mean, log_variance, step))
        return batch.target, self._images(run, output, step)

    def model_loss(self, run: Pass, batch: Batch, step: Step) -> Tensor:
        """[K]: the VAE's loss, and images that look like data."""
        mean, log_variance = self.posterior(run, batch.given)
        output = self.decode(run, self._code(mean, log_variance, step))
        adversarial = self.critic.fooled(run, self._images(run, output, step))
        self._terms.add(adversarial_loss=adversarial)
        negative_elbo = self.weighed(batch.target, output, mean, log_variance, step)
        return negative_elbo + self.adversarial_weight * step.kl_share * adversarial

    def _code(self, mean: Tensor, log_variance: Tensor, step: Step) -> Tensor:
        draws = self.noise.normal("z", step.index, mean.shape[1], self.latent_dim)
        return torch.addcmul(mean, (0.5 * log_variance).exp(), draws)

    def _images(self, run: Pass, output: Tensor, step: Step) -> Tensor:
        samples = self.decode(run, self.prior_draws(step, output.shape[1]))
        return self.loss.predict(torch.cat([output, samples], dim=1))

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> VaeGan:
        """An untrained plain VAE-GAN."""
        return VaeGan(problem.to_json(), config)
