"""The curves of a trial on train and validation, and how they went on after the best epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, isfinite, sqrt
from statistics import median

from service.domain.records import EpochReport
from service.domain.scales import WITHOUT_ZERO, deviation_of, error_of
from service.domain.trials import STANDARD_ERROR

MIN_RISE = 0.02
"""A rise of validation below this share is not called overfitting."""
NOISE_OF_SECOND_DIFFERENCE = 0.6745 * sqrt(6)
"""Median absolute second difference of white noise with standard deviation 1."""


@dataclass(frozen=True)
class Rise:
    """How validation and train went on after the best epoch, lower is better."""

    validation: float
    train: float
    noise: float
    threshold: float

    @property
    def is_overfitting(self) -> bool:
        """Validation got worse, train did not."""
        return self.validation > self.threshold and self.train < 0


@dataclass(frozen=True)
class Curves:
    """Finite epochs of a trial, as errors (scales.error_of): lower is better."""

    epochs: list[int]
    train: list[float]
    validation: list[float]
    errors: list[float | None]
    """Standard error of validation less train by epoch, where the samples gave one."""
    first_eligible: int
    is_ratio_scaled: bool
    """Whether 0 means none, so that levels are what changes are measured by; else ranges are."""

    @property
    def eligible_from(self) -> int:
        """The index of the first eligible epoch; len(epochs) where there is none."""
        return sum(epoch < self.first_eligible for epoch in self.epochs)

    def best(self, best_epoch: int | None) -> int:
        """The index of the best eligible epoch: the given one, or by the smoothed curve."""
        if best_epoch in self.epochs:
            return self.epochs.index(best_epoch)
        start = self.eligible_from
        smoothed = smooth(self.validation[start:])
        return start + smoothed.index(min(smoothed))

    def range_of(self, values: Sequence[float]) -> float:
        """How far a curve came: its value at the first eligible epoch less the best one."""
        eligible = values[min(self.eligible_from, len(values) - 1) :]
        return eligible[0] - min(eligible)

    def rise_after(self, best: int) -> Rise | None:
        """From the best epoch (smoothed) to the end; None when nothing came after it.

        The noise of validation is taken from second differences, of which a smooth curve has
        little; their median forgets the steep first epochs.
        """
        if best == len(self.epochs) - 1:
            return None
        start = min(self.eligible_from, best)
        values, train = self.validation[start:], self.train[start:]
        at = best - start
        bends = [
            abs(values[i - 1] - 2 * values[i] + values[i + 1]) for i in range(1, len(values) - 1)
        ]
        noise = median(bends) / NOISE_OF_SECOND_DIFFERENCE if bends else 0.0
        level = smooth(values)[at]
        scale = abs(level) if self.is_ratio_scaled else self.range_of(self.validation)
        return Rise(
            validation=_ending(values[at + 1 :], min) - level,
            train=_ending(train[at + 1 :], max) - smooth(train)[at],
            noise=noise,
            threshold=max(MIN_RISE * scale, 2 * noise),
        )

    def improvement(self, planned_epochs: int) -> float | None:
        """How much train improved over the last tenth of the planned epochs.

        As a share of its level before; of its range where the scale has no zero.
        """
        tenth = max(1, round(planned_epochs / 10))
        train = self.train
        if len(train) >= tenth + 3:
            now, before = median(train[-3:]), median(train[-3 - tenth : len(train) - tenth])
        elif len(train) > tenth:
            now, before = train[-1], train[-1 - tenth]
        else:
            return None
        scale = abs(before) if self.is_ratio_scaled else self.range_of(train)
        return (before - now) / scale if scale else None


def read_curves(
    reports: Sequence[EpochReport], metric: str, sign: float, first_eligible: int
) -> Curves:
    """The epochs at which a metric is finite on both parts, ascending; `sign` -1 turns it."""
    rows: list[tuple[int, float, float, float | None]] = []
    for report in sorted(reports, key=lambda report: report.epoch):
        values = [part.get(metric) for part in (report.train, report.validation)]
        found = [error_of(metric, sign, value) for value in values if value is not None]
        if len(found) == 2 and all(isfinite(value) for value in found):
            rows.append((report.epoch, found[0], found[1], _error(report, metric, *found)))
    return Curves(
        epochs=[row[0] for row in rows],
        train=[row[1] for row in rows],
        validation=[row[2] for row in rows],
        errors=[row[3] for row in rows],
        first_eligible=first_eligible,
        is_ratio_scaled=metric not in WITHOUT_ZERO,
    )


def smooth(values: Sequence[float]) -> list[float]:
    """Median of three neighbours; at the ends the worse of two."""
    last = len(values) - 1
    return [
        median(values[i - 1 : i + 2]) if 0 < i < last else max(values[max(0, i - 1) : i + 2])
        for i in range(len(values))
    ]


def _error(
    report: EpochReport, metric: str, train_level: float, validation_level: float
) -> float | None:
    """Of the difference of two means over different samples."""
    train, validation = (
        part.get(f"{metric}{STANDARD_ERROR}") for part in (report.train, report.validation)
    )
    if train is None or validation is None:
        return None
    return hypot(
        deviation_of(metric, train_level, train), deviation_of(metric, validation_level, validation)
    )


def _ending(later: Sequence[float], cautious: Callable[[Sequence[float]], float]) -> float:
    """The level at the end of a curve: the median of three, or the cautious one of fewer."""
    return median(later[-3:]) if len(later) >= 3 else cautious(later)
