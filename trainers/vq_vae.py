"""The VQ-VAE family (van den Oord, Vinyals & Kavukcuoglu 2017), with a codebook of moving means."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.codebook import Codebook
from trainers.counts import count_positions
from trainers.encoder_decoder import EncoderDecoderArray
from trainers.metrics import Meter, Outputs
from trainers.noise import Noise
from trainers.plain.given import Given
from trainers.plain.vq_vae import VqVae
from trainers.problem import Problem
from trainers.vq_params import VqVaeParams


class VqVaeArray(EncoderDecoderArray):
    """K VQ-VAEs side by side.

    Loss of a slot: reconstruction + commitment * squared distance of what the encoder says to
    the codes, summed over positions and dimensions, mean over the batch. The gradient of the
    decoder's input goes straight to the encoder; the book follows by moving means.
    """

    params_class = VqVaeParams
    maps: ClassVar[bool] = True

    def build(self) -> None:
        """Declare networks and codebook."""
        super().build()
        first: Any = self.params[0]
        self.code_dim = first.code_dim
        self.positions = self.latent_dim // self.code_dim
        self.commitment = self.column("commitment")
        self._patience = self.column("reset_after")
        self.codebook = Codebook(
            self.buffers, "codebook", first.codes, self.code_dim, self.column("decay")
        )

    def code_size(self) -> int:
        """A vector at every position."""
        first: Any = self.params[0]
        return count_positions(first.model_dump(), self.problem) * int(first.code_dim)

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: reconstruction and commitment; the codebook takes its step."""
        run = self.training_pass(step)
        found = self.encode(run, batch.given)  # [K, B, positions * D]
        vectors = self._vectors(found)
        count = found.shape[1]
        if self.codebook.is_empty(run):
            order = self.noise.normal("codes", step.index, count, self.positions)
            self.codebook.fill(run, vectors, order.flatten(1))
        index = self.codebook.nearest(run, vectors)
        chosen = self.codebook.lookup(run, index).view_as(found)
        self.codebook.follow(run, vectors, index)
        output = self.decode(run, found + (chosen - found).detach())
        distance = (found - chosen).square().sum((1, 2)) / count
        return self.loss.training(output, batch.target) + self.commitment * distance

    def begin_epoch(self) -> None:
        """Count the use of codes anew."""
        super().begin_epoch()
        self.codebook.begin_epoch(len(self.slots))

    def end_epoch(self) -> None:
        """Freeze sigma; codes that were idle for too long move to where samples are."""
        super().end_epoch()
        count = self.codebook.last_size // self.positions
        order = self.noise.normal("idle codes", 0, count, self.positions)
        self._moved = self.codebook.move_idle(self.state_views, order.flatten(1), self._patience)

    def epoch_terms(self) -> dict[str, Tensor]:
        """Codes that training samples used in the epoch, and how many have moved after it."""
        return {
            "training_codes_used": (self.codebook.used > 0).sum(1).double(),
            "codes_moved": self._moved.double(),
        }

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics and the use of the codes."""
        return CodeMeter(self.loss, self.log_sigma, scale)

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions from the codes, eval mode."""
        run = self.evaluation_pass()
        found = self.encode(run, given.expand(len(self.slots)))
        index = self.codebook.nearest(run, self._vectors(found))
        chosen = self.codebook.lookup(run, index).view_as(found)
        output = self.decode(run, chosen)
        distance = (found - chosen).square().sum((1, 2))
        use = [torch.bincount(each, minlength=self.codebook.codes) for each in index]
        return Outputs(
            self.loss.predict(output),
            output,
            penalty=self.commitment * distance,
            code_use=torch.stack(use),
        )

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> VqVae:
        """An untrained plain VQ-VAE."""
        return VqVae(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin."""
        found = twin.encoder(twin.see(given))
        chosen = twin.encode(given)
        output = twin.decoder(chosen)
        distance = twin.config["commitment"] * (found - chosen).square().sum()
        return Outputs(
            twin.reconstruction_loss.predict(output)[None],
            output[None],
            penalty=distance[None],
            code_use=twin.code_use(given)[None],
        )

    def _vectors(self, found: Tensor) -> Tensor:
        """[K, B, positions * D] -> [K, B * positions, D]."""
        return found.reshape(len(found), -1, self.code_dim)


class CodeMeter(Meter):
    """Also how the codes are used, over all samples of a part and not by batches (truth 7).

    code_perplexity: the exponential of the entropy of the use of the codes, 1 to `codes`.
    """

    def add(self, samples: Tensor, outputs: Outputs) -> None:
        """Take in a chunk."""
        super().add(samples, outputs)
        assert outputs.code_use is not None
        self._gather("codes", outputs.code_use.double())

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64."""
        use = self._sums["codes"]
        share = use / use.sum(1, keepdim=True)
        entropy = -torch.special.xlogy(share, share).sum(1)
        return {
            **super().results(),
            "code_perplexity": entropy.exp(),
            "codes_used": (use > 0).sum(1).double(),
        }
