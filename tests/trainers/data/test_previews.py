"""A few samples as people look at them, of every kind of data."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainers.data.previews import MAX_BYTES, SAMPLES, SIDES, TEXT_LENGTH, preview
from trainers.data.sources import BuiltIn, Npz, Source, Split, Table, Text
from trainers.data.store import ingest


def seen(tmp_path: Path, source: Source, scaling: str = "unit", **split: Any) -> dict[str, Any]:
    stored = ingest(source, Split(order="file", **split), scaling, [tmp_path], tmp_path / "s", [])
    return preview(tmp_path / "s" / stored.folder)


def pixels_of(picture: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))


@pytest.mark.parametrize("scaling", ["none", "unit", "standard"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3)])
def test_pictures_have_the_pixels_of_the_file(
    tmp_path: Path, scaling: str, shape: tuple[int, ...]
) -> None:
    images = np.random.default_rng(0).integers(0, 255, (40, *shape), np.uint8)
    np.save(tmp_path / "x.npy", images)
    found = seen(tmp_path, Npz("x.npy"), scaling)
    assert len(found["images"]) == SAMPLES
    np.testing.assert_array_equal(pixels_of(found["images"][3]), images[3].squeeze())


def test_pictures_of_real_numbers_span_from_black_to_white(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(50, 9, (40, 6, 6))
    np.save(tmp_path / "x.npy", images)
    found = seen(tmp_path, Npz("x.npy"))
    train = images[:28]
    assert (found["low"], found["high"]) == pytest.approx((train.min(), train.max()), rel=1e-6)
    shown = pixels_of(found["images"][0])
    wanted = (images[0] - train.min()) / (train.max() - train.min()) * 255
    np.testing.assert_allclose(shown, wanted, atol=0.51)


@pytest.mark.parametrize("scaling", ["none", "unit", "standard"])
def test_digits_are_painted_from_black_to_white(tmp_path: Path, scaling: str) -> None:
    found = seen(tmp_path, BuiltIn("digits"), scaling)
    assert found["high"] == pytest.approx(16)
    pictures = [pixels_of(picture) for picture in found["images"]]
    assert max(picture.max() for picture in pictures) == 255
    levels = np.arange(17) * 255 / 16
    assert np.abs(pictures[0][..., None] - levels).min(axis=-1).max() <= 1


def test_large_pictures_are_made_small(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (40, 300, 200, 3), np.uint8)
    np.save(tmp_path / "x.npy", images)
    found = seen(tmp_path, Npz("x.npy"))
    sides = {max(pixels_of(picture).shape) for picture in found["images"]}
    assert max(sides) <= SIDES[0]
    assert sum(len(base64.b64decode(picture)) for picture in found["images"]) <= MAX_BYTES


def test_vectors_are_rows_in_raw_units(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(5, 2, (40, 50))
    np.save(tmp_path / "x.npy", rows)
    found = seen(tmp_path, Npz("x.npy"), "standard")
    np.testing.assert_allclose(found["rows"], rows[:SAMPLES, :32], rtol=1e-5)


def test_tables_have_their_categories_back(tmp_path: Path) -> None:
    lines = [f"{number}.5,{'xyz'[number % 3]}" for number in range(40)]
    (tmp_path / "x.csv").write_text("\n".join(["size,kind", *lines]))
    found = seen(tmp_path, Table("x.csv"))
    assert found["columns"] == ["size", "kind"]
    assert found["rows"][4] == [pytest.approx(4.5), "y"]


@pytest.mark.parametrize("level", ["char", "byte", "word"])
def test_texts_are_read_back(tmp_path: Path, level: Any) -> None:
    lines = [f"Zoë {'x' * number} sah {number}" for number in range(40)]
    (tmp_path / "x.txt").write_text("\n".join(lines))
    found = seen(tmp_path, Text("x.txt", level=level))
    wanted = [" ".join(line.split()) if level == "word" else line for line in lines]
    assert found["texts"] == wanted[:SAMPLES]


def test_long_texts_are_cut(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("\n".join(f"{number}" * 900 for number in range(1, 40)))
    found = seen(tmp_path, Text("x.txt", max_length=1000))
    assert {len(text) for text in found["texts"]} == {TEXT_LENGTH + 1}


def test_a_column_without_values_in_train_is_shown_as_missing(tmp_path: Path) -> None:
    rows = "".join(f"{'' if row < 40 else 'x'},{row}\n" for row in range(50))
    (tmp_path / "x.csv").write_text("k,v\n" + rows)
    shown = seen(tmp_path, Table("x.csv", missing="mean"))
    assert shown["rows"][3] == [None, pytest.approx(3.0)]
