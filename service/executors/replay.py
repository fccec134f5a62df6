"""Replays what a worker measured: a checkpoint on validation, and the choice of the best epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from service.domain.space import Scalar
from service.executors.segment import open_data
from trainers.best_epoch import BestEpoch
from trainers.data.evaluation_rows import evaluation_rows
from trainers.evaluation import score
from trainers.problem import problem_of
from trainers.tasks import parse_task


def replay_validation(
    data_folder: Path,
    weights: Path,
    family: str,
    config: Mapping[str, Scalar],
    seed: int,
    task: dict[str, Any],
) -> dict[str, float]:
    """Metrics of a checkpoint on the validation samples that epochs are judged on.

    Through the plain twin: the recorded values, up to rounding.
    """
    data = open_data(str(data_folder))
    _, rows = evaluation_rows(len(data.train), len(data.validation))
    samples = np.asarray(data.validation)[rows]
    problem = problem_of(data, parse_task(task))
    return score(family, dict(config), weights, samples, seed, problem, np.asarray(data.mean))


def best_epoch_of(
    values: Sequence[tuple[int, float]], first_eligible: int, sign: float
) -> tuple[int, float] | None:
    """The best epoch of a series and its value; None while no epoch is eligible."""
    best = BestEpoch(first_eligible, sign)
    for epoch, value in values:
        best.add(epoch, value)
    found = best.current()
    return None if found is None else (found.epoch, found.value)
