"""Autoencoders with a penalty: on the codes (WAE, sparse), or on how the networks bend."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.draws import FrozenDraws, PieceDraws, StepDraws
from trainers.encoder_decoder import EncoderDecoderArray
from trainers.layers import Pass, sigmoid
from trainers.metrics import Outputs
from trainers.networks import EVALUATED
from trainers.noise import Noise
from trainers.plain.contractive_autoencoder import ContractiveAutoencoder
from trainers.plain.corruption import Draws
from trainers.plain.given import Given
from trainers.plain.kernels import maximum_mean_discrepancy
from trainers.plain.rae import Rae
from trainers.plain.regularised import squared_slope
from trainers.plain.sparse_autoencoder import SparseAutoencoder
from trainers.plain.sparsity import mean_activity_divergence
from trainers.plain.wae_mmd import WaeMmd
from trainers.problem import Problem
from trainers.regularised_params import (
    ContractiveAutoencoderParams,
    RaeParams,
    SparseAutoencoderParams,
    WaeMmdParams,
)


class RegularisedArray(EncoderDecoderArray):
    """K autoencoders whose loss is reconstruction + a weighed penalty.

    Evaluation takes the penalty chunk by chunk, with frozen draws; it is reported as `penalty`.
    """

    @abstractmethod
    def penalised(self, run: Pass, given: Given, draws: Draws) -> tuple[Tensor, Tensor]:
        """What the loss looks at, [K, B, F], and the weighed penalty, [K], mean over samples."""

    @classmethod
    def by_slope(cls, config: Config) -> bool:
        """Whether the penalty is a slope, which takes gradients in evaluation too.

        It must be a mean over samples then: of maps it is taken piece by piece.
        """
        return False

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: reconstruction and penalty."""
        draws = StepDraws(self.noise, step.index, batch.target.shape[1])
        output, penalty = self.penalised(self.training_pass(step), batch.given, draws)
        return self.loss.training(output, batch.target) + penalty

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions and penalties, eval mode."""
        draws = FrozenDraws(self.noise, chunk, len(target))
        run, slots = self.evaluation_pass(), len(self.slots)

        def penalised(rows: slice, draws: Draws) -> tuple[Tensor, Tensor]:
            return self.penalised(run, given.rows(rows).expand(slots), draws)

        output, penalty = self._evaluated(self.slots[0].config, penalised, draws)
        return Outputs(self.loss.predict(output), output, penalty=penalty * len(target))

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin."""

        def penalised(rows: slice, draws: Draws) -> tuple[Tensor, Tensor]:
            output, penalty = twin.penalised(
                given.rows(rows), lambda site, width: draws.normal(site, width)[0]
            )
            return output[None], penalty[None]

        draws = FrozenDraws(noise, chunk, len(target))
        output, penalty = cls._evaluated(twin.config, penalised, draws)
        prediction = twin.reconstruction_loss.predict(output)
        return Outputs(prediction, output, penalty=penalty * len(target))

    @classmethod
    def _evaluated(
        cls,
        config: Config,
        penalised: Callable[[slice, Draws], tuple[Tensor, Tensor]],
        draws: FrozenDraws,
    ) -> tuple[Tensor, Tensor]:
        """`penalised` of a chunk: [K, n, F] and [K]. No graph outlives a piece."""
        count = draws.samples
        if not cls.by_slope(config):
            return penalised(slice(0, count), draws)
        size = EVALUATED if config["architecture"] == "conv" else count
        piece, outputs, penalties = PieceDraws(draws), [], []
        for row in range(0, count, size):
            piece.rows = slice(row, min(row + size, count))
            with torch.enable_grad():
                output, penalty = penalised(piece.rows, piece)
            outputs.append(output.detach())
            penalties.append(penalty.detach() * (output.shape[1] / count))
        return torch.cat(outputs, dim=1), torch.stack(penalties).sum(0)


class WaeMmdArray(RegularisedArray):
    """K Wasserstein autoencoders side by side (Tolstikhin et al. 2018)."""

    params_class = WaeMmdParams

    def penalised(self, run: Pass, given: Given, draws: Draws) -> tuple[Tensor, Tensor]:
        """The penalty is the MMD of every slot's codes to a standard normal."""
        code = self.encode(run, given)
        distance = maximum_mean_discrepancy(code, draws.normal("prior", self.latent_dim))
        return self.decode(run, code), self.column("mmd_weight") * distance

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> WaeMmd:
        """An untrained plain WAE."""
        return WaeMmd(problem.to_json(), config)


class RaeArray(RegularisedArray):
    """K regularised autoencoders side by side (Ghosh et al. 2020)."""

    params_class = RaeParams

    def penalised(self, run: Pass, given: Given, draws: Draws) -> tuple[Tensor, Tensor]:
        """The penalty is half the squared code, and the decoder's weights or its slope."""
        code = self.encode(run, given)
        bends = self.by_slope(self.slots[0].config)
        if bends and not code.requires_grad:
            code = code.detach().requires_grad_()
        output = self.decode(run, code)
        if bends:
            smooth = squared_slope(output, code, draws.normal("projection", self.features))
        else:
            smooth = 0.5 * self._squared_matrices(run)
        short = 0.5 * code.square().sum(2).mean(1)
        weights = self.column("code_weight"), self.column("decoder_weight")
        return output, weights[0] * short + weights[1] * smooth

    @classmethod
    def by_slope(cls, config: Config) -> bool:
        """One of its two penalties of the decoder is."""
        return bool(config["decoder_penalty"] == "gradient")

    def _squared_matrices(self, run: Pass) -> Tensor:
        """[K]: sum of squares of the decoder's matrices and kernels."""
        squares = [
            view.square().flatten(1).sum(1)
            for entry, view in zip(self.layout.entries, run.weights, strict=True)
            if entry.name.startswith("decoder.") and len(entry.shape) > 1
        ]
        return torch.stack(squares).sum(0)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> Rae:
        """An untrained plain RAE."""
        return Rae(problem.to_json(), config)


class SparseAutoencoderArray(RegularisedArray):
    """K sparse autoencoders side by side."""

    params_class = SparseAutoencoderParams

    def encode(self, run: Pass, given: Given) -> Tensor:
        """[K, B, ...] -> the activities of the code, [K, B, L]."""
        code = super().encode(run, given)
        return torch.relu(code) if self._rectified else sigmoid(code)

    @property
    def _rectified(self) -> bool:
        return self.slots[0].config["sparsity"] == "l1"

    def penalised(self, run: Pass, given: Given, draws: Draws) -> tuple[Tensor, Tensor]:
        """The penalty is what the activities are charged."""
        code = self.encode(run, given)
        if self._rectified:
            charge = code.sum(2).mean(1)
        else:
            charge = mean_activity_divergence(code.mean(1), self.column("sparsity_target"))
        return self.decode(run, code), self.column("sparsity_weight") * charge

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> SparseAutoencoder:
        """An untrained plain sparse autoencoder."""
        return SparseAutoencoder(problem.to_json(), config)


class ContractiveAutoencoderArray(RegularisedArray):
    """K contractive autoencoders side by side (Rifai et al. 2011)."""

    params_class = ContractiveAutoencoderParams

    def penalised(self, run: Pass, given: Given, draws: Draws) -> tuple[Tensor, Tensor]:
        """The penalty is the squared slope of the code by the input."""
        start = given.start.detach().requires_grad_()
        code = self.encode(run, given._replace(start=start))
        slope = squared_slope(code, start, draws.normal("projection", self.latent_dim))
        return self.decode(run, code), self.column("contraction_weight") * slope

    @classmethod
    def by_slope(cls, config: Config) -> bool:
        """Always."""
        return True

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> ContractiveAutoencoder:
        """An untrained plain contractive autoencoder."""
        return ContractiveAutoencoder(problem.to_json(), config)
