"""The continuous Bernoulli distribution on [0, 1] (Loaiza-Ganem & Cunningham 2019), by its logit.

Its density at x is exp(logit * x - A(logit)), A(logit) = log((exp(logit) - 1) / logit): what bce
lacks to be a likelihood of grey values. Near logit 0, where the formulas divide 0 by 0, come
Taylor series; both sides agree to float32. Written with kernels that round alike wherever an
element stands in a tensor.
"""

import torch
from torch import Tensor

SERIES_BELOW = 0.5
"""|logit| below which the series hold: their next terms are below 1e-9 there."""


def log_normaliser(logit: Tensor) -> Tensor:
    """A(logit) in nats: the negative log-density at x is A(logit) - logit * x."""
    size, large = _split(logit)
    square = (size * size).clamp(max=SERIES_BELOW**2)
    small = square * (1 / 24 - square * (1 / 2880 - square / 181440))
    beyond = 0.5 * large + ((-(-large).expm1()) / large).log()
    return 0.5 * logit + torch.where(size < SERIES_BELOW, small, beyond)


def logit_mean(logit: Tensor) -> Tensor:
    """The mean of the distribution, in (0, 1): A'(logit). It is not sigmoid(logit)."""
    size, large = _split(logit)
    near = logit.clamp(-SERIES_BELOW, SERIES_BELOW)
    square = near * near
    small = near * (1 / 12 - square * (1 / 720 - square * (1 / 30240 - square / 1209600)))
    # Above 1/2 for positive logits, and mirrored below it for negative ones.
    beyond = 0.5 + (-large).exp() / (-(-large).expm1()) - 1 / large
    sided = torch.where(logit < 0, -beyond, beyond)
    return 0.5 + torch.where(size < SERIES_BELOW, small, sided)


def logit_variance(logit: Tensor) -> Tensor:
    """The variance of the distribution, at most 1/12: A''(logit)."""
    size, large = _split(logit)
    square = (size * size).clamp(max=SERIES_BELOW**2)
    small = 1 / 12 - square * (1 / 240 - square * (1 / 6048 - square / 172800))
    beyond = 1 / (large * large) - (-large).exp() / (-large).expm1().square()
    return torch.where(size < SERIES_BELOW, small, beyond)


def _split(logit: Tensor) -> tuple[Tensor, Tensor]:
    """|logit|, and the same kept away from 0, so that the unused branch has a finite gradient."""
    size = logit.abs()
    return size, size.clamp(min=SERIES_BELOW)
