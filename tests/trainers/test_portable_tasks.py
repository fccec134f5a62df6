"""A model to take away does its task: noisy, holed or small samples in raw units go in."""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from tests.trainers.conftest import ArrayData, config_of
from tests.trainers.test_portable import ALONE, run_alone
from trainers.base import FitPlan, Slot, SlotEnd
from trainers.loop import ArrayRun
from trainers.plain.given import Given
from trainers.plain.train import measure
from trainers.portable import write_model_zip
from trainers.problem import Problem
from trainers.registry import load_family
from trainers.tasks import Task

CASES = {
    "noisy": ("autoencoder", Task("denoise", noise="gaussian", level=0.2)),
    "own-noise": ("denoising_autoencoder", Task("denoise", noise="masked", level=0.2)),
    "holed": ("autoencoder", Task("inpaint", mask="block", share=0.25)),
    "small": ("super_resolution", Task("super_resolve", factor=2)),
}
SIZES = {"super_resolution": {"channels": 8, "blocks": 2, "loss": "mse"}}

REPLAY = (
    ALONE
    + """
import importlib, json
from pathlib import Path
from typing import Any
import numpy as np
import torch
found = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    sys.path.insert(0, str(folder))
    model = importlib.import_module("model").load(folder)
    raw = np.load(folder / "given.npy")
    target = torch.from_numpy(np.load(folder / "target.npy"))
    back = model.reconstruct(raw)
    error = model.scaled(back) - target
    again = model.train().corrupt(target, torch.Generator().manual_seed(1))
    loss = model.training_loss(target, again)
    found[folder.name] = {
        "mse": float((error ** 2).mean()),
        "shape": list(back.shape),
        "loss": float(loss.detach()),
    }
    sys.path.pop(0)
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]
print(json.dumps(found))
"""
)


def raw_given(given: Given, data: ArrayData) -> NDArray[Any]:
    """What a user has: raw units; NaN for what is missing, or the small images."""
    scaled = given.start if given.low is None else given.low
    raw = scaled.double().numpy() * data.scale + data.offset
    if given.known is not None:
        raw = np.where(given.known.numpy() > 0, raw, np.nan)
    side = round(raw.shape[1] ** 0.5)
    return raw.reshape(-1, side, side)


@pytest.fixture(scope="module")
def replayed(
    digits: ArrayData, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[float, dict[str, Any]]]:
    """By case: the recorded validation value, and what the zip alone made of the same samples."""
    root = tmp_path_factory.mktemp("tasks")
    few = ArrayData(digits.train[:201], digits.validation[:60], (8, 8), scale=digits.scale)
    values = {name: pack(root / name, few, *case) for name, case in CASES.items()}
    found = json.loads(run_alone(REPLAY, root, cwd=root))
    return {name: (values[name], found[name]) for name in CASES}


def pack(folder: Path, data: ArrayData, family: str, task: Task) -> float:
    """Train for two epochs and unpack the zip, with the validation samples beside it."""
    config = config_of(family, **SIZES.get(family, {}))
    plan = FitPlan(2, 1, None, "mse", "minimize", task)
    run = ArrayRun(family, [Slot(0, 3, config)], data, plan)
    ends: list[SlotEnd] = []
    while not ends:
        step = run.run_epoch()
        assert step is not None
        ends = step[1]
    (end,) = ends
    assert end.weights is not None
    assert end.value is not None
    out = io.BytesIO()
    write_model_zip(
        out,
        family=family,
        problem=run._data.problem.to_json(),
        config=config,
        weights=save(end.weights),
        metadata={},
    )
    with zipfile.ZipFile(out) as archive:
        archive.extractall(folder)
    part = run._data.validation_part
    np.save(folder / "given.npy", raw_given(part.given, data))
    np.save(folder / "target.npy", part.target.numpy())
    return end.value


@pytest.mark.parametrize("case", CASES)
def test_from_what_a_user_has_it_reaches_the_recorded_value(
    case: str, replayed: dict[str, tuple[float, dict[str, Any]]]
) -> None:
    value, found = replayed[case]
    assert found["mse"] == pytest.approx(value, rel=1e-4)
    assert math.prod(found["shape"][1:]) == 64


def test_the_readme_says_what_goes_in() -> None:
    texts = {}
    for name, (family, task) in CASES.items():
        out = io.BytesIO()
        problem = Problem("image", (8, 8), task).to_json()
        write_model_zip(out, family=family, problem=problem, config={}, weights=b"", metadata={})
        with zipfile.ZipFile(out) as archive:
            texts[name] = archive.read("README.md").decode()
    assert "NaN where a value is missing" in texts["holed"]
    assert "noisy samples" in texts["noisy"]
    assert "small images" in texts["small"]


@pytest.mark.parametrize("case", CASES)
def test_it_can_be_trained_on_by_its_own_corruption(
    case: str, replayed: dict[str, tuple[float, dict[str, Any]]]
) -> None:
    assert 0 < replayed[case][1]["loss"] < 10


def test_the_plain_loop_measures_the_hole_apart() -> None:
    problem = Problem("image", (8, 8), Task("inpaint", mask="block", share=0.25))
    twin = load_family("autoencoder").plain_twin(config_of("autoencoder"), problem)
    found = measure(twin, torch.rand(40, 64))
    mixed = 0.25 * found["hole_mse"] + 0.75 * found["known_mse"]
    assert found["mse"] == pytest.approx(mixed, rel=1e-5)
