"""The closed form of the linear beta-VAE."""

from math import log

import numpy as np
import pytest

from service.domain.linear_vae import linear_vae, part_mse


def test_directions_below_beta_are_lost_and_those_above_keep_a_little() -> None:
    found = linear_vae(
        [4.0, 1.0, 0.25, 0.25], mean_mse=5.5 / 4, features=4, beta=0.5, latent_dim=1000
    )
    assert found is not None
    assert found.active_units == 2
    assert found.kl == pytest.approx(0.5 * (log(8) + log(2)))
    assert found.mse == pytest.approx((0.25 / 4 + 0.25 / 1 + 0.5) / 4)


def test_a_beta_above_every_eigenvalue_is_the_mean_sample() -> None:
    found = linear_vae([0.7, 0.3], mean_mse=0.5, features=2, beta=1.0, latent_dim=2)
    assert found is not None
    assert (found.active_units, found.kl, found.mse) == (0, 0.0, 0.5)


def test_directions_that_are_not_listed_may_not_be_active() -> None:
    assert linear_vae([4.0, 2.0], mean_mse=1.0, features=784, beta=0.5, latent_dim=1000) is None
    assert linear_vae([4.0, 0.1], mean_mse=1.0, features=784, beta=0.5, latent_dim=1000) is not None


@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_there_is_no_closed_form_without_a_beta(beta: float) -> None:
    assert linear_vae([1.0], mean_mse=1.0, features=1, beta=beta, latent_dim=1) is None


def test_no_more_directions_are_active_than_there_are_latent_dimensions() -> None:
    """With beta towards 0 it is PCA of the same latent size."""
    found = linear_vae([4.0, 1.0, 0.5], mean_mse=5.5 / 3, features=3, beta=1e-6, latent_dim=2)
    assert found is not None
    assert (found.active_units, found.latent_dim) == (2, 2)
    assert found.mse == pytest.approx(0.5 / 3)
    assert linear_vae([4.0, 2.0], mean_mse=1.0, features=784, beta=0.5, latent_dim=2) is not None


def test_another_part_is_scored_along_the_directions_of_train() -> None:
    """Against a projection by hand, of samples that train's directions do not describe."""
    stream = np.random.default_rng(0)
    train = stream.normal(size=(500, 4)) * [2.0, 1.0, 0.5, 0.2]
    other = stream.normal(size=(60, 4)) @ stream.normal(size=(4, 4)) + 0.3
    mean = train.mean(0)
    values, vectors = np.linalg.eigh(np.cov(train.T, bias=True))
    values, vectors = values[::-1], vectors[:, ::-1]
    centred = other - mean
    coordinates = centred @ vectors
    errors = [
        float(np.square(centred - coordinates[:, :k] @ vectors[:, :k].T).mean()) for k in range(5)
    ]
    found = linear_vae(values.tolist(), float(values.sum()) / 4, 4, beta=0.4, latent_dim=4)
    assert found is not None and found.active_units == 2
    kept = coordinates[:, :2] * (1 - 0.4 / values[:2])
    by_hand = float(np.square(centred - kept @ vectors[:, :2].T).mean())
    assert part_mse(found, list(errors)) == pytest.approx(by_hand)
    assert part_mse(found, [errors[0], None, errors[2]]) is None
    assert part_mse(found, errors[:2]) is None


def test_nothing_active_is_the_mean_sample_of_train_on_every_part() -> None:
    found = linear_vae([0.7, 0.3], mean_mse=0.5, features=2, beta=1.0, latent_dim=2)
    assert found is not None
    assert part_mse(found, [0.61]) == 0.61
