"""Convolutional networks: what data they take, and which parameters take part."""

from dataclasses import replace
from typing import Any

import pytest

from service.domain import architecture_checks
from service.domain.catalog import Catalog
from service.domain.records import DataHeader
from service.domain.resolve import resolve
from service.domain.space import CategoricalDistribution, IntDistribution
from service.errors import InvalidSpec
from tests.domain.catalog import CATALOG, DIGITS, among, parameter, spec
from trainers.plain import stages

IMAGES = DIGITS.model_copy(update={"kind": "image"})
STRIP = IMAGES.model_copy(update={"shape": [3, 100]})
VECTORS = DIGITS.model_copy(update={"kind": "vector", "shape": [64]})
TABLE = DIGITS.model_copy(update={"kind": "table", "shape": [9]})

EIGHTS = IntDistribution(low=8, high=64, step=8)
NETWORKS = {
    "architecture": parameter("architecture", "optimisation", "mlp", among("mlp", "conv")),
    "channels": parameter("channels", "optimisation", 16, EIGHTS, among(8, 16, 32)).model_copy(
        update={"needs": {"architecture": ["conv"]}}
    ),
}
EITHER = {"type": "categorical", "choices": ["mlp", "conv"]}


def convolutional() -> Catalog:
    """The catalog, with families whose networks may be convolutional."""
    families = {
        name: family.model_copy(
            update={
                "parameters": {**family.parameters, **NETWORKS},
                "data_kinds": ["vector", "image", "table"],
            }
        )
        for name, family in CATALOG.families.items()
    }
    return replace(CATALOG, families=families)


@pytest.mark.parametrize("architecture", ["conv", EITHER], ids=["fixed", "searched"])
@pytest.mark.parametrize(
    ("header", "why"),
    [(VECTORS, "this is vectors"), (TABLE, "this is a table"), (STRIP, "these have 3 x 100")],
    ids=["vector", "table", "strip"],
)
def test_convolutions_are_refused_where_the_data_is_no_image_of_a_size(
    architecture: Any, header: DataHeader, why: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        resolve(spec(space={"architecture": architecture}), convolutional(), header)
    (error,) = caught.value.errors
    assert error.pointer == "/space/architecture"
    assert why in error.reason
    assert "architecture: mlp" in error.remedy


def test_images_may_have_either_architecture() -> None:
    space = {"architecture": EITHER, "channels": {"type": "categorical", "choices": [8, 16]}}
    resolved = resolve(spec(space=space), convolutional(), IMAGES)
    channels = resolved.space["channels"]
    assert isinstance(channels, CategoricalDistribution)
    assert channels.when == {"architecture": ["conv"]}


@pytest.mark.parametrize(
    ("channels", "place"),
    [
        (12, "/space/channels"),
        ({"type": "int", "low": 8, "high": 64}, "/space/channels"),
        ({"type": "int", "low": 8, "high": 60, "step": 8}, "/space/channels/high"),
        ({"type": "int", "low": 8, "high": 64, "log": True}, "/space/channels"),
    ],
    ids=str,
)
def test_channels_between_the_steps_are_refused(channels: Any, place: str) -> None:
    space = {"architecture": "conv", "channels": channels}
    with pytest.raises(InvalidSpec) as caught:
        resolve(spec(space=space), convolutional(), IMAGES)
    (error,) = caught.value.errors
    assert error.pointer == place
    assert "8" in error.remedy


def test_a_range_in_the_steps_of_the_channels_is_fine() -> None:
    channels = {"type": "int", "low": 16, "high": 48, "step": 16}
    resolved = resolve(
        spec(space={"architecture": "conv", "channels": channels}), convolutional(), IMAGES
    )
    assert resolved.space["channels"] == IntDistribution(low=16, high=48, step=16)


def test_vectors_need_no_word_about_the_architecture() -> None:
    assert resolve(spec(), convolutional(), VECTORS).defaults


def test_the_smallest_side_is_the_networks_own() -> None:
    assert architecture_checks.SMALLEST_SIDE == stages.SMALLEST_SIDE
