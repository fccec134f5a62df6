"""The adversarial autoencoder family (Makhzani et al. 2015)."""

from torch import Tensor

from trainers.adversarial import AdversarialArray
from trainers.adversarial_params import AaeParams
from trainers.autoencoder import AutoencoderArray
from trainers.base import Batch, Config, Step
from trainers.layers import Pass
from trainers.plain.aae import AdversarialAutoencoder
from trainers.problem import Problem


class AaeArray(AdversarialArray, AutoencoderArray):
    """K autoencoders whose codes a discriminator cannot tell from a standard normal."""

    params_class = AaeParams

    def build(self) -> None:
        """Declare the networks and the weights of the adversarial terms."""
        super().build()
        self.adversarial_weight = self.column("adversarial_weight")

    @property
    def judged(self) -> int:
        """The code."""
        return self.latent_dim

    def shown(self, run: Pass, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """Draws from the prior, and codes."""
        code = self.encode(run, batch.given)
        return self.prior_draws(step, code.shape[1]), code

    def model_loss(self, run: Pass, batch: Batch, step: Step) -> Tensor:
        """[K]: reconstruction, and codes that look like draws from the prior."""
        code = self.encode(run, batch.given)
        reconstruction = self.loss.training(self.decode(run, code), batch.target)
        adversarial = self.critic.fooled(run, code)
        self._terms.add(adversarial_loss=adversarial)
        return reconstruction + self.adversarial_weight * step.kl_share * adversarial

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> AdversarialAutoencoder:
        """An untrained plain adversarial autoencoder."""
        return AdversarialAutoencoder(problem.to_json(), config)
