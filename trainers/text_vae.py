"""The text_vae family (Bowman et al. 2016): a GRU VAE with word dropout and free bits."""

from typing import Any

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.layers import Pass
from trainers.metrics import kl_per_dimension
from trainers.noise import Noise
from trainers.plain.given import Given
from trainers.plain.text_vae import LOG_VARIANCE_BOUND, TextVae
from trainers.problem import Problem
from trainers.text_array import ROWS, TextArray
from trainers.text_metrics import WRITTEN, TextMeter, TextOutputs
from trainers.text_params import TextVaeParams

_FROZEN_SITE = "evaluation/z"


class TextVaeArray(TextArray):
    """K text VAEs side by side.

    Loss of a slot: cross-entropy + beta(t) * sum over latent dimensions of max(free bits, KL of
    the dimension), both means over the batch. A single reparametrised sample of z in training.
    """

    params_class = TextVaeParams
    codes = 2

    def build(self) -> None:
        """Declare the layers and the weights of the KL."""
        super().build()
        self.beta = self.column("beta")
        self.free_bits = self.column("free_bits")

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]."""
        run, count = self.training_pass(step), batch.target.shape[1]
        mean, log_variance = self.posterior(run, batch.given)
        draws = self.noise.normal("z", step.index, count, self.latent_dim)
        code = torch.addcmul(mean, (0.5 * log_variance).exp(), draws)
        nats = self.nats(run, batch.target, code).mean(1)
        kl = kl_per_dimension(mean, log_variance) / count  # [K, L]
        charged = torch.maximum(kl, self.free_bits[:, None]).sum(1)
        return nats + self.beta * step.kl_share * charged

    def posterior(self, run: Pass, given: Given) -> tuple[Tensor, Tensor]:
        """Token ids [K, B, T] -> mean and clamped log-variance, [K, B, L] each."""
        mean, log_variance = self.read(run, given).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)

    def meter(self, scale: Tensor) -> TextMeter:
        """Text metrics, KL and ELBO."""
        return TextMeter(len(self.slots), self.beta, self.free_bits)

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> TextOutputs:
        """See ModelArray; from the posterior mean, and nats from frozen z beside it."""
        run, slots = self.evaluation_pass(), len(self.slots)
        draws = self.noise.frozen_normal(_FROZEN_SITE, chunk, len(target), self.latent_dim)
        parts = []
        for first in range(0, len(target), ROWS):
            rows = slice(first, first + ROWS)
            mean, log_variance = self.posterior(run, given.rows(rows).expand(slots))
            code = torch.addcmul(mean, (0.5 * log_variance).exp(), draws[:, rows])
            ids = target[rows].expand(slots, -1, -1)
            parts.append((self.nats(run, ids, mean), self.nats(run, ids, code), mean, log_variance))
        nats, sampled, means, log_variances = (
            torch.cat(part, dim=1) for part in zip(*parts, strict=True)
        )
        written = self.write_first(run, means, chunk)
        return TextOutputs(nats, written, sampled, means, log_variances)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> TextVae:
        """An untrained plain text VAE."""
        return TextVae(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> TextOutputs:
        """The same as `outputs`, by a plain twin."""
        mean, log_variance = twin.posterior(given)
        draws = noise.frozen_normal(_FROZEN_SITE, chunk, len(target), mean.shape[-1])[0]
        code = mean + (0.5 * log_variance).exp() * draws
        written = twin.decode(mean[: WRITTEN if chunk == 0 else 0])
        nats, sampled = twin.nats(target, mean).sum(1), twin.nats(target, code).sum(1)
        return TextOutputs(
            nats[None], written[None].long(), sampled[None], mean[None], log_variance[None]
        )
