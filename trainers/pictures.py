"""Reconstructions of fixed validation samples, for people to look at."""

import torch
from torch import Tensor

from trainers.base import Config, ModelArray, PlainTwin
from trainers.evaluation import CHUNK, ResidentData, load_twin

WORST = 8


@torch.no_grad()
def take_pictures(
    array_class: type[ModelArray],
    config: Config,
    best: dict[str, Tensor],
    last: dict[str, Tensor],
    data: ResidentData,
) -> dict[str, Tensor]:
    """The first eight samples at the best and at the last epoch, and the eight worst ones.

    Scaled units, [8, *shape]; `worst_index` counts in the evaluated validation samples,
    largest squared error first. Made by the plain twin, as a user would.
    """
    twin = array_class.plain_twin(config, data.features)
    samples = data.samples.cpu()
    validation = data.validation_part.cpu()

    def picture(flat: Tensor) -> Tensor:
        return flat.reshape(-1, *data.shape).contiguous()

    last_pictures = _reconstruct(twin, last, samples)
    best_pictures = _reconstruct(twin, best, samples)
    errors = torch.cat(
        [
            (twin.decode(twin.encode(part)) - part).square().mean(1)
            for part in torch.split(validation, CHUNK)
        ]
    )
    worst = errors.argsort(descending=True, stable=True)[:WORST]
    return {
        "input": picture(samples),
        "best": picture(best_pictures),
        "last": picture(last_pictures),
        "worst_input": picture(validation[worst]),
        "worst_best": picture(twin.decode(twin.encode(validation[worst]))),
        "worst_index": worst,
    }


def _reconstruct(twin: PlainTwin, state: dict[str, Tensor], samples: Tensor) -> Tensor:
    load_twin(twin, state)
    return twin.decode(twin.encode(samples))
