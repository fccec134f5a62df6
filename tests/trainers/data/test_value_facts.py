"""What the values of a stored data set look like."""

from pathlib import Path

import numpy as np
import pytest

from trainers.data.value_facts import measure_values


def stored(folder: Path, train: np.ndarray, validation: np.ndarray, scale: float) -> Path:
    np.save(folder / "train.npy", train.astype(np.float32))
    np.save(folder / "validation.npy", validation.astype(np.float32))
    np.save(folder / "offset.npy", np.zeros(1))
    np.save(folder / "scale.npy", np.full(1, scale))
    return folder


def test_bytes_are_whole_numbers_with_exact_ends_and_an_entropy(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (300, 40))
    raw[:, :10], raw[:, 10:14] = 0, 255
    scaled = raw / 255
    facts = measure_values(stored(tmp_path, scaled, scaled[:50], 255))
    inner = scaled[:50][(raw[:50] > 0) & (raw[:50] < 255)]
    entropy = -(inner * np.log(inner) + (1 - inner) * np.log(1 - inner)).sum() / 50
    assert facts == {
        "low": 0.0,
        "high": 1.0,
        "share_zero": pytest.approx((raw == 0).mean()),
        "share_one": pytest.approx((raw == 255).mean()),
        "integer": True,
        "entropy": pytest.approx(entropy, rel=1e-5),
        "validation_low": 0.0,
        "validation_high": 1.0,
        "validation_outside": 0,
    }


def test_bits_have_no_entropy(tmp_path: Path) -> None:
    bits = np.random.default_rng(0).integers(0, 2, (50, 7))
    facts = measure_values(stored(tmp_path, bits, bits, 1))
    assert facts["share_zero"] + facts["share_one"] == 1
    assert facts["entropy"] == 0


def test_numbers_beyond_0_to_1_have_no_entropy_and_fractions_are_not_whole(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(50, 7))
    facts = measure_values(stored(tmp_path, numbers, numbers, 1))
    assert facts["entropy"] is None
    assert not facts["integer"]
    assert facts["low"] == pytest.approx(numbers.min())


def test_values_of_validation_that_leave_the_range_of_train_are_counted(tmp_path: Path) -> None:
    train = np.linspace(0, 1, 60).reshape(20, 3)
    validation = np.array([[0.5, 1.25, -0.5], [1.0 + 1e-8, 0.0, 3.0]])
    facts = measure_values(stored(tmp_path, train, validation, 1))
    assert facts["entropy"] is not None
    assert (facts["validation_low"], facts["validation_high"]) == (-0.5, 3.0)
    assert facts["validation_outside"] == 3
