"""Distance between a batch of codes and draws from a standard normal (WAE-MMD)."""

import torch
from torch import Tensor

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
MOST = 512
"""Codes of a batch that are compared: all pairs of more would cost too much."""


def maximum_mean_discrepancy(code: Tensor, prior: Tensor) -> Tensor:
    """[..., n, L] twice -> [...]: the unbiased estimate of the squared MMD of the first MOST.

    A sum of inverse multiquadratic kernels C / (C + squared distance), C = 2 L times each of
    seven scales (Tolstikhin, Bousquet, Gelly & Schoelkopf 2018, algorithm 2 and their code).
    0 of a single sample, which has no pairs.
    """
    code, prior = code[..., :MOST, :], prior[..., :MOST, :]
    count = code.shape[-2]
    if count < 2:
        return code.sum((-2, -1)) * 0
    within = _kernel(code, code) + _kernel(prior, prior)
    itself = 2.0 * count * len(SCALES)  # every sample is at distance 0 from itself
    across = _kernel(code, prior)
    return (within - itself) / (count * (count - 1)) - 2 * across / count**2


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    """The sum over all pairs, [...]."""
    exact = "donot_use_mm_for_euclid_dist"  # a product of matrices would leave negative squares
    squares = torch.cdist(one, other, compute_mode=exact).square()
    constants = [2.0 * one.shape[-1] * scale for scale in SCALES]
    terms = [constant / (constant + squares) for constant in constants]
    return torch.stack(terms).sum(0).sum((-2, -1))
