"""The linear beta-VAE in closed form: what a VAE must beat at its own beta (DOMAIN.md 5)."""

from collections.abc import Sequence
from math import log

from service.domain.model import Record


class LinearVae(Record):
    """The optimum of a linear encoder and decoder, half a sum of squares + beta x KL, on train."""

    beta: float
    """Effective: the variance of the noise that the decoder assumes, squared scaled units."""
    latent_dim: int
    """Of the model that it stands beside: no more directions can be active."""
    active_units: int
    """Directions of the train covariance whose variance exceeds beta, at most `latent_dim`."""
    kl: float
    """Nats per sample."""
    mse: float
    """Per feature on train, decoding the posterior mean."""
    shrinkage: list[float]
    """beta / v of every active direction: the share of a coordinate that is lost."""


def linear_vae(
    eigenvalues: Sequence[float], mean_mse: float, features: int, beta: float, latent_dim: int
) -> LinearVae | None:
    """The closed form from the eigenvalues of the train covariance, descending.

    The optimum spends its `latent_dim` units on the directions of the largest variance. One with
    variance v > beta keeps an error of beta^2 / v and costs log(v / beta) / 2 nats (Lucas et al.
    2019); the others keep all of their variance. `mean_mse` is the mean sample's MSE on train: it
    holds the variance of the directions that are not listed. None where those might be active too,
    or where beta is no positive number.
    """
    active = [value for value in eigenvalues if value > beta][:latent_dim]
    unlisted = len(active) == len(eigenvalues) < min(features, latent_dim)
    if beta <= 0 or unlisted:
        return None
    lost = max(0.0, mean_mse * features - sum(active))
    kept = sum(beta**2 / value for value in active)
    return LinearVae(
        beta=beta,
        latent_dim=latent_dim,
        active_units=len(active),
        kl=0.5 * sum(log(value / beta) for value in active),
        mse=(kept + lost) / features,
        shrinkage=[beta / value for value in active],
    )


def part_mse(found: LinearVae, errors: Sequence[float | None]) -> float | None:
    """Its MSE on another part of the data, with the encoder and decoder fitted on train.

    `errors`: unclipped MSE of PCA with 0, 1, 2, ... components (0: the mean sample) on that part;
    what each component takes away is the part's energy along that direction. None where one of
    them is missing.
    """
    needed = errors[: found.active_units + 1]
    known = [error for error in needed if error is not None]
    if len(known) <= found.active_units:
        return None
    return known[-1] + sum(
        lost**2 * (before - after)
        for lost, before, after in zip(found.shrinkage, known, known[1:], strict=False)
    )
