"""Raw units in and out of a plain module keep the digits that ingestion kept."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.trainers.conftest import config_of, families_of, slots_of
from tests.trainers.test_families import finished
from trainers.base import FitPlan
from trainers.data.mapped import MappedData
from trainers.data.sources import Npz, Split
from trainers.data.store import ingest
from trainers.evaluation import score
from trainers.loop import ArrayRun
from trainers.problem import problem_of
from trainers.registry import find_family

UNIX_TIME = 1_700_000_000.0
PLAN = FitPlan(2, 1, None, "mse", "minimize")


@pytest.fixture
def table() -> np.ndarray[Any, Any]:
    """A column of times within a minute, in seconds since 1970, beside three small ones."""
    generator = np.random.default_rng(0)
    return np.column_stack(
        [UNIX_TIME + generator.uniform(0, 60, 200), generator.normal(size=(200, 3))]
    )


@pytest.fixture
def data(table: np.ndarray[Any, Any], tmp_path: Path) -> MappedData:
    np.savez(tmp_path / "table.npz", data=table)
    source, split = Npz(str(tmp_path / "table.npz"), "data"), Split(order="file")
    stored = ingest(source, split, "standard", [tmp_path], tmp_path / "store", [])
    return MappedData.open(tmp_path / "store" / stored.folder)


def trained(family: str, data: MappedData, folder: Path) -> Any:
    """A model of a checkpoint, loaded as users do, and its end."""
    (slot,) = slots_of(family, 1, latent_dim=2)
    _, (end,) = finished(ArrayRun(family, [slot], data, PLAN))
    assert end.weights is not None
    save_file(end.weights, folder / "weights.safetensors")
    config = config_of(family, latent_dim=2)
    problem = problem_of(data)
    document = {"problem": problem.to_json(), "config": config}
    (folder / "config.json").write_text(json.dumps(document))
    replayed = score(
        family, config, folder / "weights.safetensors", data.validation, slot.seed, problem
    )
    assert replayed["mse"] == pytest.approx(end.value, rel=1e-5)
    assert end.validation is not None
    assert replayed["mse_raw"] == pytest.approx(end.validation["mse_raw"], rel=1e-5)
    return import_module(find_family(family).plain).load(folder)


@pytest.mark.parametrize("family", families_of("image"))
def test_a_column_of_unix_times_keeps_its_digits_both_ways(
    family: str, table: np.ndarray[Any, Any], data: MappedData, tmp_path: Path
) -> None:
    model = trained(family, data, tmp_path)
    raw = table[140:170]
    given = model.preprocess(raw)
    scaled = given.start
    assert scaled.dtype == torch.float32
    np.testing.assert_allclose(scaled.numpy(), data.validation, rtol=0, atol=1e-6)
    back = model.reconstruct(torch.from_numpy(raw))
    with torch.no_grad():
        decoded = model.estimate(given).double().numpy()
    np.testing.assert_allclose(back.numpy(), decoded * data.scale + data.offset, atol=1e-5)


def test_the_checkpoint_holds_the_scaling_as_it_was_fitted(
    data: MappedData, tmp_path: Path, table: np.ndarray[Any, Any]
) -> None:
    trained("autoencoder", data, tmp_path)
    state = load_file(tmp_path / "weights.safetensors")
    np.testing.assert_allclose(state["offset"].numpy(), table[:140].mean(0), rtol=1e-14)
    np.testing.assert_allclose(state["scale"].numpy(), table[:140].std(0), rtol=1e-10)


def test_scalings_and_checkpoints_of_float32_can_still_be_read(
    data: MappedData, tmp_path: Path
) -> None:
    for name in ("offset", "scale"):
        path = data.folder / f"{name}.npy"
        np.save(path, np.load(path).astype(np.float32))
    older = MappedData.open(data.folder)
    assert (older.offset.dtype, older.scale.dtype) == (np.float64, np.float64)
    np.testing.assert_allclose(older.offset, data.offset, rtol=1e-6)

    trained("autoencoder", older, tmp_path)
    path = tmp_path / "weights.safetensors"
    state = load_file(path)
    small = {name: state[name].float() for name in ("offset", "scale")}
    save_file({**state, **small}, path)
    model = import_module("trainers.plain.autoencoder").load(tmp_path)
    assert model.offset.dtype == torch.float64
    assert torch.equal(model.offset, small["offset"].double())
