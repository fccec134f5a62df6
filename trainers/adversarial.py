"""AdversarialArray: an encoder and a decoder that play against a discriminator."""

from abc import abstractmethod

import torch
from torch import Tensor

from trainers.adversarial_params import AdversarialParams
from trainers.base import Batch, Player, Step
from trainers.critic import Critic, Terms, share_right
from trainers.encoder_decoder import EncoderDecoderArray
from trainers.layers import Pass

DISCRIMINATOR = "discriminator"
MODEL = "model"


class AdversarialArray(EncoderDecoderArray):
    """The discriminator steps first in every batch, then encoder and decoder.

    The weight of the adversarial term rises over the warm-up. An epoch's terms say who wins:
    `discriminator_accuracy` is 1/2 where it cannot tell and 1 where it has won.
    """

    def build(self) -> None:
        """Declare the networks, the discriminator last."""
        super().build()
        first = self.params[0]
        assert isinstance(first, AdversarialParams)
        self._model_size = self.layout.size
        self.critic = Critic(
            self.layout,
            self.buffers,
            inputs=self.judged,
            width=first.discriminator_width,
            depth=first.discriminator_depth,
            spectral=first.spectral_norm,
            kind=first.adversarial_loss,
            r1=first.r1,
        )

    @property
    @abstractmethod
    def judged(self) -> int:
        """Numbers that the discriminator looks at."""

    @property
    def players(self) -> tuple[Player, ...]:
        """The discriminator at its own rate, then the model."""
        rates = tuple(self.column("rate_ratio").tolist())
        return (
            Player(DISCRIMINATOR, slice(self._model_size, self.layout.size), rates),
            Player(MODEL, slice(0, self._model_size)),
        )

    def begin_epoch(self) -> None:
        """Gather the terms anew."""
        super().begin_epoch()
        self._terms = Terms()

    def epoch_terms(self) -> dict[str, Tensor]:
        """Losses and scores of the players, means over the epoch's steps."""
        return self._terms.means()

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: the loss of one player."""
        run = self.training_pass(step)
        if player == MODEL:
            return self.model_loss(run, batch, step)
        with torch.no_grad():
            real, fake = self.shown(run, batch, step)
        loss, real_scores, fake_scores = self.critic.loss(run, real, fake)
        self._terms.add(
            discriminator_loss=loss,
            discriminator_accuracy=share_right(real_scores, fake_scores),
            real_score=real_scores.mean(1),
            fake_score=fake_scores.mean(1),
        )
        return loss

    def prior_draws(self, step: Step, count: int) -> Tensor:
        """[K, B, L] draws from the prior, the same for all players of a step."""
        return self.noise.normal("prior", step.index, count, self.latent_dim)

    @abstractmethod
    def shown(self, run: Pass, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """What the discriminator should tell apart: real and fake, [K, B, judged] each."""

    @abstractmethod
    def model_loss(self, run: Pass, batch: Batch, step: Step) -> Tensor:
        """[K]: the loss of encoder and decoder."""
