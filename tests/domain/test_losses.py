"""Losses against data and metrics, and the loss adviser."""

from dataclasses import replace
from typing import Any

import pytest

from service.domain.advice import (
    LossAdvice,
    advise_losses,
    known_of_facts,
    known_of_header,
)
from service.domain.data import Column, DataHeader, ValueFacts
from service.domain.linter import lint_data, lint_spec
from service.domain.loss_checks import say_impossible
from service.domain.resolve import resolve
from service.errors import InvalidSpec
from tests.domain import records
from tests.domain.catalog import CATALOG, LOSSES, SHARED, VAE, among, family, metric, spec

NAMES = [loss.name for loss in LOSSES]
EVERY_LOSS = {"loss": SHARED["loss"].model_copy(update={"allowed": among(*NAMES)})}
IMAGES = DataHeader(samples=1000, shape=[8, 8], dtype="uint8", bytes=64_000, kind="image")
GREY = ValueFacts(low=0.0, high=1.0, share_zero=0.3, share_one=0.1, integer=True, entropy=12.3)
BITS = ValueFacts(low=0.0, high=1.0, share_zero=0.8, share_one=0.2, integer=True, entropy=0.0)
WIDE = ValueFacts(low=-3.0, high=4.0, share_zero=0.0, share_one=0.0, integer=False, entropy=None)

SOUND = replace(
    CATALOG,
    families={
        "autoencoder": family("autoencoder", False, {**SHARED, **EVERY_LOSS}).model_copy(
            update={"metrics": ["mse", "psnr", "ssim", "bce_excess", "categorical_accuracy"]}
        ),
        "vae": family("vae", True, {**VAE, **EVERY_LOSS}),
    },
    metrics=CATALOG.metrics
    | {
        "psnr": metric("psnr").model_copy(
            update={"data_kinds": ["image"], "direction": "maximize"}
        ),
        "ssim": metric("ssim").model_copy(
            update={"data_kinds": ["image"], "direction": "maximize"}
        ),
        "bce_excess": metric("bce_excess").model_copy(update={"data_kinds": ["image", "vector"]}),
        "categorical_accuracy": metric("categorical_accuracy").model_copy(
            update={"data_kinds": ["table"], "direction": "maximize"}
        ),
        "elbo": metric("elbo", False).model_copy(update={"density": True}),
    },
)
UPWARDS = {"direction": "maximize"}


def of_kind(kind: str, *shape: int) -> DataHeader:
    return IMAGES.model_copy(update={"kind": kind, "shape": list(shape)})


@pytest.mark.parametrize(
    ("fields", "header", "pointer", "reason"),
    [
        (
            {"family": "autoencoder", "space": {"loss": "ssim_mix"}},
            of_kind("vector", 64),
            "/space/loss",
            "ssim_mix is for images, and this is vectors",
        ),
        (
            {"family": "autoencoder", "space": {"loss": "ms_ssim_mix"}},
            of_kind("image", 2, 32),
            "/space/loss",
            "these images have 2 x 32",
        ),
        (
            {"family": "autoencoder", "objective": {"metric": "psnr", **UPWARDS}},
            of_kind("table", 64),
            "/objective/metric",
            "psnr is measured of images, and this is a table",
        ),
        (
            {"family": "autoencoder", "objective": {"metric": "ssim", **UPWARDS}},
            of_kind("image", 32, 2),
            "/objective/metric",
            "these images have 32 x 2",
        ),
        (
            {
                "family": "autoencoder",
                "objective": {
                    "metric": "mse",
                    "subject_to": [{"metric": "bce_excess", "at_most": 3}],
                },
                "scaling": "standard",
            },
            IMAGES,
            "/objective/subject_to/0/metric",
            "centres them on 0",
        ),
        (
            {"space": {"loss": "bce"}, "scaling": "standard"},
            IMAGES,
            "/space/loss",
            "bce needs data in [0, 1], and scaling: standard centres it on 0",
        ),
        (
            {
                "family": "autoencoder",
                "space": {
                    "loss": {"type": "categorical", "choices": ["mse", "continuous_bernoulli"]}
                },
                "scaling": "standard",
            },
            IMAGES,
            "/space/loss",
            "continuous_bernoulli needs data in [0, 1]",
        ),
        (
            {"space": {"loss": "ssim_mix"}, "objective": {"metric": "elbo", **UPWARDS}},
            IMAGES,
            "/objective/metric",
            "elbo needs a training loss that is a density, and ssim_mix is none",
        ),
        (
            {"family": "autoencoder", "objective": {"metric": "categorical_accuracy", **UPWARDS}},
            of_kind("table", 1).model_copy(
                update={"columns": [Column(name="x", kind="numeric", start=0, width=1)]}
            ),
            "/objective/metric",
            "categorical_accuracy is of categorical columns, and this table has none",
        ),
    ],
)
def test_a_loss_or_metric_that_does_not_fit_is_refused(
    fields: dict[str, Any], header: DataHeader, pointer: str, reason: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        resolve(spec(**fields), SOUND, header)
    (error,) = caught.value.errors
    assert error.pointer == pointer
    assert reason in error.reason
    assert error.remedy


def test_one_hot_columns_stay_in_0_to_1_under_every_scaling() -> None:
    column = Column(name="x", kind="categorical", start=0, width=3)
    table = of_kind("table", 3).model_copy(update={"columns": [column]})
    fields = {"family": "autoencoder", "space": {"loss": "bce"}, "scaling": "standard"}
    assert resolve(spec(**fields), SOUND, table).scaling == "standard"
    numeric = [column, column.model_copy(update={"kind": "numeric"})]
    with pytest.raises(InvalidSpec, match="centres it on 0"):
        resolve(spec(**fields), SOUND, table.model_copy(update={"columns": numeric}))


EITHER = {"type": "categorical", "choices": ["mse", "bce"]}
LOWEST = {"objective": {"metric": "bce_excess"}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"space": {"loss": "bce"}}, "bce needs values in [0, 1]"),
        ({"space": {"loss": EITHER}}, None),
        ({"space": {"loss": "mse"}}, None),
        (LOWEST, "bce_excess needs values in [0, 1]"),
        ({"objective": [{"metric": "mse"}, {"metric": "bce_excess"}]}, "or take another metric"),
    ],
    ids=str,
)
def test_stored_values_that_no_trial_can_be_measured_on_are_named(
    fields: dict[str, Any], said: str | None
) -> None:
    study = resolve(spec(family="autoencoder", scaling="none", **fields), SOUND, IMAGES)
    found = say_impossible(study, SOUND, records.dataset(low=-3.0, high=4.0, kind="image"))
    assert said in found if said and found else found is said
    assert not found or "goes from -3 to 4: write scaling: unit" in found
    assert say_impossible(study, SOUND, records.dataset(low=0.0, high=1.0, kind="image")) is None


@pytest.mark.parametrize("loss", NAMES)
def test_every_loss_is_fine_on_images(loss: str) -> None:
    study = resolve(spec(family="autoencoder", space={"loss": loss}), SOUND, IMAGES)
    codes = {notice.code for notice in lint_spec(study, SOUND, IMAGES)}
    assert codes <= {"nothing-searched", "ignored-parameter"}


def codes_of(loss: str, facts: ValueFacts, **fields: Any) -> set[str]:
    study = resolve(spec(space={"loss": loss}, **fields), SOUND, IMAGES)
    dataset = records.dataset(value_facts=facts, low=facts.low, high=facts.high)
    return {notice.code for notice in lint_data(study, SOUND, dataset)}


def test_the_entropy_floor_of_grey_values_is_said_to_who_uses_bce() -> None:
    assert "bce-entropy-floor" in codes_of("bce", GREY)
    assert "bce-entropy-floor" not in codes_of("bce", BITS)
    assert "bce-entropy-floor" not in codes_of("gaussian", GREY)


def test_a_density_of_bits_is_no_measure() -> None:
    elbo = {"objective": {"metric": "elbo", **UPWARDS}}
    assert "density-of-bits" in codes_of("gaussian", BITS, **elbo)
    assert "density-of-bits" not in codes_of("gaussian", BITS)
    assert "density-of-bits" not in codes_of("gaussian", GREY, **elbo)
    assert "density-of-bits" not in codes_of("bce", BITS, **elbo)


@pytest.mark.parametrize("loss", ["bce", "continuous_bernoulli"])
def test_losses_of_probabilities_warn_outside_of_0_to_1(loss: str) -> None:
    assert "bce-outside-unit-range" in codes_of(loss, WIDE)


@pytest.mark.parametrize("loss", ["bce", "continuous_bernoulli"])
def test_validation_that_leaves_0_to_1_is_counted_to_who_uses_probabilities(loss: str) -> None:
    facts = GREY.model_copy(
        update={"validation_low": -0.1, "validation_high": 1.4, "validation_outside": 12}
    )
    code = "validation-outside-unit-range"
    assert code in codes_of(loss, facts)
    assert code not in codes_of(loss, GREY)
    assert code not in codes_of("gaussian", facts)
    lowest = {"objective": {"metric": "bce_excess", "direction": "minimize"}}
    assert code in codes_of("gaussian", facts, family="autoencoder", **lowest)
    study = resolve(spec(space={"loss": loss}), SOUND, IMAGES)
    dataset = records.dataset(value_facts=facts, validation=10)
    (notice,) = [each for each in lint_data(study, SOUND, dataset) if each.code == code]
    assert "12 of 640 validation values" in notice.message
    assert "-0.1 to 1.4" in notice.message
    assert f"{loss} counts them as 0 and 1" in notice.message


def advice_on(
    facts: ValueFacts, kind: Any = "image", shape: Any = (28, 28)
) -> dict[str, LossAdvice]:
    known = known_of_facts(kind, shape, facts)
    return {advice.loss: advice for advice in advise_losses(known, LOSSES)}


def test_bits_call_for_bce() -> None:
    advice = advice_on(BITS)
    assert [name for name, each in advice.items() if each.fit == "good"] == ["bce"]
    assert advice["gaussian"].fit == advice["continuous_bernoulli"].fit == "poor"


def test_grey_values_that_crowd_at_the_ends_call_for_densities_and_mse() -> None:
    advice = advice_on(GREY)
    good = {name for name, each in advice.items() if each.fit == "good"}
    assert good == {"mse", "gaussian", "continuous_bernoulli"}
    assert "12.3 nats" in advice["bce"].reason
    assert "60%" in advice["bce"].reason


def test_values_beyond_0_to_1_rule_losses_of_probabilities_out() -> None:
    advice = advice_on(WIDE)
    for name in ("bce", "continuous_bernoulli"):
        assert advice[name].fit == "impossible"
        assert "-3 to 4" in advice[name].reason


def test_a_table_has_no_structure_to_compare() -> None:
    advice = advice_on(WIDE, "table", (12,))
    assert advice["ssim_mix"].fit == advice["ms_ssim_mix"].fit == "impossible"


def test_the_best_advice_comes_first_and_text_gets_none() -> None:
    order = ["good", "possible", "poor", "impossible"]
    fits = [advice.fit for advice in advise_losses(known_of_facts("image", (5, 5), GREY), LOSSES)]
    assert fits == sorted(fits, key=order.index)
    assert advise_losses(known_of_facts("text", (20,), WIDE), LOSSES) == []


@pytest.mark.parametrize(
    ("dtype", "scaling", "loss", "fit"),
    [
        ("uint8", "unit", "bce", "possible"),
        ("uint8", "none", "bce", "impossible"),
        ("uint8", "standard", "continuous_bernoulli", "impossible"),
        ("bool", "unit", "bce", "good"),
        ("float64", "none", "bce", "possible"),
        ("float64", "unit", "gaussian", "good"),
    ],
)
def test_a_header_tells_what_it_can(dtype: str, scaling: str, loss: str, fit: str) -> None:
    header = IMAGES.model_copy(update={"dtype": dtype})
    found = advise_losses(known_of_header(header, scaling), LOSSES)
    assert next(advice.fit for advice in found if advice.loss == loss) == fit
