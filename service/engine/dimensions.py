"""Our distributions as Optuna's, and values there and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    distributions,
)
from service.domain.spec import ResolvedSpec

WIDE = 64
"""A range of more values than this is searched as a continuous one and rounded.

Optuna integrates a discrete density cell by cell in Python: with one wide whole number in the
space a TPE ask takes 32 ms instead of 8 (300 trials, 5 parameters). Its kernels are never
narrower than a hundredth of the range, so at this width the two densities agree.
"""


@dataclass(frozen=True)
class Dimension:
    """One searched parameter inside Optuna."""

    distribution: BaseDistribution
    encode: Callable[[Scalar], Any]
    """Our value -> Optuna's."""
    decode: Callable[[Any], Scalar]
    """Optuna's value -> ours: a plain scalar inside the range."""


def dimensions(spec: ResolvedSpec) -> dict[str, Dimension]:
    """Every searched parameter by sorted name, a searched family among them."""
    searched: dict[str, Distribution] = dict(distributions(spec.space))
    if spec.family_is_searched:
        searched[FAMILY] = CategoricalDistribution(choices=list(spec.families))
    return {name: _dimension(searched[name]) for name in sorted(searched)}


def encode_params(
    params: Mapping[str, Scalar], space: Mapping[str, Dimension]
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Recorded params as Optuna's params and distributions."""
    return (
        {name: space[name].encode(value) for name, value in params.items()},
        {name: space[name].distribution for name in params},
    )


def suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> Scalar:
    """Ask an Optuna trial for one value."""
    value: Any
    match dimension.distribution:
        case optuna.distributions.FloatDistribution(low=low, high=high, log=log):
            value = trial.suggest_float(name, low, high, log=log)
        case optuna.distributions.IntDistribution(low=low, high=high, step=step, log=log):
            value = trial.suggest_int(name, low, high, step=step, log=log)
        case optuna.distributions.CategoricalDistribution(choices=choices):
            value = trial.suggest_categorical(name, choices)
        case other:
            raise TypeError(f"{name} has the unknown distribution {other!r}")
    return dimension.decode(value)


def _dimension(entry: Distribution) -> Dimension:
    if isinstance(entry, CategoricalDistribution):
        return _choices(entry)
    if isinstance(entry, IntDistribution):
        return _whole(entry)
    if entry.step is not None and entry.low < entry.high:
        return _stepped(entry.low, entry.high, entry.step)
    return _continuous(entry)


def _choices(entry: CategoricalDistribution) -> Dimension:
    # By index: Optuna takes True for 1 and 1 for 1.0, and compares choices one by one.
    choices = entry.choices
    index = {(type(choice), choice): i for i, choice in enumerate(choices)}
    return Dimension(
        optuna.distributions.CategoricalDistribution(range(len(choices))),
        encode=lambda value: index[(type(value), value)],
        decode=lambda i: choices[i],
    )


def _continuous(entry: FloatDistribution) -> Dimension:
    low, high = entry.low, entry.high
    return Dimension(
        optuna.distributions.FloatDistribution(low, high, log=entry.log),
        encode=float,
        decode=lambda value: min(max(float(value), low), high),
    )


def _stepped(low: float, high: float, step: float) -> Dimension:
    """Searched by the index of the value, so that 0.1 * 3 is 0.3."""
    start, distance = Decimal(str(low)), Decimal(str(step))
    last = int((Decimal(str(high)) - start) // distance)
    return _indexed(
        last,
        value=lambda index: float(start + index * distance),
        index=lambda value: round((float(value) - low) / step),
    )


def _whole(entry: IntDistribution) -> Dimension:
    low, step = entry.low, entry.step
    last = (entry.high - low) // step
    if not entry.log:
        return _indexed(
            last,
            value=lambda index: low + index * step,
            index=lambda value: (int(value) - low) // step,
        )
    if last < WIDE:
        return Dimension(
            optuna.distributions.IntDistribution(low, entry.high, log=True), encode=int, decode=int
        )
    return Dimension(
        optuna.distributions.FloatDistribution(low - 0.5, entry.high + 0.5, log=True),
        encode=float,
        decode=lambda value: min(max(round(value), low), entry.high),
    )


def _indexed(
    last: int, value: Callable[[int], Scalar], index: Callable[[Scalar], int]
) -> Dimension:
    """Evenly spaced values, searched by their index 0..last."""
    if last < WIDE:
        return Dimension(optuna.distributions.IntDistribution(0, last), encode=index, decode=value)
    return Dimension(
        optuna.distributions.FloatDistribution(-0.5, last + 0.5),
        encode=lambda chosen: float(index(chosen)),
        decode=lambda position: value(min(max(round(position), 0), last)),
    )
