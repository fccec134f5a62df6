"""The closed form of the linear beta-VAE."""

from math import log

import pytest

from service.domain.linear_vae import linear_vae


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
