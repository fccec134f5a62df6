"""The text model that a user takes away: strings in, strings out, where nothing of ours is."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save

from tests.trainers.conftest import config_of
from tests.trainers.test_portable import ALONE, TRAIN, run_alone
from tests.trainers.texts import text_data, words
from trainers.base import FitPlan, Slot
from trainers.loop import ArrayRun
from trainers.portable import write_model_zip
from trainers.problem import problem_of
from trainers.registry import find_family

SMALL = {"embedding_dim": 16, "hidden_width": 64, "latent_dim": 16}
EPOCHS, TRAIN_WORDS, VALIDATION_WORDS = 5, 700, 150

REPLAY = (
    ALONE
    + """
import json, torch
from model import load
model = load(sys.argv[2])
names = json.loads(sys.argv[3])
with torch.no_grad():
    numbers = model.scaled(names)
    found = model.measure(numbers, torch.Generator())
exec(sys.argv[4].replace('load(".")', "load(sys.argv[2])"))
read = model.texts(numbers)
print(json.dumps({"texts": model.reconstruct(names), "measured": found, "read": read}))
"""
)


@pytest.fixture(scope="module", params=["text_autoencoder", "text_vae"])
def packed(request: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A trained model, unpacked, and what is on record of it."""
    family, folder = request.param, tmp_path_factory.mktemp(request.param)
    data = text_data(TRAIN_WORDS, VALIDATION_WORDS)
    config = config_of(family, **SMALL)
    run = ArrayRun(
        family,
        [Slot(0, 5, config)],
        data,
        FitPlan(EPOCHS, 1, None, "token_cross_entropy", "minimize"),
    )
    ends: list[Any] = []
    while not ends:
        result = run.run_epoch()
        assert result is not None
        ends = result[1]
    (end,) = ends
    content = io.BytesIO()
    write_model_zip(
        content,
        family=family,
        problem=problem_of(data).to_json(),
        config=config,
        weights=save(end.weights),
        metadata={
            "study": "words-test",
            "objective": {"metric": "token_cross_entropy", "value": end.value},
            "metrics": {"train": end.train, "validation": end.validation, "test": None},
            "split": {"train": TRAIN_WORDS, "validation": VALIDATION_WORDS, "order": "file"},
            "training": {"epochs": EPOCHS, "early_stopping": None, "first_eligible_epoch": 1},
        },
    )
    zipfile.ZipFile(content).extractall(folder)
    lines = words()[: TRAIN_WORDS + VALIDATION_WORDS]
    (folder / "lines.txt").write_text("\n".join([*lines, "", lines[0]]) + "\n")
    return {"family": family, "folder": folder, "end": end, "validation": lines[TRAIN_WORDS:]}


def test_it_replays_the_recorded_value_as_its_readme_says(
    packed: dict[str, Any], tmp_path: Path
) -> None:
    texts = packed["validation"]
    readme = (packed["folder"] / "README.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    assert "python train.py lines.txt" in readme
    folder = packed["folder"]
    output = run_alone(REPLAY, folder, folder, json.dumps(texts), snippet, cwd=tmp_path)
    shown, answer = output.splitlines()
    assert shown.startswith("['")
    found = json.loads(answer)
    recorded = packed["end"].validation
    assert found["read"] == texts
    assert len(found["texts"]) == len(texts)
    assert all(isinstance(text, str) for text in found["texts"])
    for name in ("token_cross_entropy", "perplexity", "exact_match", "edit_distance"):
        assert found["measured"][name] == pytest.approx(recorded[name], rel=1e-4)
    exact = sum(a == b for a, b in zip(found["texts"], texts, strict=True)) / len(texts)
    assert exact == pytest.approx(recorded["exact_match"])


@pytest.mark.parametrize("packed", ["text_vae"], indirect=True)
def test_training_again_from_lines_lands_within_seed_noise(
    packed: dict[str, Any], tmp_path: Path
) -> None:
    folder, again = packed["folder"], tmp_path / "again"
    printed = run_alone(TRAIN, folder, folder / "lines.txt", "--output", again, cwd=tmp_path)
    value = float(printed.split()[-1])
    assert "validation token_cross_entropy" in printed
    assert value == pytest.approx(packed["end"].value, rel=0.15)
    record = json.loads((again / "config.json").read_text())
    assert record["metrics"]["validation"]["token_cross_entropy"] == pytest.approx(value, abs=1e-5)
    assert record["metrics"]["train"]["elbo"] < 0


def test_the_zip_names_its_family(packed: dict[str, Any]) -> None:
    record = json.loads((packed["folder"] / "config.json").read_text())
    assert record["family"] == packed["family"]
    assert record["problem"]["tokens"][4] == "a"
    assert find_family(packed["family"]).title in (packed["folder"] / "README.md").read_text()
