"""The division that travels with a model is the one that the study made."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from tests.trainers.test_portable import TRAIN, run_alone
from trainers.data.mapped import MappedData
from trainers.data.sources import Npz, Split, Text
from trainers.data.store import ingest
from trainers.evaluation import load_twin
from trainers.params import AutoencoderParams
from trainers.plain import autoencoder, text_autoencoder
from trainers.plain.division import DEFAULT_DIVISION, divide_samples, group_samples
from trainers.plain.train import keys_of as keys_of_model
from trainers.plain.train import measure, read
from trainers.portable import write_model_zip
from trainers.problem import problem_of
from trainers.text_params import TextAutoencoderParams

SAMPLES = 400
SIZES = [(0.7, 0.15, 0.15), (250, 60, 40), (0.55, 80, 0.1)]


def samples_with_copies(different: int = 240) -> np.ndarray[Any, Any]:
    """[400, 3] whole numbers, most of them several times."""
    generator = np.random.default_rng(3)
    return (
        generator.permutation(different * 3)
        .reshape(-1, 3)[generator.integers(0, different, SAMPLES)]
        .astype(np.float32)
    )


def keys_of(raw: np.ndarray[Any, Any]) -> list[bytes]:
    return [row.tobytes() for row in raw]


def record_of(split: Split) -> dict[str, Any]:
    names = ("train", "validation", "test", "order", "seed", "resplit")
    return {name: getattr(split, name) for name in names}


@pytest.mark.parametrize("duplicates", ["group", "drop", "keep"])
@pytest.mark.parametrize(("order", "resplit"), [("seed", 0), ("file", 0), ("seed", 3)])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_copies_fall_where_the_study_put_them(
    sizes: tuple[Any, Any, Any], order: Any, resplit: int, duplicates: Any, tmp_path: Path
) -> None:
    raw = samples_with_copies(400 if duplicates == "drop" and isinstance(sizes[0], int) else 240)
    raw = np.concatenate([raw, raw + 5000]) if duplicates == "drop" else raw
    np.save(tmp_path / "data.npy", raw)
    split = Split(*sizes, order=order, seed=5, resplit=resplit)
    source = Npz("data.npy", duplicates=duplicates)
    stored = ingest(source, split, "none", [tmp_path], tmp_path / "store", [])
    data = MappedData.open(tmp_path / "store" / stored.folder)

    division = {**DEFAULT_DIVISION, "duplicates": duplicates}
    roots = group_samples(keys_of(raw), duplicates)
    train, validation = divide_samples(roots, record_of(split), division)

    assert np.array_equal(raw[train], data.train)
    assert np.array_equal(raw[validation], data.validation)
    if duplicates != "keep":
        assert not set(keys_of(raw[train])) & set(keys_of(raw[validation]))
        test = set(keys_of(data.test()))
        assert not test & set(keys_of(raw[[*train, *validation]]))


def test_texts_are_copies_where_a_sample_holds_no_more_of_them(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    ends = [" and so on", " or not", ""]
    lines = [
        f"line {generator.integers(0, 90):05}{ends[generator.integers(0, 3)]}" for _ in range(300)
    ]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    source = Text("lines.txt", max_length=10)
    stored = ingest(source, Split(seed=2), "none", [tmp_path], tmp_path / "store", [])
    data = MappedData.open(tmp_path / "store" / stored.folder)
    problem = problem_of(data).to_json()
    model = text_autoencoder.build(problem, TextAutoencoderParams().model_dump())
    raw = read(tmp_path / "lines.txt")
    assert raw == lines

    roots = group_samples(keys_of_model(model, raw), "group")
    rows = divide_samples(roots, record_of(Split(seed=2)), DEFAULT_DIVISION)

    for mine, theirs in zip(rows, (data.train, data.validation), strict=True):
        assert np.array_equal(model.scaled([raw[row] for row in mine]).numpy(), theirs)


@pytest.mark.parametrize(
    ("split", "division", "said"),
    [
        ({}, {"together": "patches of one image"}, "patches of one image in one part"),
        ({"train": "train.npy", "validation": "v.npy"}, {}, "read its parts from files"),
        ({"train": 300, "validation": 200}, {}, "have 500 samples, and here are 400"),
        ({"train": 1, "validation": 399, "order": "file"}, {}, "one of the parts is empty"),
    ],
)
def test_what_the_samples_do_not_say_is_asked_for(
    split: dict[str, Any], division: dict[str, Any], said: str
) -> None:
    roots = group_samples(keys_of(samples_with_copies()), "group")
    with pytest.raises(SystemExit, match=said) as caught:
        divide_samples(roots, split, {**DEFAULT_DIVISION, **division})
    assert "--validation" in str(caught.value)


def test_the_train_py_of_a_zip_keeps_copies_together(tmp_path: Path) -> None:
    raw = samples_with_copies()
    np.save(tmp_path / "data.npy", raw)
    source, split = Npz("data.npy", limit=390), Split(seed=1)
    stored = ingest(source, split, "none", [tmp_path], tmp_path / "store", [])
    data = MappedData.open(tmp_path / "store" / stored.folder)
    problem = problem_of(data).to_json()
    config = AutoencoderParams(latent_dim=2).model_dump()
    model = autoencoder.build(problem, config)
    content = io.BytesIO()
    metadata = {"split": record_of(split), "division": {**DEFAULT_DIVISION, "limit": 390}}
    write_model_zip(
        content, family="autoencoder", problem=problem, config=config,
        weights=save(model.state_dict()), metadata=metadata,
    )  # fmt: skip
    folder = tmp_path / "model"
    zipfile.ZipFile(content).extractall(folder)

    again = tmp_path / "again"
    options = ("--output", again, "--epochs", 1)
    run_alone(TRAIN, folder, tmp_path / "data.npy", *options, cwd=tmp_path)

    record = json.loads((again / "config.json").read_text())
    load_twin(model, load_file(again / "weights.safetensors"))
    for name, part in (("train", data.train), ("validation", data.validation)):
        found = measure(model, torch.from_numpy(np.array(part)))["mse"]
        assert record["metrics"][name]["mse"] == pytest.approx(found, rel=1e-4)
    assert record["division"] == metadata["division"]
