"""Tensors on disk: whole or not at all."""

from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from trainers.checkpoints import read_tensors, write_tensors


def test_tensors_and_state_come_back_bit_for_bit(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4).T, "b": torch.tensor(2.5)}
    state = {"epoch": 3, "value": 0.1 + 0.2, "none": None}
    write_tensors(tmp_path / "x.safetensors", tensors, state)
    found, metadata = read_tensors(tmp_path / "x.safetensors")
    assert torch.equal(found["a"], tensors["a"])
    assert found["b"].shape == ()
    assert metadata == state


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.ones(2)}, {"epoch": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainers.checkpoints.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(path, {"a": torch.zeros(2)}, {"epoch": 2})
    assert read_tensors(path)[1] == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.ones(200)}, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SafetensorError):
        read_tensors(path)
