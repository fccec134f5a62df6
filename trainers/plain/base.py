"""PlainModel: scaling, the task's input, and reconstruction in raw units."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from trainers.plain.augmentation import augmentation_of
from trainers.plain.corruption import Draws, GeneratorDraws, take_away
from trainers.plain.figures import image_figures
from trainers.plain.given import Given
from trainers.plain.resampling import enlarge


class Player(NamedTuple):
    """Parameters that one optimizer steps by one loss."""

    name: str
    parameters: list[nn.Parameter]
    rate: float = 1.0
    """A factor on the learning rate."""


class PlainModel(nn.Module):
    """What every model has: the scaling of its data, and the task that it was trained for.

    `problem` says what the data is (`kind`, `shape` of a sample, ...) and what the `task` is,
    `config` how the model is built. A subclass offers `encode`, `decode` and `training_loss`, or
    `estimate` where there is no code.
    """

    offset: Tensor
    scale: Tensor
    log_sigma: Tensor
    fill: Tensor

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__()
        self.problem = dict(problem)
        self.config = dict(config)
        self.task: dict[str, Any] = dict(problem["task"])
        self.shape = tuple(int(side) for side in problem["shape"])
        self.features = math.prod(self.shape)
        self.masked = self.task["kind"] == "inpaint"
        self.inputs = self.features * (2 if self.masked else 1)
        # float64: a time in seconds has more digits than a float32. A device without it (mps)
        # takes the model after model.float().
        self.register_buffer("offset", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(1, dtype=torch.float64))
        self.register_buffer("log_sigma", torch.zeros(()))
        if self.masked:
            self.register_buffer("fill", torch.zeros(self.features))

    def see(self, given: Given) -> Tensor:
        """What the network looks at, [N, inputs]: with a mask, the known ones beside the values."""
        if given.known is None:
            return given.start
        return torch.cat([given.start, given.known], dim=-1)

    def encode(self, given: Given) -> Tensor:
        """[N, ...] -> [N, L]."""
        raise NotImplementedError

    def decode(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled."""
        raise NotImplementedError

    def estimate(self, given: Given) -> Tensor:
        """The reconstruction, [N, F] scaled."""
        return self.decode(self.encode(given))

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """The loss of a batch [B, F]: mean over samples; `kl_share` is the warm-up."""
        raise NotImplementedError

    def players(self) -> list[Player]:
        """Who is trained, in the order in which they step in every batch."""
        return [Player("model", list(self.parameters()))]

    def count_used(self) -> int:
        """Weights of the model in use: the trained ones, without those of a discriminator."""
        players = self.players()
        only_judge = {
            id(weight) for one in players if one.name != "model" for weight in one.parameters
        }
        return sum(
            weight.numel()
            for weight in self.parameters()
            if weight.requires_grad and id(weight) not in only_judge
        )

    def player_loss(
        self,
        player: str,
        target: Tensor,
        given: Given,
        kl_share: float = 1.0,
        draws: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The loss of one player; most models have a single one.

        `draws` stand in for the model's own random numbers, by name ("z", "prior").
        """
        return self.training_loss(target, given, kl_share)

    def end_epoch(self) -> None:
        """What a model does of its own after every epoch of training."""

    def element_errors(self, target: Tensor, given: Given) -> Tensor:
        """How wrong each element of the reconstruction is, [N, F]: its squared error."""
        return (self.estimate(given) - target).square()

    def errors(self, target: Tensor, given: Given) -> Tensor:
        """How wrong each reconstruction is, [N]: its mean squared error."""
        return self.element_errors(target, given).mean(1)

    def figures(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Figures of reconstructions beyond their errors, [N, F] twice -> name: [N]."""
        return image_figures(prediction, target, self.problem)

    def latent(self, given: Given) -> Tensor | None:
        """[N, L] where samples lie in the latent space; None: there is none."""
        return None

    def decode_latent(self, code: Tensor) -> Tensor | None:
        """Codes like those of `latent`, [N, L] -> what stands there, [N, F] as `estimate` says it.

        None: there is no such decoder, or a code is more than a list of numbers.
        """
        return None

    def posterior(self, given: Given) -> tuple[Tensor, Tensor] | None:
        """Mean and log-variance of a normal posterior, [N, L] each; None: there is none."""
        return None

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor | None:
        """[count, F] scaled: decoded draws from the prior; None: there is none."""
        return None

    def code_use(self, given: Given) -> Tensor | None:
        """[codes] how often samples use each entry of a codebook; None: there is none."""
        return None

    def corrupt(self, target: Tensor, generator: torch.Generator | None = None) -> Given:
        """What the task leaves of scaled samples [N, F]; in training mode with augmentation."""
        draws = GeneratorDraws(target, generator)
        given = self.damage(target, draws)
        augmentation = augmentation_of(self.config, target.device) if self.training else None
        return given if augmentation is None else augmentation.given(given, draws)

    def damage(self, target: Tensor, draws: Draws) -> Given:
        """What the task takes away from scaled samples [N, F]."""
        # Only a model for holes carries the mean of train; that of the batch is near it.
        fill = self.fill if self.masked else target.mean(0)
        return take_away(self.problem, target, fill, draws)

    def augment(self, target: Tensor) -> Tensor:
        """Other samples of the same kind to train on, [N, F]."""
        augmentation = augmentation_of(self.config, target.device)
        if augmentation is None:
            return target
        return augmentation.samples(self.problem, target, GeneratorDraws(target))

    def scaled(self, raw: Tensor) -> Tensor:
        """Raw units, [N, ...] -> [N, numbers in a sample] on the scale of training."""
        flat = torch.as_tensor(raw).to(self.offset).reshape(len(raw), -1)
        # The dtype of the weights; a model without any computes in float32.
        dtype = next((p.dtype for p in self.parameters()), torch.float32)
        return ((flat - self.offset) / self.scale).to(dtype)

    def preprocess(self, raw: Tensor) -> Given:
        """Raw units, [N, ...] -> what the model is given.

        For inpaint NaN marks what is missing; for super_resolve `raw` holds the small images.
        """
        scaled = self.scaled(raw)
        if self.masked:
            known = scaled.isfinite()
            filled = torch.where(known, scaled, self.fill.to(scaled))
            return Given(filled, known=known.to(scaled))
        if self.task["kind"] == "super_resolve":
            height, width, channels = (*self.shape, 1)[:3]
            return Given(enlarge(scaled, height, width, channels, self.task["factor"]), low=scaled)
        return Given(scaled)

    @torch.no_grad()
    def reconstruct(self, raw: Tensor) -> Tensor:
        """Raw units -> raw units, [N, *shape], float64; eval mode."""
        training = self.training
        self.eval()
        scaled = self.estimate(self.preprocess(raw))
        self.train(training)
        # Samples may come in any shape of their size; small images go out as large ones.
        shape = torch.as_tensor(raw).shape
        if math.prod(shape[1:]) != self.features:
            shape = torch.Size([len(raw), *self.shape])
        return (scaled.to(self.scale) * self.scale + self.offset).reshape(shape)


AnyModel = TypeVar("AnyModel", bound=PlainModel)


def load_model(
    folder: str | Path, build: Callable[[Mapping[str, Any], Mapping[str, Any]], AnyModel]
) -> AnyModel:
    """The trained model of a folder (config.json, weights.safetensors), in eval mode."""
    document = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    model = build(document["problem"], document["config"])
    load_weights(model, load_file(Path(folder) / "weights.safetensors"))
    return model.eval()


def load_weights(model: PlainModel, state: Mapping[str, Tensor]) -> None:
    """Fill a model, whose scaling takes the shape of the state's: one number, or one a column."""
    model.offset, model.scale = state["offset"].double(), state["scale"].double()
    model.load_state_dict(state)
