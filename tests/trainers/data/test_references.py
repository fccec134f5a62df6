"""The exact baselines of shared/data/README.md, wherever that data is; digits everywhere."""

import os
from pathlib import Path

import numpy as np
import pytest

from trainers.data.mapped import MappedData
from trainers.data.sources import BuiltIn, Idx, Split
from trainers.data.store import ingest

REPOSITORY = Path(__file__).parents[3]
ROOTS = [
    Path(root)
    for root in (
        *filter(None, os.environ.get("HIFITUNE_DATA_ROOTS", "").split(os.pathsep)),
        REPOSITORY.parent / "shared" / "data",
    )
]

OFFICIAL = Split(50_000, 10_000, None, "file")
# mean image, PCA-16, PCA-32, PCA-16 clipped, PCA-32 clipped: MSE on test
REFERENCES = {
    "mnist": (0.06747, 0.02686, 0.01683, 0.02538, 0.01520),
    "fashion-mnist": (0.08664, 0.02045, 0.01515, 0.01983, 0.01450),
    "digits": None,
}


DUPLICATES = {"mnist": 0, "fashion-mnist": 0, "digits": 0}


def images(name, part):
    return f"{name}/{part}-images-idx3-ubyte.gz"


def available():
    found = [
        name for name in REFERENCES if any((r / images(name, "train")).is_file() for r in ROOTS)
    ]
    return [*found, "digits"]


def explicit(folder):
    """The same figures written out in numpy, for data without published ones."""
    data = MappedData.open(folder)
    train, test = data.train.astype(float), data.test().astype(float)
    mean = train.mean(axis=0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2]
    back = [mean + (test - mean) @ axes[:k].T @ axes[:k] for k in (16, 32)]
    errors = [np.square(test - other).mean() for other in (mean, *back)]
    return (*errors, *(np.square(test - other.clip(0, 1)).mean() for other in back))


@pytest.mark.parametrize("name", available())
def test_baselines_are_the_published_ones(name, tmp_path):
    source, split = BuiltIn("digits"), Split()
    if name != "digits":
        source, split = Idx(images(name, "train"), images(name, "t10k")), OFFICIAL
    stored = ingest(source, split, "unit", ROOTS, tmp_path, [16, 32])
    expected = REFERENCES[name] or explicit(tmp_path / stored.folder)
    sixteen, thirty_two = (stored.baselines["pca"][size - 1] for size in (16, 32))
    found = (
        stored.baselines["mean_test"],
        sixteen["test"],
        thirty_two["test"],
        sixteen["test_clipped"],
        thirty_two["test_clipped"],
    )
    assert found == pytest.approx(expected, abs=5e-6)
    assert stored.duplicates_across == DUPLICATES[name]
