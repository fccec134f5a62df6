"""Activities of a sparse code, and what they are charged."""

import torch
from torch import Tensor

LEAST_ACTIVITY = 1e-6
"""Mean activities are kept so far from 0 and 1."""


def mean_activity_divergence(activity: Tensor, target: Tensor | float) -> Tensor:
    """[..., L] mean activities -> [...]: sum over the code of KL(target || activity), nats.

    Of two coins (Ng 2011, CS294A lecture notes, Sparse autoencoder).
    """
    activity = activity.clamp(LEAST_ACTIVITY, 1 - LEAST_ACTIVITY)
    wanted = torch.as_tensor(target, dtype=activity.dtype, device=activity.device)
    if wanted.dim():
        wanted = wanted[..., None]
    on = wanted * (wanted.log() - activity.log())
    off = (1 - wanted) * ((-wanted).log1p() - (-activity).log1p())
    return (on + off).sum(-1)
