"""Fixed evaluation (rule R4): the same samples, noise and weights of the loss at every epoch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from trainers.base import Config, ModelArray, PlainTwin, Slot, TrainingData
from trainers.data.evaluation_rows import evaluation_rows
from trainers.metrics import Meter
from trainers.noise import Noise
from trainers.registry import load_family

CHUNK = 1024
"""Samples evaluated at once; it keys the frozen noise, so it is part of the metric."""


class ResidentData:
    """The data of a run as tensors; evaluation uses equally many samples of both parts."""

    def __init__(self, data: TrainingData, device: torch.device) -> None:
        train, validation = np.asarray(data.train), np.asarray(data.validation)
        if len(train) == 0 or len(validation) == 0:
            raise ValueError("training and validation parts need at least one sample each")
        train_rows, validation_rows = evaluation_rows(len(train), len(validation))

        def resident(values: NDArray[np.float32]) -> Tensor:
            return torch.from_numpy(np.array(values, dtype=np.float32, order="C")).to(device)

        self.shape = tuple(int(side) for side in data.shape)
        self.features = int(train.shape[1])
        self.train = resident(train)
        self.train_part = resident(train[train_rows])
        self.validation_part = resident(validation[validation_rows])
        self.samples = resident(validation[:8])
        self.offset = resident(np.atleast_1d(data.offset))
        self.scale = resident(np.atleast_1d(data.scale))


def evaluate(
    model: ModelArray, data: ResidentData
) -> tuple[list[dict[str, float]], list[dict[str, float]], list[float]]:
    """Metrics on the train part and on validation for each slot, and its equivalent variance.

    The last is the factor from beta to effective beta (losses.py), on validation.
    """
    train = _measure(model, data.train_part, data.scale)
    validation = _measure(model, data.validation_part, data.scale)
    variance: list[float] = validation.equivalent_variance().tolist()
    return _by_slot(train), _by_slot(validation), variance


def score(
    family: str,
    config: Config,
    weights: Path,
    data_part: NDArray[np.float32],
    seed: int,
) -> dict[str, float]:
    """Metrics of a checkpoint on scaled samples [N, F], computed through the plain twin.

    On the validation samples of the run it gives the recorded values, up to rounding.
    """
    state = load_file(weights)
    samples = torch.from_numpy(np.array(data_part, dtype=np.float32, order="C"))
    array_class = load_family(family)
    features = samples.shape[1]
    twin = array_class.plain_twin(config, features)
    load_twin(twin, state)
    array = array_class([Slot(0, seed, config)], features, initialise=False)
    array.buffers.load(array.state[0], state)
    meter = array.meter(state["scale"])
    noise = Noise([seed], array.device)
    for chunk, part in enumerate(torch.split(samples, CHUNK)):
        meter.add(part, array_class.plain_outputs(twin, part, noise, chunk))
    return _by_slot(meter)[0]


def load_twin(twin: PlainTwin, state: dict[str, Tensor]) -> None:
    """Put a checkpoint into a plain twin, and set it to eval mode."""
    twin.offset, twin.scale = state["offset"], state["scale"]
    twin.load_state_dict(state)
    twin.eval()


def _measure(model: ModelArray, part: Tensor, scale: Tensor) -> Meter:
    meter = model.meter(scale)
    for chunk, samples in enumerate(torch.split(part, CHUNK)):
        meter.add(samples, model.outputs(samples, chunk))
    return meter


def _by_slot(meter: Meter) -> list[dict[str, float]]:
    results = meter.results()
    table = torch.stack(list(results.values())).T.tolist()
    return [dict(zip(results, row, strict=True)) for row in table]
