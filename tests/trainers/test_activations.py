"""What a training step keeps: counted without torch, against what autograd really saves."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from service.domain.estimates import ARRAY_PARAMETERS, array_capacity
from tests.trainers.conftest import config_of, slots_of
from tests.trainers.test_families import first_step
from tests.trainers.test_tabular import TABLE
from tests.trainers.texts import WORDS
from trainers.base import Batch
from trainers.plain.given import Given
from trainers.problem import Problem
from trainers.registry import catalog, families, load_family
from trainers.tasks import Task

SLOTS, SAMPLES = 2, 8
IMAGES = Problem("image", (20, 16, 3))
SMALL = Problem("image", (20, 16, 3), task=Task("super_resolve", factor=2))
HOLES = Problem("image", (20, 16, 3), task=Task("inpaint", mask="random", share=0.3))
MAPS = {"architecture": "conv", "batch_size": SAMPLES}
CONVOLUTIONAL = [
    "autoencoder",
    "vae",
    "vq_vae",
    "wae_mmd",
    "contractive_autoencoder",
    "vae_gan",
    "aae",
    "bigan",
]
CASES: list[tuple[str, Problem, dict[str, Any]]] = [
    *((family, IMAGES, MAPS) for family in CONVOLUTIONAL),
    ("rae", IMAGES, {**MAPS, "decoder_penalty": "gradient"}),
    ("autoencoder", HOLES, {**MAPS, "norm": "batch", "dropout": 0.1, "stages": 3}),
    ("vae", IMAGES, {**MAPS, "norm": "layer", "dropout": 0.1, "channels": 32}),
    ("autoencoder", IMAGES, {"loss": "ms_ssim_mix"}),
    ("autoencoder", IMAGES, {"depth": 3, "norm": "layer", "dropout": 0.1}),
    ("vae", IMAGES, {}),
    ("super_resolution", SMALL, {}),
    ("super_resolution", HOLES, {"blocks": 2, "channels": 64}),
    ("text_autoencoder", WORDS, {"dropout": 0.1}),
    ("text_vae", WORDS, {"hidden_width": 64}),
    ("tabular_autoencoder", TABLE, {"norm": "batch"}),
]


def kept_by_autograd(family: str, problem: Problem, changes: dict[str, Any]) -> float:
    """Numbers a slot that one training step keeps beside the weights."""
    array = load_family(family)(slots_of(family, SLOTS, **changes), problem)
    shape = (SLOTS, SAMPLES, problem.features)
    target = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    if problem.kind == "text":
        target = (4 + target * (problem.vocabulary - 4)).floor()
    known = torch.ones(shape) if problem.masked else None
    low = target[..., : problem.low_features] if problem.task.factor else None
    seen: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step = first_step(array)
        array.training_loss(Batch(target, Given(target, known, low)), step, "model")
    seen.pop(array.weights.untyped_storage().data_ptr(), None)
    return sum(tensor.untyped_storage().nbytes() for tensor in seen.values()) / 4 / SLOTS


@pytest.mark.parametrize(("family", "problem", "changes"), CASES, ids=str)
def test_what_a_step_keeps_is_counted(
    family: str, problem: Problem, changes: dict[str, Any]
) -> None:
    changes = {"batch_size": SAMPLES, **changes}
    config = config_of(family, **changes)
    counted = catalog().count_activations(family, config, problem.to_json())
    kept = kept_by_autograd(family, problem, changes)
    assert 0.9 * kept <= counted <= 2.5 * kept


FULLY_CONNECTED = [
    name
    for name, family in families().items()
    if "hidden_width" in family.params.entries() and "text" not in family.data
]


@pytest.mark.parametrize("family", FULLY_CONNECTED)
@pytest.mark.parametrize("features", [8, 64, 784, 3072])
def test_arrays_of_fully_connected_models_are_cut_by_their_weights_alone(
    family: str, features: int
) -> None:
    problem = Problem("vector", (features,)).to_json()
    entries = families()[family].params.entries()
    ranges = {
        name: entry.default_range.model_dump().get("choices", [entry.default])
        for name, entry in entries.items()
        if entry.default_range is not None and not entry.per_slot
    }
    assert 32 in ranges["hidden_width"]
    for values in product(*ranges.values()):
        config = config_of(family, **dict(zip(ranges, values, strict=True)))
        parameters = catalog().count_parameters(family, config, problem)
        kept = catalog().count_activations(family, config, problem)
        assert array_capacity(parameters, kept) == max(1, ARRAY_PARAMETERS // parameters)


def test_arrays_of_maps_are_cut_by_what_they_keep() -> None:
    problem = Problem("image", (64, 64, 3), task=Task("denoise", noise="gaussian", level=0.1))
    config = config_of("super_resolution")
    parameters = catalog().count_parameters("super_resolution", config, problem.to_json())
    kept = catalog().count_activations("super_resolution", config, problem.to_json())
    assert ARRAY_PARAMETERS // parameters > 4
    assert array_capacity(parameters, kept) == 1
