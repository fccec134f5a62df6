"""The loop that travels with a model: the same configuration gives as good a model."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainers.conftest import ArrayData, config_of, slots_of
from tests.trainers.test_families import finished
from trainers.base import FitPlan
from trainers.data.sources import Split
from trainers.data.splits import divide
from trainers.loop import ArrayRun
from trainers.plain.train import split_rows, train
from trainers.registry import families, find_family


@pytest.mark.parametrize("family", sorted(families()))
def test_the_plain_loop_lands_where_the_array_does(family: str, digits: ArrayData) -> None:
    config = config_of(family, dropout=0.05, hidden_width=64)
    plan = FitPlan(12, 1, None, "mse", "minimize")
    _, ends = finished(
        ArrayRun(family, slots_of(family, 6, dropout=0.05, hidden_width=64), digits, plan)
    )
    values = [end.value for end in ends if end.value is not None]
    torch.manual_seed(0)
    model: Any = import_module(find_family(family).plain).build(64, config)
    training = {"epochs": 12, "early_stopping": None, "first_eligible_epoch": 1}
    data = [torch.from_numpy(part) for part in (digits.train, digits.validation)]
    found = train(model, data[0], data[1], training, show=False)
    mean, spread = float(np.mean(values)), float(np.std(values))
    assert abs(found - mean) < max(4 * spread, 0.1 * mean)


def test_early_stopping_ends_the_plain_loop(digits: ArrayData, capsys: Any) -> None:
    model = import_module("trainers.plain.autoencoder").build(
        64, config_of("autoencoder", learning_rate=1e-7)
    )
    stopping = {"patience": 2, "min_delta": 0.01, "min_epochs": 1}
    training = {"epochs": 9, "early_stopping": stopping, "first_eligible_epoch": 2}
    few = torch.from_numpy(digits.train[:100])
    train(model, few, few, training)
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize("order", ["seed", "file"])
@pytest.mark.parametrize("sizes", [(0.7, 0.15, 0.15), (500, 100, 50), (0.61, 200, 0.1)])
def test_the_split_is_the_services_own(order: Any, sizes: tuple[Any, Any, Any]) -> None:
    split = Split(*sizes, order=order, seed=5)
    parts = divide(split, "x", [1797])
    record = {"train": sizes[0], "validation": sizes[1], "order": order, "seed": 5}
    rows, others = split_rows(1797, record)
    assert np.array_equal(rows, parts.train)
    assert np.array_equal(others, parts.validation)
