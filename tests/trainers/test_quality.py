"""The defaults are good: better than PCA with the same code, and alive."""

import numpy as np
import pytest

from tests.trainers.conftest import ArrayData, slots_of
from tests.trainers.test_families import finished
from trainers.base import EarlyStopping, FitPlan
from trainers.loop import ArrayRun

PLAN = FitPlan(30, 1, EarlyStopping(5, 0.0, 3), "mse", "minimize")


def pca_error(data: ArrayData, components: int) -> float:
    mean = data.train.mean(axis=0)
    axes = np.linalg.svd(data.train - mean, full_matrices=False)[2][:components]
    error = (data.validation - mean) - (data.validation - mean) @ axes.T @ axes
    return float((error**2).mean())


def test_the_default_vae_is_alive_and_beats_pca(digits: ArrayData) -> None:
    _, (end,) = finished(ArrayRun("vae", slots_of("vae", 1), digits, PLAN))
    assert end.validation is not None
    assert end.validation["active_units"] >= 8
    assert end.validation["mse"] < pca_error(digits, 4) / 3
    assert end.validation["mse"] < pca_error(digits, 16)


def test_the_default_autoencoder_beats_pca(digits: ArrayData) -> None:
    _, (end,) = finished(ArrayRun("autoencoder", slots_of("autoencoder", 1), digits, PLAN))
    assert end.value is not None
    assert end.value < pca_error(digits, 16) * 0.85


@pytest.mark.parametrize(
    "family", ["wae_mmd", "rae", "sparse_autoencoder", "contractive_autoencoder"]
)
def test_a_default_penalty_leaves_more_than_pca_with_four_axes(
    family: str, digits: ArrayData
) -> None:
    plan = FitPlan(15, 1, None, "mse", "minimize")
    _, (end,) = finished(ArrayRun(family, slots_of(family, 1), digits, plan))
    assert end.value is not None
    assert end.value < pca_error(digits, 4)


def test_a_fixed_sigma_of_one_collapses_on_data_between_zero_and_one(digits: ArrayData) -> None:
    plan = FitPlan(30, 30, None, "mse", "minimize")
    _, (end,) = finished(ArrayRun("vae", slots_of("vae", 1, sigma=1.0), digits, plan))
    assert end.validation is not None
    assert end.validation["active_units"] == 0
    mean_image = float(((digits.validation - digits.train.mean(axis=0)) ** 2).mean())
    assert end.validation["mse"] == pytest.approx(mean_image, rel=0.1)
