"""The tabular autoencoder: numbers and categories, on a real table."""

import csv
import importlib.util
import io
import json
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save, save_file
from torch import Tensor

from tests.trainers.conftest import ArrayData, config_of, slots_of
from tests.trainers.test_families import assert_same_end, finished, first_step, twin_of
from tests.trainers.test_portable import ALONE, run_alone
from trainers.base import Batch, FitPlan
from trainers.doing_nothing import score_doing_nothing
from trainers.evaluation import evaluation_samples, load_twin, score
from trainers.loop import ArrayRun
from trainers.plain.columns import Columns
from trainers.plain.given import Given
from trainers.plain.train import measure
from trainers.portable import write_model_zip
from trainers.problem import Column, Problem, problem_of
from trainers.registry import catalog, load_family
from trainers.tasks import Task

FAMILY = "tabular_autoencoder"
PLAN = FitPlan(3, 1, None, "mse", "minimize")
SHAPES: list[dict[str, Any]] = [
    {},
    {"depth": 0, "loss": "mse"},
    {"hidden_width": 37, "latent_dim": 5, "loss": "huber", "norm": "batch"},
    {"depth": 2, "hidden_width": 30, "loss": "l1", "norm": "layer", "activation": "silu"},
    {"sigma": 0.3},
]


@cache
def wine() -> ArrayData:
    """178 wines: 13 measurements, the cultivar (3) and the terciles of alcohol (3)."""
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "wine_data.csv"
    with path.open() as file:
        rows = np.array(list(csv.reader(file))[1:], dtype=np.float64)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    numbers = (rows[:, :13] - rows[:130, :13].mean(0)) / rows[:130, :13].std(0)
    strength = np.digitize(rows[:, 0], np.quantile(rows[:130, 0], [1 / 3, 2 / 3]))
    spans = [np.eye(3)[rows[:, 13].astype(int)], np.eye(3)[strength]]
    names = [f"x{place}" for place in range(13)]
    columns = [Column(name, "numeric", place, 1) for place, name in enumerate(names)]
    columns += [
        Column("cultivar", "categorical", 13, 3, ("a", "b", "c")),
        Column("strength", "categorical", 16, 3, ("low", "middle", "high")),
    ]
    stored = np.hstack([numbers, *spans]).astype(np.float32)
    return ArrayData(
        stored[:130],
        stored[130:],
        (19,),
        low=float(stored.min()),
        high=float(stored.max()),
        kind="table",
        columns=columns,
    )


TABLE = problem_of(wine())


def batch_of(count: int, size: int) -> Tensor:
    return torch.from_numpy(wine().train[: count * size]).view(count, size, 19)


@pytest.mark.parametrize("changes", SHAPES, ids=str)
@pytest.mark.parametrize(
    "problem", [TABLE, Problem("vector", (19,), low=-3, high=5)], ids=lambda problem: problem.kind
)
def test_a_step_equals_the_plain_twins(changes: dict[str, Any], problem: Problem) -> None:
    array = load_family(FAMILY)(slots_of(FAMILY, 3, **changes), problem)
    batch = batch_of(3, 20)
    loss = array.training_loss(Batch(batch, Given(batch)), first_step(array), "model")
    (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
    for row in range(3):
        twin = twin_of(array, FAMILY, row)
        expected = twin.player_loss("model", batch[row], Given(batch[row]))
        expected.backward()
        assert loss[row].item() == pytest.approx(expected.item(), rel=1e-5)
        ours = array.layout.export(gradient[row])
        for name, parameter in twin.named_parameters():
            scale = max(1.0, parameter.grad.abs().max().item())
            torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-5 * scale)
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_a_trial_is_the_same_bits_alone_and_in_company(changes: dict[str, Any]) -> None:
    slots = slots_of(FAMILY, 6, dropout=0.1, **changes)
    _, many = finished(ArrayRun(FAMILY, slots, wine(), PLAN))
    _, alone = finished(ArrayRun(FAMILY, slots[4:5], wine(), PLAN))
    assert_same_end(alone[0], many[4])


@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_the_checkpoint_replays_every_recorded_value(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    (slot,) = slots_of(FAMILY, 1, **changes)
    _, (end,) = finished(ArrayRun(FAMILY, [slot], wine(), PLAN))
    assert end.weights is not None
    save_file(end.weights, tmp_path / "w.safetensors")
    path = tmp_path / "w.safetensors"
    found = score(FAMILY, slot.config, path, wine().validation, slot.seed, TABLE)
    assert found == pytest.approx(end.validation, rel=1e-4, abs=1e-7)
    assert end.value == pytest.approx(found["mse"], rel=1e-5)


def test_a_slot_poisoned_with_nan_does_not_touch_the_others() -> None:
    healthy = ArrayRun(FAMILY, slots_of(FAMILY, 3), wine(), PLAN)
    poisoned = ArrayRun(FAMILY, slots_of(FAMILY, 3), wine(), PLAN)
    with torch.no_grad():
        poisoned._model.weights[1, 7] = float("nan")
    ends = {end.trial: end for end in finished(poisoned)[1]}
    assert ends[1].state == "DIVERGED"
    for end in finished(healthy)[1]:
        if end.trial != 1:
            assert_same_end(ends[end.trial], end)


def test_the_catalog_counts_its_parameters() -> None:
    for problem in (TABLE, replace(TABLE, task=Task("inpaint", mask="random", share=0.2))):
        for changes in SHAPES:
            config = config_of(FAMILY, **changes)
            twin: Any = load_family(FAMILY).plain_twin(config, problem)
            counted = sum(parameter.numel() for parameter in twin.parameters())
            assert counted == catalog().count_parameters(FAMILY, config, problem.to_json())


def test_every_column_counts_once() -> None:
    columns = Columns(TABLE.to_json(), 19)
    output, target = batch_of(1, 9)[0] * 2 + 0.3, batch_of(1, 9)[0]
    expected = sum(
        F.cross_entropy(
            output[:, start : start + 3], target[:, start : start + 3].argmax(1), reduction="none"
        )
        for start in (13, 16)
    )
    torch.testing.assert_close(columns.cross_entropy(output, target), expected)
    assert columns.numbers.tolist() == list(range(13))
    chances = columns.predict(output)
    torch.testing.assert_close(chances[:, 13:16], F.softmax(output[:, 13:16], dim=1))
    torch.testing.assert_close(chances[:, :13], output[:, :13])


def test_a_category_that_train_does_not_have_costs_nothing_and_is_not_judged() -> None:
    columns = Columns(TABLE.to_json(), 19)
    target = batch_of(1, 4)[0].clone()
    target[0, 13:16] = 0
    target[1, 13:] = 0
    output = target * 5
    right, judged = columns.hits(output, target)
    assert judged.tolist() == right.tolist() == [1, 0, 2, 2]
    assert columns.cross_entropy(output, target)[1] == 0


def test_columns_of_many_widths_keep_their_places() -> None:
    spans = [
        Column("a", "categorical", 0, 4),
        Column("x", "numeric", 4, 1),
        Column("b", "categorical", 5, 2),
        Column("c", "categorical", 7, 4),
    ]
    columns = Columns(Problem("table", (11,), columns=tuple(spans)).to_json(), 11)
    output = torch.randn(3, 5, 11, generator=torch.Generator().manual_seed(0))
    chances = columns.predict(output)
    for start, width in ((0, 4), (5, 2), (7, 4)):
        span = slice(start, start + width)
        torch.testing.assert_close(chances[..., span], output[..., span].softmax(-1))
    assert torch.equal(chances[..., 4], output[..., 4])


def test_it_learns_numbers_and_categories_of_a_real_table() -> None:
    changes = {"loss": "mse", "learning_rate": 5e-3, "batch_size": 16, "weight_decay": 1e-3}
    plan = replace(PLAN, epochs=100)
    _, (end,) = finished(ArrayRun(FAMILY, slots_of(FAMILY, 1, **changes), wine(), plan))
    assert end.validation is not None
    mean = np.square(wine().validation - wine().train.mean(0))
    assert end.validation["mse"] < 0.3 * mean.mean()
    assert end.validation["numeric_mse"] < 0.4 * mean[:, :13].mean()
    assert end.validation["categorical_accuracy"] > 0.9
    assert 0 < end.validation["categorical_accuracy_se"] < 0.1


def test_a_table_without_numbers_trains_and_has_no_error_of_numbers() -> None:
    whole = wine()
    columns = [replace(c, start=c.start - 13) for c in whole.columns if c.kind == "categorical"]
    data = replace(
        whole, train=whole.train[:, 13:], validation=whole.validation[:, 13:], shape=(6,)
    )
    _, (end,) = finished(
        ArrayRun(FAMILY, slots_of(FAMILY, 1, latent_dim=2), replace(data, columns=columns), PLAN)
    )
    assert end.validation is not None
    assert "numeric_mse" not in end.validation
    assert "categorical_accuracy" in end.validation


def test_vectors_are_all_numbers() -> None:
    data = replace(wine(), kind="vector", columns=())
    _, (end,) = finished(ArrayRun(FAMILY, slots_of(FAMILY, 1), data, PLAN))
    assert end.validation is not None
    assert end.validation["numeric_mse"] == pytest.approx(end.validation["mse"])
    assert "categorical_accuracy" not in end.validation


REPLAY = (
    ALONE
    + """
import json, numpy as np, torch
from pathlib import Path
from model import load
model = load(sys.argv[1])
raw = torch.from_numpy(np.load(sys.argv[2], allow_pickle=False)).double()
guess = model.reconstruct(raw)
right, judged = model.columns.hits(guess, raw)
print(json.dumps([float((guess - raw).square().mean()), float(right.sum() / judged.sum())]))
"""
)


def test_the_model_that_is_taken_away_reconstructs_rows_where_the_project_is_not(
    tmp_path: Path,
) -> None:
    (slot,) = slots_of(FAMILY, 1)
    _, (end,) = finished(ArrayRun(FAMILY, [slot], wine(), PLAN))
    assert end.weights is not None
    assert end.validation is not None
    content = io.BytesIO()
    write_model_zip(
        content,
        family=FAMILY,
        problem=TABLE.to_json(),
        config=dict(slot.config),
        weights=save(end.weights),
        metadata={"training": {"epochs": 2}, "objective": {"metric": "categorical_accuracy"}},
    )
    zipfile.ZipFile(content).extractall(tmp_path)
    np.save(tmp_path / "rows.npy", wine().validation)
    printed = run_alone(REPLAY, tmp_path, tmp_path / "rows.npy", cwd=tmp_path)
    wanted = [end.validation["mse"], end.validation["categorical_accuracy"]]
    assert json.loads(printed) == pytest.approx(wanted, rel=1e-4)
    arguments = ("rows.npy", "--validation", "rows.npy")
    script = f"{ALONE}\nsys.path.insert(0, sys.argv[1])\nsys.argv = ['train.py', *sys.argv[2:]]\n"
    script += "import runpy; runpy.run_path('train.py', run_name='__main__')"
    assert "categorical_accuracy" in run_alone(script, tmp_path, *arguments, cwd=tmp_path)


def test_the_accuracy_of_the_script_that_is_taken_away_is_the_services(tmp_path: Path) -> None:
    (slot,) = slots_of(FAMILY, 1)
    _, (end,) = finished(ArrayRun(FAMILY, [slot], wine(), PLAN))
    assert end.weights is not None
    save_file(end.weights, path := tmp_path / "w.safetensors")
    rows = wine().validation.copy()
    rows[::2, 13:] = 0  # categories that train does not have
    rows[1, 13:16] = 0
    found = score(FAMILY, slot.config, path, rows, slot.seed, TABLE)
    twin: Any = load_family(FAMILY).plain_twin(slot.config, TABLE)
    load_twin(twin, end.weights)
    measured = measure(twin, torch.from_numpy(rows))
    for name in ("mse", "numeric_mse", "categorical_accuracy"):
        assert measured[name] == pytest.approx(found[name], rel=1e-5)
    rows[:, 13:] = 0
    assert "categorical_accuracy" not in measure(twin, torch.from_numpy(rows))


def test_doing_nothing_to_a_table_is_judged_by_its_columns() -> None:
    part = wine().validation
    problem = replace(TABLE, task=Task("inpaint", mask="random", share=0.4))
    fill = wine().mean
    found = score_doing_nothing(problem, part, fill, np.ones(1, np.float32))
    given = evaluation_samples(problem, torch.from_numpy(part), torch.from_numpy(fill)).given
    start = given.start.numpy()
    wanted = np.square(start[:, :13] - part[:, :13]).mean()
    assert found["numeric_mse"] == pytest.approx(wanted, rel=1e-5)
    right = [
        start[:, first : first + 3].argmax(1) == part[:, first : first + 3].argmax(1)
        for first in (13, 16)
    ]
    assert found["categorical_accuracy"] == pytest.approx(np.mean(right))
    assert 0.4 < found["categorical_accuracy"] < 1
    assert "loss" not in found
    vectors = replace(problem, kind="vector", columns=())
    found = score_doing_nothing(vectors, part, fill, np.ones(1, np.float32))
    assert found["numeric_mse"] == pytest.approx(found["mse"])
