"""The variational autoencoder family (Kingma & Welling 2014), with the optimal sigma."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.encoder_decoder import EncoderDecoderArray
from trainers.knobs import FamilyParams
from trainers.layers import Pass
from trainers.metrics import Meter, Outputs, kl_per_dimension
from trainers.noise import Noise
from trainers.params import VaeParams
from trainers.plain.given import Given
from trainers.plain.vae import LOG_VARIANCE_BOUND, Vae
from trainers.problem import Problem
from trainers.vae_params import BetaVaeParams, SigmaVaeParams

_FROZEN_SITE = "evaluation/z"


class VaeArray(EncoderDecoderArray):
    """K VAEs side by side.

    Loss of a slot: reconstruction + beta(t) * sum over latent dimensions of
    max(free bits, KL of the dimension), both means over the batch; beta(t) rises over the
    warm-up. A single reparametrised sample of z in training.
    """

    params_class: ClassVar[type[FamilyParams]] = VaeParams
    codes: ClassVar[int] = 2

    def build(self) -> None:
        """Declare the stacks and the weights of the KL."""
        super().build()
        self.beta = self.column("beta")
        self.free_bits = self.column("free_bits")
        self._any_free_bits = bool((self.free_bits > 0).any())

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: reconstruction and the KL's share."""
        run = self.training_pass(step)
        mean, log_variance = self.posterior(run, batch.given)
        count = mean.shape[1]
        draws = self.noise.normal("z", step.index, count, self.latent_dim)
        code = torch.addcmul(mean, (0.5 * log_variance).exp(), draws)
        return self.weighed(batch.target, self.decode(run, code), mean, log_variance, step)

    def weighed(
        self, target: Tensor, output: Tensor, mean: Tensor, log_variance: Tensor, step: Step
    ) -> Tensor:
        """[K]: reconstruction of a batch and its share of the KL, as the weights have it."""
        reconstruction = self.loss.training(output, target)
        kl = kl_per_dimension(mean, log_variance) / mean.shape[1]  # [K, L]
        if self._any_free_bits:
            kl = torch.maximum(kl, self.free_bits[:, None])
        return reconstruction + self.beta * step.kl_share * kl.sum(1)

    def posterior(self, run: Pass, given: Given) -> tuple[Tensor, Tensor]:
        """[K, B, ...] -> mean and clamped log-variance, [K, B, L] each."""
        mean, log_variance = self.encode(run, given).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics, KL and ELBO."""
        return Meter(self.loss, self.log_sigma, scale, self.beta, self.free_bits)

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions from the posterior mean and from frozen z, eval mode."""
        run = self.evaluation_pass()
        mean, log_variance = self.posterior(run, given.expand(len(self.slots)))
        draws = self.noise.frozen_normal(_FROZEN_SITE, chunk, mean.shape[1], self.latent_dim)
        code = torch.addcmul(mean, (0.5 * log_variance).exp(), draws)
        return Outputs(
            self.loss.predict(self.decode(run, mean)), self.decode(run, code), mean, log_variance
        )

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> Vae:
        """An untrained plain VAE."""
        return Vae(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin."""
        mean, log_variance = twin.posterior(given)
        draws = noise.frozen_normal(_FROZEN_SITE, chunk, *mean.shape)[0]
        code = mean + (0.5 * log_variance).exp() * draws
        return Outputs(
            twin.decode(mean)[None],
            twin.decoder(code)[None],
            mean[None],
            log_variance[None],
        )


class BetaVaeArray(VaeArray):
    """K beta-VAEs side by side (Higgins et al. 2017)."""

    params_class = BetaVaeParams


class SigmaVaeArray(VaeArray):
    """K VAEs with the optimal sigma and beta 1 (Rybkin, Daniilidis & Levine 2021)."""

    params_class = SigmaVaeParams
