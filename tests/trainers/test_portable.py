"""The zip that a user takes away works where nothing of ours can be imported."""

import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save

from tests.trainers.conftest import families_of
from trainers.base import FitPlan, Slot
from trainers.data.mapped import MappedData
from trainers.data.sources import BuiltIn, Split
from trainers.data.store import ingest
from trainers.loop import ArrayRun
from trainers.portable import write_model_zip
from trainers.problem import problem_of
from trainers.registry import find_family

EPOCHS = 6
SEED = 5

ALONE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("service", "trainers", "dashboards"):
            raise ImportError(f"{name} must not be needed")
sys.meta_path.insert(0, Blocked())
try:
    import trainers
except ImportError:
    pass
else:
    raise SystemExit("the project can be imported")
sys.path.insert(0, sys.argv[1])
"""

REPLAY = (
    ALONE
    + """
import json
import re
from pathlib import Path
import numpy as np
import torch
from model import load
model = load(sys.argv[2])
raw = np.load(sys.argv[3])
back = model.reconstruct(raw)
given = model.preprocess(raw)
scaled = given.start
error = model.scaled(back) - scaled
with torch.no_grad():
    code = model.encode(given)
    decoded = model.decode(code)
print(json.dumps({
    "mse": float((error ** 2).mean()),
    "shape": list(back.shape),
    "code": list(code.shape),
    "decoded": float(((decoded - scaled) ** 2).mean()),
    "training": model.training,
}))
"""
)

TRAIN = (
    ALONE
    + """
import runpy
sys.argv = [sys.argv[1] + "/train.py", *sys.argv[2:]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
)


@dataclass(frozen=True)
class Trained:
    problem: dict
    config: dict
    weights: bytes
    value: float
    raw: Path
    """The whole data set in raw units and file order."""
    raw_validation: Path
    metadata: dict


@pytest.fixture(scope="module", params=families_of("image"))
def trained(request, tmp_path_factory) -> Trained:
    family = request.param
    folder = tmp_path_factory.mktemp(family)
    split = Split(order="file")
    stored = ingest(BuiltIn("digits"), split, "unit", [], folder / "store", [])
    data = MappedData.open(folder / "store" / stored.folder)
    parts = [data.train, data.validation, data.test()]
    whole = np.concatenate(parts) * data.scale + data.offset
    np.save(folder / "raw.npy", whole.reshape(-1, 8, 8))
    np.save(folder / "validation.npy", whole[len(data.train) :][: len(data.validation)])
    config = find_family(family).params().model_dump()
    plan = FitPlan(EPOCHS, 1, None, "mse", "minimize")
    run = ArrayRun(family, [Slot(0, SEED, config)], data, plan)
    ends = []
    while not ends:
        _, ends = run.run_epoch()
    (end,) = ends
    return Trained(
        problem_of(data).to_json(),
        config,
        save(end.weights),
        end.value,
        folder / "raw.npy",
        folder / "validation.npy",
        {
            "study": "digits-test",
            "objective": {"metric": "mse", "value": end.value},
            "metrics": {"train": end.train, "validation": end.validation, "test": None},
            "seed": SEED,
            "split": {"train": 0.7, "validation": 0.15, "test": 0.15, "order": "file", "seed": 0},
            "scaling": "unit",
            "training": {"epochs": EPOCHS, "early_stopping": None, "first_eligible_epoch": 1},
        },
    )


@pytest.fixture
def family(request) -> str:
    return request.node.callspec.params["trained"]


def packed(family: str, trained: Trained) -> bytes:
    out = io.BytesIO()
    write_model_zip(
        out,
        family=family,
        problem=trained.problem,
        config=trained.config,
        weights=trained.weights,
        metadata=trained.metadata,
    )
    return out.getvalue()


def unpacked(family: str, trained: Trained, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(packed(family, trained))) as archive:
        archive.extractall(folder)
    return folder


def run_alone(script: str, *arguments: object, cwd: Path) -> str:
    """The script's output, in a fresh interpreter that cannot import the project."""
    process = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", script, *map(str, arguments)],
        cwd=cwd,
        env={"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_model_replays_the_recorded_value_where_the_project_is_not(trained, family, tmp_path):
    folder = unpacked(family, trained, tmp_path / "model")
    output = run_alone(REPLAY, folder, folder, trained.raw_validation, cwd=tmp_path)
    found = json.loads(output)
    assert found["mse"] == pytest.approx(trained.value, abs=1e-5)
    assert found["decoded"] == pytest.approx(trained.value, abs=1e-5)
    assert found["shape"] == [269, 64]
    config = trained.config
    size = config.get("latent_dim") or config["latents"] * config["code_dim"]
    assert found["code"] == [269, size]
    assert found["training"] is False


def test_training_again_from_the_users_array_lands_within_seed_noise(trained, family, tmp_path):
    folder = unpacked(family, trained, tmp_path / "model")
    again = tmp_path / "again"
    printed = run_alone(TRAIN, folder, trained.raw, "--output", again, cwd=tmp_path)
    value = float(printed.split()[-1])
    assert value == pytest.approx(trained.value, rel=0.15)
    output = run_alone(REPLAY, folder, again, trained.raw_validation, cwd=tmp_path)
    assert json.loads(output)["mse"] == pytest.approx(value, abs=1e-5)


def test_a_model_trained_again_goes_by_the_recorded_objective_and_records_its_own_figures(
    trained, family, tmp_path
):
    metric = "elbo" if find_family(family).likelihood else "mae"
    metadata = trained.metadata | {
        "objective": {"metric": metric, "value": 1e9},
        "metrics": {"train": {}, "validation": {metric: 1e9}, "test": {metric: 1e9}},
        "baselines": {"mse": 1e9},
        "best_epoch": 10**9,
        "seed": 10**9,
    }
    changed = replace(trained, metadata=metadata)
    folder = unpacked(family, changed, tmp_path / "model")
    again = tmp_path / "again"
    options = ["--output", again, "--epochs", 2, "--seed", 3]
    printed = run_alone(TRAIN, folder, trained.raw, *options, cwd=tmp_path)
    record = json.loads((again / "config.json").read_text())
    assert f"the best: validation {metric}" in printed
    assert record["objective"]["metric"] == metric
    assert record["objective"]["value"] == record["metrics"]["validation"][metric]
    assert record["objective"]["value"] == pytest.approx(float(printed.split()[-1]), abs=1e-5)
    assert record["config"] == trained.config
    assert (record["best_epoch"] in (1, 2), record["seed"]) == (True, 3)
    assert record["training"]["epochs"] == 2
    assert str(10**9) not in json.dumps(record)
    assert "baselines" not in record


def test_the_same_model_gives_the_same_bytes(trained, family):
    assert packed(family, trained) == packed(family, trained)


def test_the_zip_holds_plain_files_that_need_one_another_alone(trained, family, tmp_path):
    folder = unpacked(family, trained, tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "config.json", "model.py", "train.py", "weights.safetensors"} <= names
    for path in folder.glob("*.py"):
        wanted = set(re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
        foreign = wanted - sys.stdlib_module_names - {"torch", "numpy", "safetensors"}
        assert {f"{name}.py" for name in foreign} <= names, path.name
    assert (folder / "weights.safetensors").read_bytes() == trained.weights


def test_config_json_carries_the_record(trained, family, tmp_path):
    document = json.loads((unpacked(family, trained, tmp_path) / "config.json").read_text())
    assert document["family"] == family
    assert document["config"] == trained.config
    assert document["objective"]["value"] == trained.value
    assert document["training"]["epochs"] == EPOCHS


def test_the_readme_shows_figures_and_configuration(trained, family, tmp_path):
    text = (unpacked(family, trained, tmp_path) / "README.md").read_text()
    assert f"{trained.value:.6g}" in text
    assert f"| activation | {trained.config['activation']} |" in text
    assert "digits-test" in text
    assert "had not been opened" in text


def test_packing_loads_no_torch():
    script = (
        "import sys, io; from trainers.portable import write_model_zip;"
        "write_model_zip(io.BytesIO(), family='vae', problem={}, config={}, "
        "weights=b'', metadata={});"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_an_unknown_family_is_named():
    with pytest.raises(KeyError, match="no family 'gan'"):
        write_model_zip(io.BytesIO(), family="gan", problem={}, config={}, weights=b"", metadata={})
