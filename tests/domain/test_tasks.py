"""Tasks: what data, families and objectives allow, and what is unwise."""

from dataclasses import replace
from typing import Any

import pytest

from service.domain.catalog import Catalog
from service.domain.linter import lint_spec
from service.domain.records import DataHeader
from service.domain.resolve import resolve
from service.domain.space import CategoricalDistribution
from service.errors import InvalidSpec
from tests.domain.catalog import CATALOG, DIGITS, metric, parameter, real, spec

IMAGES = DIGITS.model_copy(update={"kind": "image", "dtype": "uint8"})
VECTORS = DIGITS.model_copy(update={"kind": "vector", "shape": [64]})
TABLE = DIGITS.model_copy(update={"kind": "table", "shape": [9]})
TEXT = DIGITS.model_copy(update={"kind": "text", "shape": [16], "vocabulary": 30})
ODD = IMAGES.model_copy(update={"shape": [28, 30]})

ALL = ["reconstruct", "denoise", "inpaint", "super_resolve"]
AUGMENTED = {
    "augment_flip": parameter(
        "augment_flip", "optimisation", False, CategoricalDistribution(choices=[False, True])
    ),
    "augment_crop": parameter("augment_crop", "optimisation", 0.0, real(0.0, 0.5)),
}


def able(**tasks: list[str]) -> Catalog:
    """The catalog, with families that can do these tasks and take all kinds of data."""
    families = {
        name: family.model_copy(
            update={
                "tasks": tasks.get(name, ALL),
                "data_kinds": ["vector", "image", "table", "text"],
                "metrics": [*family.metrics, "hole_mse"],
                "parameters": {**family.parameters, **AUGMENTED},
            }
        )
        for name, family in CATALOG.families.items()
    }
    hole = metric("hole_mse").model_copy(update={"tasks": ["inpaint"]})
    return replace(CATALOG, families=families, metrics={**CATALOG.metrics, "hole_mse": hole})


def refusals(catalog: Catalog, header: DataHeader, **fields: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidSpec) as caught:
        resolve(spec(**fields), catalog, header)
    return [(error.pointer, error.reason, error.remedy) for error in caught.value.errors]


UNFIT: list[tuple[DataHeader, dict[str, Any], str, str]] = [
    (TEXT, {"kind": "inpaint"}, "/task", "this is text"),
    (TEXT, {"kind": "super_resolve"}, "/task", "this is text"),
    (TEXT, {"kind": "denoise"}, "/task/noise", "gaussian does not fit text"),
    (IMAGES, {"kind": "denoise", "noise": "token_drop"}, "/task/noise", "does not fit images"),
    (
        TABLE,
        {"kind": "denoise", "noise": "salt_and_pepper"},
        "/task/noise",
        "does not fit a table",
    ),
    (VECTORS, {"kind": "inpaint", "mask": "block"}, "/task/mask", "a part of an image"),
    (TABLE, {"kind": "inpaint", "mask": "half"}, "/task/mask", "this is a table"),
    (VECTORS, {"kind": "super_resolve"}, "/task", "only images have a resolution"),
    (ODD, {"kind": "super_resolve", "factor": 4}, "/task/factor", "4 does not divide"),
    (IMAGES, {"kind": "denoise", "level": 25}, "/task/level", "on the scaled data"),
    (
        IMAGES,
        {"kind": "inpaint", "mask": "block", "share": 0.95},
        "/task/share",
        "0.95 of 8 x 8 pixels is the whole image",
    ),
    (
        IMAGES.model_copy(update={"shape": [1, 64]}),
        {"kind": "inpaint", "mask": "half"},
        "/task/mask",
        "cannot be halved",
    ),
    (
        IMAGES,
        {"kind": "inpaint", "share": 1e-9},
        "/task/share",
        "hides about 0.00012 of the 115,008 values",
    ),
    (TABLE, {"kind": "inpaint", "share": 1 - 1e-9}, "/task/share", "leaves about 1.6e-05 of"),
]


@pytest.mark.parametrize(
    ("header", "task", "where", "why"), UNFIT, ids=lambda value: str(value)[:50]
)
def test_a_task_that_does_not_fit_the_data_is_refused(
    header: DataHeader, task: dict[str, Any], where: str, why: str
) -> None:
    ((pointer, reason, _),) = refusals(able(), header, task=task)
    assert pointer == where
    assert why in reason


FIT: list[tuple[DataHeader, dict[str, Any]]] = [
    (IMAGES, {"kind": "denoise", "noise": "salt_and_pepper"}),
    (IMAGES, {"kind": "inpaint", "mask": "block"}),
    (IMAGES, {"kind": "inpaint", "mask": "block", "share": 0.8}),
    (IMAGES, {"kind": "inpaint", "mask": "half"}),
    (IMAGES, {"kind": "inpaint", "share": 0.001}),
    (IMAGES, {"kind": "super_resolve", "factor": 4}),
    (ODD, {"kind": "super_resolve"}),
    (VECTORS, {"kind": "inpaint"}),
    (TABLE, {"kind": "denoise", "noise": "masked"}),
    (TEXT, {"kind": "denoise", "noise": "token_swap"}),
]


@pytest.mark.parametrize(("header", "task"), FIT, ids=lambda value: str(value)[:50])
def test_a_task_that_fits_is_kept_with_its_defaults(
    header: DataHeader, task: dict[str, Any]
) -> None:
    resolved = resolve(spec(task=task), able(), header)
    assert task.items() <= resolved.task.model_dump().items()
    assert resolve(resolved, able(), header) == resolved


def test_eight_bit_levels_are_told_what_they_are_on_scaled_data() -> None:
    ((_, _, remedy),) = refusals(able(), IMAGES, task={"kind": "denoise", "level": 25})
    assert "0.098" in remedy


def test_without_scaling_a_level_is_in_the_units_of_the_data() -> None:
    task = {"kind": "denoise", "level": 25}
    assert resolve(spec(task=task, scaling="none"), able(), IMAGES).task.kind == "denoise"


def test_a_family_that_cannot_do_the_task_is_named_beside_those_that_can() -> None:
    catalog = able(vae=["reconstruct"])
    ((pointer, reason, remedy),) = refusals(
        catalog, IMAGES, family={"choices": ["autoencoder", "vae"]}, task={"kind": "inpaint"}
    )
    assert pointer == "/task"
    assert reason == "vae cannot inpaint"
    assert "autoencoder can" in remedy


def test_a_family_that_does_not_take_the_data_is_refused() -> None:
    ((pointer, reason, _),) = refusals(CATALOG, TEXT, family={"choices": ["autoencoder"]})
    assert pointer == "/family/choices/0"
    assert "this is text" in reason


def test_a_metric_of_another_task_is_refused() -> None:
    ((pointer, reason, _),) = refusals(able(), IMAGES, objective={"metric": "hole_mse"})
    assert pointer == "/objective/metric"
    assert "inpaint" in reason


def notices(header: DataHeader, **fields: Any) -> dict[str, str]:
    catalog = able()
    found = lint_spec(resolve(spec(**fields), catalog, header), catalog, header)
    return {notice.code: f"{notice.message}; {notice.remedy}" for notice in found}


def test_noise_that_drowns_the_data_is_told_in_bytes() -> None:
    found = notices(IMAGES, task={"kind": "denoise", "level": 1.0})
    assert "sigma 255 of 8 bits" in found["loud-noise"]
    assert "0.098" in found["loud-noise"]
    assert "loud-noise" not in notices(IMAGES, task={"kind": "denoise", "level": 0.098})


def test_noise_that_bytes_do_not_feel_is_noticed() -> None:
    found = notices(IMAGES, task={"kind": "denoise", "level": 0.1}, scaling="none")
    assert "level: 25.5" in found["quiet-noise"]


def test_inpainting_ranked_by_whole_samples_is_pointed_to_the_hole() -> None:
    task = {"kind": "inpaint", "share": 0.25}
    assert "75%" in notices(IMAGES, task=task)["hole-in-mean"]
    by_hole = {"metric": "hole_mse"}
    assert "hole-in-mean" not in notices(IMAGES, task=task, objective=by_hole)


def test_mirrored_digits_are_warned_of() -> None:
    flips = {"type": "categorical", "choices": [False, True]}
    assert "mirrored-digits" in notices(IMAGES, space={"augment_flip": flips})
    assert "mirrored-digits" not in notices(IMAGES, space={"augment_flip": False})
    other = {"kind": "npz", "path": "faces.npy"}
    assert "mirrored-digits" not in notices(IMAGES, space={"augment_flip": True}, dataset=other)


def test_moves_of_samples_that_are_no_images_are_pointed_out() -> None:
    found = notices(VECTORS, space={"augment_crop": 0.1})
    assert "no images" in found["ignored-parameter"]
