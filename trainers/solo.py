"""SoloArray: any plain module as a family, its K slots trained one after the other.

The way in for a family of one's own: a plain module and its Params are enough, and everything
else (per-slot rates, best epoch, resume, compaction) is that of every array. It is no faster
than K loops; array layers are what makes it so.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainers.base import Batch, Config, ModelArray, Step
from trainers.losses import Reconstruction
from trainers.metrics import Meter, Outputs
from trainers.noise import Noise, site_key
from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Problem

_DATA_BUFFERS = ("offset", "scale", "fill")
"""Of the data, not of the model: the run adds them."""


@dataclass(frozen=True)
class SoloOutputs(Outputs):
    """Outputs of modules, with what their losses are made of."""

    terms: Mapping[str, Tensor] = field(default_factory=dict)
    """Name -> [K], means over the samples."""


class SoloMeter(Meter):
    """Reconstruction metrics, the modules' own loss in eval mode, and what it is made of."""

    def add(self, samples: Tensor, outputs: Outputs) -> None:
        """Take in a chunk: samples [n, F] and what the models made of them."""
        super().add(samples, outputs)
        assert isinstance(outputs, SoloOutputs)
        for name, value in outputs.terms.items():
            self._gather(f"term.{name}", value.double() * len(samples))

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64; what is measured of all models alike keeps its name."""
        terms = {
            name.removeprefix("term."): total / self._samples
            for name, total in self._sums.items()
            if name.startswith("term.")
        }
        return {**terms, **super().results()}

    def equivalent_variance(self) -> Tensor:
        """Unknown: a module's loss is on a scale of its own."""
        return torch.full_like(super().equivalent_variance(), torch.nan)


class _Call(nn.Module):
    """Calls a method of a module by name, so that functional_call can reach it."""

    def __init__(self, twin: nn.Module) -> None:
        super().__init__()
        self.twin = twin

    def forward(self, method: str, *arguments: Any) -> Any:
        return getattr(self.twin, method)(*arguments)


class SoloArray(ModelArray):
    """K plain modules behind the protocol of an array.

    A subclass names its `params_class` and makes its module, a PlainModel with
    `training_loss(target, given, kl_share) -> scalar` (mean over the batch) and `estimate`, in
    `make_plain`. Where the module has `terms` (name -> scalar, of its last loss), they are
    recorded beside the metrics. Its random numbers come from torch's generator, which is seeded
    anew for every slot and step.
    """

    @classmethod
    @abstractmethod
    def make_plain(cls, config: Config, problem: Problem) -> PlainModel:
        """An untrained module of one config."""

    @classmethod
    def plain_twin(cls, config: Config, problem: Problem) -> PlainModel:
        """The module itself."""
        return cls.make_plain(config, problem)

    def build(self) -> None:
        """Take over the parameters and float buffers of the module."""
        self._modules = [_Call(self.make_plain(slot.config, self.problem)) for slot in self.slots]
        twin = self._modules[0].twin
        kept = twin.state_dict().keys()
        for name, parameter in twin.named_parameters():
            self.layout.add(name, *parameter.shape, as_is=True)
        self._constants = {}
        for name, buffer in twin.named_buffers():
            if name in _DATA_BUFFERS or name not in kept:
                continue  # of the data; or the module makes it itself, the same every time
            if buffer.is_floating_point():
                self.buffers.add(name, *buffer.shape, as_is=True)
            else:
                self._constants[name] = buffer.clone()
        self._loss = Reconstruction("mse", [1.0] * len(self.slots), self.features, self.device)

    def initialise(self) -> None:
        """The modules' own initial values, drawn from the slots' seeds."""
        for row, slot in enumerate(self.slots):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(slot.seed)
                state = self.make_plain(slot.config, self.problem).state_dict()
            self.layout.load(self.weights[row], state)
            self.buffers.load(self.state[row], state)

    def constant_buffers(self) -> dict[str, Tensor]:
        """What the module counts in whole numbers."""
        return dict(self._constants)

    def training_loss(self, batch: Batch, step: Step, player: str) -> Tensor:
        """[K], slot by slot."""
        run = self.training_pass(step)
        losses = []
        for row, slot in enumerate(self.slots):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_step_seed(slot.seed, step.epoch, step.index))
                share = float(step.kl_share[row])
                given = batch.given.rows(row)
                arguments = (batch.target[row], given, share)
                losses.append(self._call(row, run.weights, True, "training_loss", *arguments))
        return torch.stack(losses)

    def meter(self, scale: Tensor) -> Meter:
        """Reconstruction metrics; the loss is the module's own, in eval mode."""
        return SoloMeter(self._loss, torch.zeros(len(self.slots)), scale)

    @torch.no_grad()
    def outputs(self, given: Given, target: Tensor, chunk: int) -> Outputs:
        """Reconstructions and losses, eval mode, with frozen random numbers."""
        run = self.evaluation_pass()
        predictions, losses, terms = [], [], []
        for row, slot in enumerate(self.slots):
            predictions.append(self._call(row, run.weights, False, "estimate", given))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_step_seed(slot.seed, 0, chunk))
                arguments = (target, given, 1.0)
                with torch.enable_grad():  # its loss may be made of slopes
                    weights = [view.detach().requires_grad_() for view in run.weights]
                    loss = self._call(row, weights, False, "training_loss", *arguments)
                losses.append(loss.detach())
            terms.append(_terms_of(self._modules[row].twin))
        prediction = torch.stack(predictions)
        loss = torch.stack(losses).double() * len(target)
        common = {name: torch.stack([each[name] for each in terms]) for name in terms[0]}
        return SoloOutputs(prediction, prediction, loss=loss, terms=common)

    @classmethod
    @torch.no_grad()
    def plain_outputs(
        cls, twin: Any, given: Given, target: Tensor, noise: Noise, chunk: int
    ) -> Outputs:
        """The same as `outputs`, by one module; `noise` says whose seed freezes it."""
        prediction = twin.estimate(given)[None]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_step_seed(noise.seeds[0], 0, chunk))
            with torch.enable_grad():  # as above
                loss = twin.training_loss(target, given, 1.0).detach()
        terms = {name: value[None] for name, value in _terms_of(twin).items()}
        total = loss[None].double() * len(target)
        return SoloOutputs(prediction, prediction, loss=total, terms=terms)

    def _call(self, row: int, weights: Any, training: bool, method: str, *arguments: Any) -> Tensor:
        module = self._modules[row].train(training)
        tensors = {
            f"twin.{entry.name}": view[row]
            for layout, views in ((self.layout, weights), (self.buffers, self.state_views))
            for entry, view in zip(layout.entries, views, strict=True)
        }
        result: Tensor = functional_call(module, tensors, (method, *arguments))
        return result


def _terms_of(twin: nn.Module) -> dict[str, Tensor]:
    terms: dict[str, Tensor] = getattr(twin, "terms", {})
    return {name: value.detach() for name, value in terms.items()}


def _step_seed(seed: int, epoch: int, step: int) -> int:
    return site_key(f"{seed}/{epoch}/{step}") & (2**63 - 1)
