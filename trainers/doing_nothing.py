"""What doing nothing gives: the task's input taken as the answer (DOMAIN.md truth 17)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.base import MetricMeter
from trainers.evaluation import Gatherer, ResidentData, Samples, evaluation_samples
from trainers.losses import Reconstruction
from trainers.metrics import Meter, Outputs
from trainers.plain.columns import Columns
from trainers.problem import Problem
from trainers.tabular_autoencoder import TabularMeter
from trainers.text_metrics import WRITTEN, TextMeter, TextOutputs

OF_NO_MODEL = ("loss", "reconstruction", "token_cross_entropy", "perplexity")
"""What a meter reports of a model's own loss: doing nothing has none."""


@torch.no_grad()
def measure_doing_nothing(problem: Problem, samples: Samples, scale: Tensor) -> dict[str, float]:
    """The metrics of `start` against the target on evaluation samples, as of a model.

    Of numbers all that are taken of reconstructions, hole and known values apart among them; of
    tables also what their columns are judged by; of texts exact match and edit distance.
    """
    text = problem.kind == "text"
    device = samples.target.device
    loss = Reconstruction("mse", [1.0], problem.features, device, problem)
    meter: MetricMeter = TextMeter(1)
    if problem.kind in ("table", "vector"):
        columns = Columns(problem.to_json(), problem.features)
        meter = TabularMeter(loss, torch.zeros(1, device=device), scale, columns)
    elif not text:
        meter = Meter(loss, torch.zeros(1, device=device), scale)
    gatherer = Gatherer(meter, problem, len(samples), close=True)
    left = WRITTEN
    for target, given in samples.chunks():
        start = given.start[None]
        if text:
            nothing = target.new_zeros(1, len(target))
            outputs: object = TextOutputs(nothing, start[:, : max(left, 0)].long())
        else:
            outputs = Outputs(start, start)
        left -= len(target)
        gatherer.add(target, given, outputs)
    (found,) = gatherer.results()
    return {
        name: value
        for name, value in found.items()
        if not any(name in (own, f"{own}_se") for own in OF_NO_MODEL)
    }


def score_doing_nothing(
    problem: Problem, part: NDArray[np.float32], fill: NDArray[Any], scale: NDArray[Any]
) -> dict[str, float]:
    """On scaled samples [N, F], with the same corruption as evaluation.score."""
    target, mean = (
        torch.from_numpy(np.array(values, dtype=np.float32, order="C")) for values in (part, fill)
    )
    samples = evaluation_samples(problem, target, mean)
    factor = torch.from_numpy(np.array(scale, dtype=np.float64, ndmin=1))
    return measure_doing_nothing(problem, samples, factor)


def of_both_parts(data: ResidentData) -> tuple[dict[str, float], dict[str, float]]:
    """On the samples that epochs are evaluated on, of train and of validation."""
    parts = (data.train_part, data.validation_part)
    train, validation = (measure_doing_nothing(data.problem, part, data.scale) for part in parts)
    return train, validation
