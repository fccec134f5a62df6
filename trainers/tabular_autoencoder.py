"""The tabular autoencoder family: numbers and categories, every column counted once."""

from typing import Any

import torch
from torch import Tensor

from trainers.base import Batch, Config, Step
from trainers.encoder_decoder import EncoderDecoderArray
from trainers.intervals import SampleFigures
from trainers.losses import Reconstruction
from trainers.metrics import Meter, Outputs
from trainers.networks import Blocks, Stack
from trainers.noise import Noise
from trainers.plain.columns import Columns
from trainers.plain.given import Given
from trainers.plain.tabular_autoencoder import TabularAutoencoder
from trainers.problem import Problem
from trainers.spread import Spreads
from trainers.tabular_params import TabularAutoencoderParams


class TabularMeter(Meter):
    """The metrics of numbers, over all expanded columns; numeric_mse, categorical_accuracy.

    numeric_mse is the mean over numeric columns, categorical_accuracy the share of categories
    that are named right, over those that train has.
    """

    def __init__(
        self, loss: Reconstruction, log_sigma: Tensor, scale: Tensor, columns: Columns
    ) -> None:
        super().__init__(loss, log_sigma, scale)
        self._columns = columns
        self._of_columns = Spreads()

    def keep(self, figures: SampleFigures) -> None:
        """Tell `figures` what every sample gives, from now on; K = 1."""
        super().keep(figures)
        self._of_columns.figures = figures

    def add(self, samples: Tensor, outputs: Outputs) -> None:
        """Take in a chunk: samples [n, F] and what the models made of them."""
        super().add(samples, outputs)
        columns, prediction = self._columns, outputs.prediction
        target = samples.expand_as(prediction)
        if len(columns.numbers):
            error = columns.numeric(prediction) - columns.numeric(target)
            self._of_columns.add("numeric_mse", error.square().mean(-1).double())
        if columns.spans:
            right, judged = columns.hits(prediction, target)
            rows = judged[0] > 0
            share = right[:, rows].double() / judged[:, rows].double()
            self._of_columns.add("categorical_accuracy", share)

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64."""
        return super().results() | self._of_columns.means() | self._of_columns.errors()


class TabularAutoencoderArray(EncoderDecoderArray):
    """K tabular autoencoders side by side.

    Loss of a slot: the numeric columns' loss + the cross-entropy of every categorical column,
    each a mean over the batch: every column counts once, however many categories it has.
    """

    params_class = TabularAutoencoderParams

    def build(self) -> None:
        """Declare encoder, decoder and the frozen sigma of the numeric columns."""
        params: Any = self.params[0]
        assert isinstance(params, TabularAutoencoderParams)
        self.latent_dim = params.latent_dim
        self.columns = Columns(self.problem.to_json(), self.features)
        rows, features = (self.layout, self.buffers), self.features
        blocks = Blocks(
            activation=params.activation, norm=params.norm, dropout=self.column("dropout")
        )
        width, depth = params.hidden_width, params.depth
        self.encoder = Stack(
            *rows,
            "encoder",
            self.problem.inputs,
            self.latent_dim,
            width=width,
            depth=depth,
            **blocks,
        )
        self.decoder = Stack(
            *rows, "decoder", self.latent_dim, features, width=width, depth=depth, **blocks
        )
        self._log_sigma = self.buffers.add("log_sigma")
        sigmas = [slot.config["sigma"] for slot in self.slots]
        numbers = max(1, len(self.columns.numbers))
        self.loss = Reconstruction(params.loss, sigmas, numbers, self.device)

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K]: the loss of numbers and categories."""
        run = self.training_pass(step)
        output, target = self.decode(run, self.encode(run, batch.given)), batch.target
        loss = self.columns.cross_entropy(output, target).mean(1)
        if len(self.columns.numbers):
            numbers = self.columns.numeric(output), self.columns.numeric(target)
            loss = loss + self.loss.training(*numbers)
        return loss

    def meter(self, scale: Tensor) -> TabularMeter:
        """Metrics of the expanded columns, and of numbers and categories apart."""
        return TabularMeter(self.loss, self.log_sigma, scale, self.columns)

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions and losses, eval mode."""
        run = self.evaluation_pass()
        output = self.decode(run, self.encode(run, given.expand(len(self.slots))))
        return _outputs(self.columns, self.loss, self.log_sigma, output, target)

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> TabularAutoencoder:
        """An untrained plain tabular autoencoder."""
        return TabularAutoencoder(problem.to_json(), config)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by a plain twin."""
        output = twin.decoder(twin.encode(given))[None]
        numbers = max(1, len(twin.columns.numbers))
        loss = Reconstruction(
            str(twin.config["loss"]), [twin.config["sigma"]], numbers, target.device
        )
        return _outputs(twin.columns, loss, twin.log_sigma[None], output, target)


def _outputs(
    columns: Columns, loss: Reconstruction, log_sigma: Tensor, output: Tensor, target: Tensor
) -> Outputs:
    """Decoder outputs [K, n, F] as reconstructions, and their loss."""
    wanted = target.expand_as(output)
    total = columns.cross_entropy(output, wanted).double().sum(1)
    if len(columns.numbers):
        numbers = columns.numeric(output), columns.numeric(wanted)
        total = total + loss.total(*numbers, log_sigma)
    return Outputs(columns.predict(output), output, loss=total)
