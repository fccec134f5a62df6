"""Fixed evaluation (rule R4): the same samples, corruption, noise and weights at every epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from trainers.base import Config, MetricMeter, ModelArray, Slot, TrainingData
from trainers.data.evaluation_rows import evaluation_rows
from trainers.degradation import frozen_given
from trainers.holes import HoleErrors
from trainers.image_metrics import CLOSE, LOOKED_AT, Looks, close_rows
from trainers.intervals import SampleFigures
from trainers.noise import Noise
from trainers.plain.base import PlainModel, load_weights
from trainers.plain.given import Given
from trainers.problem import Problem, problem_of
from trainers.registry import load_family
from trainers.spread import STANDARD_ERROR
from trainers.tasks import RECONSTRUCT, Task

CHUNK = 1024
"""Samples evaluated at once; it keys the frozen noise, so it is part of the metric."""


@dataclass(frozen=True)
class Samples:
    """Evaluation samples, [n, F], and what every model sees of them."""

    target: Tensor
    given: Given

    def __len__(self) -> int:
        return len(self.target)

    def first(self, count: int) -> "Samples":
        """The first ones."""
        return Samples(self.target[:count], self.given.rows(slice(count)))

    def pick(self, rows: Tensor) -> "Samples":
        """Some of them."""
        return Samples(self.target[rows], self.given.rows(rows))

    def cpu(self) -> "Samples":
        """The same in main memory, where plain twins work."""
        return Samples(self.target.cpu(), self.given.map(Tensor.cpu))

    def chunks(self) -> Iterator[tuple[Tensor, Given]]:
        """Targets and what is given of them, CHUNK at a time."""
        for start in range(0, len(self), CHUNK):
            rows = slice(start, start + CHUNK)
            yield self.target[rows], self.given.rows(rows)


def evaluation_samples(problem: Problem, target: Tensor, fill: Tensor) -> Samples:
    """Samples [n, F] with the task's frozen corruption."""
    chunks = [
        frozen_given(problem, part, fill, chunk, target.device)
        for chunk, part in enumerate(torch.split(target, CHUNK))
    ]
    parts = [
        None if part[0] is None else torch.cat([tensor for tensor in part if tensor is not None])
        for part in zip(*chunks, strict=True)
    ]
    assert parts[0] is not None
    return Samples(target, Given(parts[0], *parts[1:]))


class ResidentData:
    """The data of a run as tensors; evaluation uses equally many samples of both parts."""

    def __init__(self, data: TrainingData, device: torch.device, task: Task = RECONSTRUCT) -> None:
        train, validation = np.asarray(data.train), np.asarray(data.validation)
        if len(train) == 0 or len(validation) == 0:
            raise ValueError("training and validation parts need at least one sample each")
        train_rows, validation_rows = evaluation_rows(len(train), len(validation))

        def resident(values: NDArray[np.float32]) -> Tensor:
            return torch.from_numpy(np.array(values, dtype=np.float32, order="C")).to(device)

        self.problem = problem_of(data, task)
        self.features = int(train.shape[1])
        if self.features != self.problem.features:
            raise ValueError(f"samples of {self.features} numbers are not {self.problem.shape}")
        self.fill = resident(np.asarray(data.mean))
        self.train = resident(train)
        self.train_part = evaluation_samples(self.problem, resident(train[train_rows]), self.fill)
        self.validation_part = evaluation_samples(
            self.problem, resident(validation[validation_rows]), self.fill
        )
        self.offset = resident(np.atleast_1d(data.offset))
        self.scale = resident(np.atleast_1d(data.scale))
        self.scaling = {"offset": _doubles(data.offset), "scale": _doubles(data.scale)}
        """What a checkpoint holds of the data."""
        if self.problem.masked:
            self.scaling["fill"] = self.fill.cpu()


def _doubles(numbers: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(numbers, dtype=np.float64, ndmin=1))


class Gatherer:
    """A family's meter, and what is measured of the reconstructions of all families alike.

    `close`: ssim, ms_ssim and bce_excess as well (image_metrics.py). `figures` are told what
    every sample gives; then K = 1.
    """

    def __init__(
        self,
        meter: MetricMeter,
        problem: Problem,
        count: int,
        *,
        close: bool,
        figures: SampleFigures | None = None,
    ) -> None:
        self.meter = meter
        self._holes = HoleErrors()
        self._looks = Looks(problem, count, close=close)
        if figures is not None:
            self._holes.figures = figures
            self._looks.keep(figures)
            meter.keep(figures)

    def add(self, target: Tensor, given: Given, outputs: Any) -> None:
        """Take in a chunk: [n, F], and what an array or a plain twin said of it."""
        self.meter.add(target, outputs)
        self._holes.add(outputs.prediction, target, given.known)
        self._looks.add(outputs.prediction, target)

    def results(self) -> list[dict[str, float]]:
        """The metrics of each slot."""
        return by_slot(self.meter.results() | self._holes.results() | self._looks.results())


def evaluate(
    model: ModelArray, data: ResidentData, metric: str = "mse"
) -> tuple[list[dict[str, float]], list[dict[str, float]], list[float]]:
    """Metrics on the train part and on validation for each slot, and its equivalent variance.

    The last is the factor from beta to effective beta (losses.py), on validation. `metric` ranks
    the epochs: what costs much is measured where it is needed for that.
    """
    close = metric in CLOSE
    train = _measure(model, data.train_part, data.scale, close)
    validation = _measure(model, data.validation_part, data.scale, close)
    variance: list[float] = validation.meter.equivalent_variance().tolist()
    return train.results(), validation.results(), variance


@torch.no_grad()
def look_closely(twin: PlainModel, problem: Problem, part: Samples) -> dict[str, float]:
    """ssim, ms_ssim and bce_excess of a trained twin, as `evaluate` would measure them."""
    if problem.kind not in LOOKED_AT:
        return {}
    chosen = part.pick(close_rows(len(part)).to(part.target.device))
    looks = Looks(problem, len(chosen), close=True)
    looks.add(twin.estimate(chosen.given)[None], chosen.target)
    found = by_slot(looks.results())[0]
    return {name: found[name] for name in found if name.removesuffix(STANDARD_ERROR) in CLOSE}


def score(
    family: str,
    config: Config,
    weights: Path,
    data_part: NDArray[np.float32],
    seed: int,
    problem: Problem,
    fill: NDArray[np.float32] | None = None,
    figures: SampleFigures | None = None,
) -> dict[str, float]:
    """Metrics of a checkpoint on scaled samples [N, F], computed through the plain twin.

    On the validation samples of the run it gives the recorded values, up to rounding. `fill` is
    the mean of the training part; None is right for tasks that hide nothing. `figures` are told
    what every sample gives: SampleFigures.intervals says how far the metrics could be off.
    """
    state = load_file(weights)
    target = torch.from_numpy(np.array(data_part, dtype=np.float32, order="C"))
    means = torch.zeros(problem.features) if fill is None else torch.from_numpy(np.array(fill))
    samples = evaluation_samples(problem, target, means)
    array_class = load_family(family)
    twin = array_class.plain_twin(config, problem)
    load_twin(twin, state)
    array = array_class([Slot(0, seed, config)], problem, initialise=False)
    array.buffers.load(array.state[0], state)
    meter = array.meter(state["scale"])
    gatherer = Gatherer(meter, problem, len(samples), close=True, figures=figures)
    noise = Noise([seed], array.device)
    for chunk, (part, given) in enumerate(samples.chunks()):
        gatherer.add(part, given, array_class.plain_outputs(twin, given, part, noise, chunk))
    return gatherer.results()[0]


def load_twin(twin: PlainModel, state: dict[str, Tensor]) -> None:
    """Put a checkpoint into a plain twin, and set it to eval mode."""
    load_weights(twin, state)
    twin.eval()


def by_slot(results: dict[str, Tensor]) -> list[dict[str, float]]:
    """Metric -> [K] as a dictionary for each slot; of one slot where there are no metrics."""
    if not results:
        return [{}]
    table = torch.stack(list(results.values())).T.tolist()
    return [dict(zip(results, row, strict=True)) for row in table]


def _measure(model: ModelArray, part: Samples, scale: Tensor, close: bool) -> Gatherer:
    gatherer = Gatherer(model.meter(scale), model.problem, len(part), close=close)
    for chunk, (target, given) in enumerate(part.chunks()):
        gatherer.add(target, given, model.outputs(given, target, chunk))
    return gatherer
