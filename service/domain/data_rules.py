"""Rules of the linter that need the stored data: collapse, ranges of values."""

from collections.abc import Callable, Iterator
from math import prod
from typing import TypeAlias

from service.domain.audit_rules import AUDIT_RULES
from service.domain.catalog import Catalog
from service.domain.loss_checks import EXCESS, losses_of, metric_places
from service.domain.model_rules import effective_betas, pointer_to
from service.domain.records import Dataset, Notice
from service.domain.spec import ResolvedSpec

BARELY_GREY = 0.001
FULL_BYTE = 255
MUCH_TOO_DARK = 0.1
"""Share of values between 0 and 1 up to which data counts as bits."""

DataRule: TypeAlias = Callable[[ResolvedSpec, Catalog, Dataset], Iterator[Notice]]


def warn_of_collapse(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """A linear VAE keeps the directions whose variance exceeds the effective beta (truth 5).

    Lucas et al. 2019, "Don't blame the ELBO!": nothing above it means the mean of the data.
    """
    if not dataset.baselines.eigenvalues:
        return
    largest = dataset.baselines.eigenvalues[0]
    for name in resolved.families:
        betas = effective_betas(resolved, name)
        if not catalog.families[name].likelihood or not betas or betas[-1] <= largest:
            continue
        certain = betas[0] > largest
        yield Notice(
            code="collapse",
            pointer=pointer_to(resolved, "beta", "sigma", "loss"),
            message=f"{name}: the effective beta (beta times sigma squared) "
            + (f"is {betas[0]:g}" if certain else f"goes up to {betas[-1]:g}")
            + f", the largest eigenvalue of the train covariance is {largest:.3g}: "
            + ("no" if certain else "above it no")
            + " direction of the data is worth its KL, and the model learns the mean sample",
            remedy=f"loss: gaussian with sigma: learned, or an effective beta well below "
            f"{largest:.3g}",
        )


def warn_of_cross_entropy_range(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Losses of probabilities have no lower bound outside [0, 1] (truth 3)."""
    bounded = [loss.name for loss in losses_of(resolved, catalog).values() if loss.unit_range]
    if bounded and (dataset.low < 0 or dataset.high > 1):
        yield Notice(
            code="bce-outside-unit-range",
            pointer=pointer_to(resolved, "loss"),
            message=f"the scaled data lies in [{dataset.low:.4g}, {dataset.high:.4g}], "
            f"{' and '.join(bounded)} need{'s' if len(bounded) == 1 else ''} [0, 1]: outside of it "
            "the loss has no lower bound",
            remedy="write scaling: unit, or use another loss",
        )


def warn_of_clipped_validation(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Scaled by train, validation may leave [0, 1]; losses of probabilities clip it (truth 3)."""
    facts = dataset.value_facts
    if facts is None or not facts.validation_outside or dataset.low < 0 or dataset.high > 1:
        return
    bounded = [loss.name for loss in losses_of(resolved, catalog).values() if loss.unit_range]
    ranked = [place for place, name in metric_places(resolved).items() if name == EXCESS]
    if not bounded and not ranked:
        return
    values = dataset.validation * prod(dataset.shape)
    yield Notice(
        code="validation-outside-unit-range",
        pointer=pointer_to(resolved, "loss") if bounded else ranked[0],
        message=f"{facts.validation_outside:,} of {values:,} validation values lie outside [0, 1], "
        f"from {facts.validation_low:.4g} to {facts.validation_high:.4g}, and train inside: "
        f"{' and '.join(bounded or [EXCESS])} count{'' if len(bounded) > 1 else 's'} them as 0 "
        "and 1, and so does the elbo; mse takes them as they are",
        remedy="use loss: gaussian, or divide the data by a bound that holds for all of it and "
        "write scaling: none",
    )


def warn_of_entropy_floor(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Grey values read as probabilities have an entropy that nothing learns away (truth 3)."""
    facts = dataset.value_facts
    if facts is None or facts.entropy is None or "bce" not in losses_of(resolved, catalog):
        return
    grey = 1 - facts.share_zero - facts.share_one
    if grey > BARELY_GREY:
        yield Notice(
            code="bce-entropy-floor",
            pointer=pointer_to(resolved, "loss"),
            message=f"{grey:.0%} of the values are neither 0 nor 1: bce cannot fall below their "
            f"entropy, {facts.entropy:.4g} nats a sample, however good the model",
            remedy="judge by bce_excess, which has the floor taken off, or by mse; "
            "continuous_bernoulli is a likelihood of grey values",
        )


def warn_of_few_bits(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """A density of values that are nearly all 0 or 1 grows without bound at them."""
    facts = dataset.value_facts
    dense = {"gaussian", "continuous_bernoulli"} & set(losses_of(resolved, catalog))
    likelihoods = [
        place for place, name in metric_places(resolved).items() if catalog.metrics[name].density
    ]
    if facts is None or not dense or not likelihoods:
        return
    bits = facts.share_zero + facts.share_one
    if bits >= 1 - BARELY_GREY:
        yield Notice(
            code="density-of-bits",
            pointer=likelihoods[0],
            message=f"{bits:.2%} of the values are exactly 0 or 1: a density such as "
            f"{' and '.join(sorted(dense))} can rise without bound at them, and its nats say "
            "little",
            remedy="write loss: bce, the likelihood of 0 and 1",
        )


def warn_of_constant_data(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Nothing varies: the mean sample is a perfect model."""
    if dataset.low == dataset.high:
        yield Notice(
            code="constant-data",
            pointer="/dataset",
            message=f"every number of the train part is {dataset.low:g}",
            remedy="check that the file is the right one",
        )


def warn_of_small_bytes(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Bytes are taken for shades from 0 to 255; masks and labels are not."""
    by_255 = dataset.scaling.get("scale") == FULL_BYTE
    if by_255 and dataset.dtype == "uint8" and dataset.low < dataset.high < MUCH_TOO_DARK:
        yield Notice(
            code="small-bytes",
            pointer="/scaling",
            message=f"the largest byte of the train part is {dataset.high * FULL_BYTE:.0f}, and "
            f"scaling unit divides by 255: all values lie between 0 and {dataset.high:.2g}",
            remedy="save the array as float32 (then unit fits its range), or as 0 and 255, or "
            "write scaling: standard",
        )


DATA_RULES: tuple[DataRule, ...] = (
    warn_of_collapse,
    warn_of_cross_entropy_range,
    warn_of_clipped_validation,
    warn_of_entropy_floor,
    warn_of_few_bits,
    warn_of_constant_data,
    warn_of_small_bytes,
    *AUDIT_RULES,
)
