"""The loss adviser: which training losses fit what is known of the data, and why. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from service.domain.catalog import LossEntry
from service.domain.data import DataHeader, DataKind, Dataset, ValueFacts
from service.domain.model import Record

Fit: TypeAlias = Literal["good", "possible", "poor", "impossible"]
ORDER: tuple[Fit, ...] = ("good", "possible", "poor", "impossible")

ALL_BINARY = 0.9999
"""Share of exact 0 and 1 from which on values are bits, but for rounding."""
CROWDED = 0.2
"""Share of exact 0 and 1 from which on grey values crowd at the ends of their range."""
TOLERANCE = 1e-6
SSIM_SIDE = 8
"""Pixels of the shorter side below which SSIM sees little structure."""
SEVERAL_SCALES = 22


class LossAdvice(Record):
    """How well a training loss fits the data."""

    loss: str
    fit: Fit
    reason: str


@dataclass(frozen=True)
class ValuesKnown:
    """What the adviser knows of the scaled values; None: not before the data is read."""

    kind: DataKind
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    binary: float | None = None
    """Share of the values that are exactly 0 or 1."""
    integer: bool | None = None
    entropy: float | None = None
    """Nats per sample that bce cannot get below."""

    @property
    def in_unit_range(self) -> bool | None:
        """Whether all lie in [0, 1]."""
        if self.low is None or self.high is None:
            return None
        return self.low >= -TOLERANCE and self.high <= 1 + TOLERANCE

    @property
    def is_binary(self) -> bool | None:
        """Whether every value is 0 or 1."""
        return None if self.binary is None else self.binary >= ALL_BINARY


def known_of_header(header: DataHeader, scaling: str) -> ValuesKnown:
    """What a header and the scaling tell, before anything is read."""
    low: float | None = None
    high: float | None = None
    if scaling == "unit":
        low, high = 0.0, 1.0
    elif scaling == "none" and header.dtype in ("bool", "uint8"):
        low, high = 0.0, 1.0 if header.dtype == "bool" else 255.0
    elif scaling == "standard":
        low, high = -1.0, 1.0  # centred on 0: some values lie below it
    binary = 1.0 if header.dtype == "bool" and scaling != "standard" else None
    whole = header.dtype == "bool" or "int" in header.dtype
    return ValuesKnown(
        kind=header.kind,
        shape=tuple(header.shape),
        low=low,
        high=high,
        binary=binary,
        integer=True if whole else None,
    )


def known_of_facts(kind: DataKind, shape: Iterable[int], facts: ValueFacts) -> ValuesKnown:
    """What the stored data tells."""
    return ValuesKnown(
        kind=kind,
        shape=tuple(shape),
        low=facts.low,
        high=facts.high,
        binary=facts.share_zero + facts.share_one,
        integer=facts.integer,
        entropy=facts.entropy,
    )


def advise_losses(known: ValuesKnown, losses: Iterable[LossEntry]) -> list[LossAdvice]:
    """Every loss with how well it fits and why, best first; empty for text."""
    found = [
        LossAdvice(loss=loss.name, fit=fit, reason=reason)
        for loss in losses
        if known.kind != "text"
        for fit, reason in [_judge(loss, known)]
    ]
    return sorted(found, key=lambda advice: ORDER.index(advice.fit))


def advise_stored(dataset: Dataset, losses: Iterable[LossEntry]) -> list[LossAdvice]:
    """Advice on a stored data set; empty where its values were not looked at."""
    if dataset.value_facts is None:
        return []
    return advise_losses(known_of_facts(dataset.kind, dataset.shape, dataset.value_facts), losses)


def _judge(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    if known.kind not in loss.data_kinds:
        return "impossible", f"it is for {' and '.join(loss.data_kinds)} data"
    if loss.unit_range and known.in_unit_range is False:
        return "impossible", f"it needs data in [0, 1], and this {_range(known)}"
    return {
        "bce": _judge_bce,
        "continuous_bernoulli": _judge_continuous,
        "gaussian": _judge_gaussian,
        "huber": _judge_huber,
        "ssim_mix": _judge_ssim,
        "ms_ssim_mix": _judge_ssim,
    }.get(loss.name, _judge_error)(loss, known)


def _judge_bce(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    if known.is_binary:
        return "good", "every value is 0 or 1: it is their likelihood"
    if known.is_binary is None:
        return "possible", (
            "a likelihood if every value is 0 or 1; on grey values its floor is their entropy, "
            "not 0: rank by bce_excess or mse, or take continuous_bernoulli"
        )
    floor = "" if known.entropy is None else f" ({known.entropy:.4g} nats a sample here)"
    return "possible", (
        f"{1 - (known.binary or 0):.0%} of the values are grey: it trains well, but is no "
        f"likelihood, and cannot fall below their entropy{floor}: rank by bce_excess or mse"
    )


def _judge_continuous(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    if known.is_binary:
        return "poor", "every value is 0 or 1: bce is their likelihood"
    if known.binary is None:
        return "possible", "a likelihood of grey values in [0, 1]; for 0 and 1 alone take bce"
    if known.binary >= CROWDED:
        return "good", (
            f"{known.binary:.0%} of the values are exactly 0 or 1 and the rest lies between: a "
            "density on [0, 1] that can crowd at its ends"
        )
    return "possible", "a likelihood on [0, 1], though few values are at its ends"


def _judge_gaussian(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    if known.is_binary:
        return "poor", "every value is 0 or 1, which a Gaussian density can only overfit"
    if known.binary is not None and known.binary >= 0.5:
        return "possible", (
            f"{known.binary:.0%} of the values are exactly 0 or 1: a learned sigma shrinks on "
            "them, so its nats flatter the model; the reconstructions are fine"
        )
    return "good", "the right scale of the errors is learned, and with it the weight of a KL term"


def _judge_huber(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    if known.in_unit_range:
        return "possible", "no error in [0, 1] gets beyond its delta of 1: it is mse here"
    return "possible", "outliers pull no harder than an error of 1"


def _judge_ssim(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    side = min(known.shape[:2])
    if side < 3:
        return "impossible", "the images are smaller than 3 x 3 pixels"
    if side < SSIM_SIDE:
        return "poor", f"images of {side} pixels have little structure to compare"
    if loss.name == "ms_ssim_mix" and side < SEVERAL_SCALES:
        return "poor", "the images have room for one scale only: it is ssim_mix here"
    return "possible", "structure counts more than brightness; there is no ELBO"


def _judge_error(loss: LossEntry, known: ValuesKnown) -> tuple[Fit, str]:
    """mse, l1, charbonnier."""
    if known.is_binary:
        return "possible", "it works on 0 and 1, but bce is their likelihood"
    if loss.name == "mse":
        return "good", "it asks for the mean, as the ranking metrics mse and psnr do"
    return "possible", "it asks for the median: sharper edges and more exact zeros, a higher mse"


def _range(known: ValuesKnown) -> str:
    if known.low is not None and known.low < 0:
        return f"goes from {known.low:.4g} to {known.high:.4g}: write scaling: unit"
    return f"goes up to {known.high:.4g}: write scaling: unit"
