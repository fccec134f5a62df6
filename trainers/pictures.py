"""Reconstructions of fixed validation samples, for people to look at."""

import torch
from torch import Tensor

from trainers.evaluation import Samples, load_twin
from trainers.plain.base import PlainModel

SHOWN = 8
WORST = 8


@torch.no_grad()
def take_pictures(
    twin: PlainModel,
    best: dict[str, Tensor],
    last: dict[str, Tensor],
    validation: Samples,
) -> dict[str, Tensor]:
    """The first eight samples at the best and at the last epoch, and the eight worst ones.

    Scaled units (text: token ids), [8, *shape]; `worst_index` counts in the evaluated
    validation samples, largest error first. Made by the plain twin, as a user would; leaves it
    at its best epoch.
    """
    samples = validation.first(SHOWN)

    def picture(flat: Tensor) -> Tensor:
        return flat.reshape(-1, *twin.shape).contiguous()

    load_twin(twin, last)
    last_pictures = twin.estimate(samples.given)
    load_twin(twin, best)
    best_pictures = twin.estimate(samples.given)
    worst = _errors(twin, validation).argsort(descending=True, stable=True)[:WORST]
    worst_samples = validation.pick(worst)
    return {
        "input": picture(samples.target),
        "given": picture(samples.given.start),
        "best": picture(best_pictures),
        "last": picture(last_pictures),
        "worst_input": picture(worst_samples.target),
        "worst_given": picture(worst_samples.given.start),
        "worst_best": picture(twin.estimate(worst_samples.given)),
        "worst_index": worst,
    }


def _errors(twin: PlainModel, samples: Samples) -> Tensor:
    return torch.cat([twin.errors(target, given) for target, given in samples.chunks()])
