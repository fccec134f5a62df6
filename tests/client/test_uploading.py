"""Uploading through the client, against a running house."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.client import Client, DatasetHandle, ProblemError
from service.client.datasets import as_file, kind_of, name_of, options_of
from tests.api.house import House


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client(house.url) as client:
        yield client


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    file = tmp_path / "some numbers.npz"
    draws = np.random.default_rng(3).normal(size=(50, 7))
    np.savez(file, first=draws, second=draws[:, :3])
    return file


@pytest.fixture
def uploaded(client: Client, numbers: Path) -> Iterator[DatasetHandle]:
    handle = client.upload(numbers, key="second")
    yield handle
    handle.delete()


def test_a_file_becomes_a_data_set_that_a_study_can_name(
    client: Client, uploaded: DatasetHandle
) -> None:
    study = client.submit({"name": "x", "dataset": uploaded.spec, "family": "autoencoder"})
    assert study.submitted.spec.dataset.model_dump()["id"] == uploaded.id
    study.stop()


def test_options_say_how_it_is_read(uploaded: DatasetHandle) -> None:
    assert uploaded.uploaded.header.shape == [3]
    assert uploaded.detail().source == {"kind": "npz", "key": "second"}


def test_progress_is_told_up_to_the_end(client: Client, numbers: Path) -> None:
    seen: list[tuple[int, int]] = []
    handle = client.upload(numbers, key="first", on_sent=lambda *sent: seen.append(sent))
    handle.delete()
    size = numbers.stat().st_size
    assert seen[-1] == (size, size)


def test_it_is_among_the_data_sets_until_it_is_deleted(client: Client, numbers: Path) -> None:
    handle = client.upload(numbers, "for a while", key="first")
    assert handle.id in {entry.id for entry in client.datasets(origin="upload")}
    handle.delete()
    assert handle.id not in {entry.id for entry in client.datasets()}


def test_a_refusal_says_what_is_wrong_with_the_file(client: Client, numbers: Path) -> None:
    with pytest.raises(ProblemError, match="2 arrays"):
        client.upload(numbers)


@pytest.mark.parametrize(
    ("path", "name"),
    [("faces.zip", "faces.zip"), (".hidden", "hidden"), ("a&b\n.csv", "a-b-.csv"), ("ü", "data"),
     ("x" * 200, "x" * 120)],
)  # fmt: skip
def test_a_file_s_name_becomes_one_that_the_service_takes(path: str, name: str) -> None:
    assert name_of(Path(path)) == name


def test_kinds_are_told_by_endings(tmp_path: Path) -> None:
    names = ("a.npy", "a.CSV", "a.parquet", "a.jsonl", "train-images-idx3-ubyte.gz")
    assert [kind_of(Path(name)) for name in names] == ["npz", "csv", "parquet", "jsonl", None]
    assert kind_of(tmp_path) == "images"


def test_tabs_separate_the_columns_of_a_tsv_file() -> None:
    assert options_of(Path("a.tsv"), {}) == '{"delimiter": "\\t"}'
    assert options_of(Path("a.tsv"), {"delimiter": ";"}) == '{"delimiter": ";"}'


def test_a_folder_gives_the_same_bytes_every_time(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("b.png", "a.JPG", "inner/c.png", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    packed = []
    for _ in range(2):
        with as_file(tmp_path) as file:
            packed.append(file.read_bytes())
    assert packed[0] == packed[1]
    assert b"notes.txt" not in packed[0]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no picture"), as_file(tmp_path):
        pass
