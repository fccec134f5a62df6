"""What the curves of a trial say: overfit, large gap, underfit, converged (DOMAIN.md 4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import median
from typing import Literal

from service.domain.records import EpochReport, Verdict
from service.domain.sentences import Kind, describe_verdict
from service.domain.states import TrialState

MIN_RISE = 0.02
"""A rise of validation below this share is not called overfitting."""
MIN_GAP = 0.10
"""A gap below this share of train is not called large."""
MIN_IMPROVEMENT = 0.01
"""Improvement of train, per tenth of the planned epochs, that counts as still learning."""
SAMPLE_DEVIATION = 0.5
"""Standard deviation of one sample's error relative to the mean error: on 270 digits images the
mean is then known to 3 %, as measured."""
ERRORS_BEYOND = 2.0
"""How many standard errors count as beyond the error."""
NOISE_OF_SECOND_DIFFERENCE = 0.6745 * sqrt(6)
"""Median absolute second difference of white noise with standard deviation 1."""


@dataclass(frozen=True)
class _Curves:
    """Finite epochs of a trial, turned so that lower is better."""

    epochs: list[int]
    train: list[float]
    validation: list[float]
    first_eligible: int

    def smooth(self, values: Sequence[float]) -> list[float]:
        """Median of three neighbours; at the ends the worse of two."""
        last = len(values) - 1
        return [
            median(values[i - 1 : i + 2]) if 0 < i < last else max(values[max(0, i - 1) : i + 2])
            for i in range(len(values))
        ]

    def best(self, best_epoch: int | None) -> int:
        """The index of the best eligible epoch: the given one, or by the smoothed curve."""
        if best_epoch in self.epochs:
            return self.epochs.index(best_epoch)
        start = self.eligible_from
        smooth = self.smooth(self.validation[start:])
        return start + smooth.index(min(smooth))

    @property
    def eligible_from(self) -> int:
        """The index of the first eligible epoch; len(epochs) where there is none."""
        return sum(epoch < self.first_eligible for epoch in self.epochs)


@dataclass(frozen=True)
class _Rise:
    """How validation and train went on after the best epoch, lower is better."""

    validation: float
    train: float
    noise: float
    threshold: float

    @property
    def is_overfitting(self) -> bool:
        return self.validation > self.threshold and self.train < 0


def judge_curves(
    reports: Sequence[EpochReport],
    *,
    metric: str,
    direction: Literal["minimize", "maximize"],
    state: TrialState,
    best_epoch: int | None,
    first_eligible_epoch: int,
    stopped_early: bool,
    planned_epochs: int,
    pca: float | None,
    samples: int,
    mean_train: float | None,
    mean_validation: float | None,
) -> Verdict:
    """The verdict on one trial, and every number that it rests on.

    `pca`: validation score of PCA with the trial's latent size; `samples`: in each of the two
    parts that are compared; `mean_*`: scores of the mean sample, whose difference says how much
    harder one part is. All in the units of `metric`, or None where they do not exist.

    Checked in this order: diverged; overfit (validation rises after its best epoch by more than
    2 % and 2 sd of its noise while train goes on falling); large_gap (the gap at the best epoch,
    less the difficulty offset, is beyond 10 % of train and 2 standard errors); censored (pruned
    or stopped); underfit (worse than PCA, or out of epochs while train still improves by 1 % per
    tenth of them; early stopping means that validation did not follow, which is no underfit);
    converged.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    curves = _read(reports, metric, sign, first_eligible_epoch)
    numbers: dict[str, float | int | None] = {"epochs": len(reports)}
    if state is TrialState.DIVERGED:
        return _verdict("diverged", metric, numbers)
    if curves.eligible_from == len(curves.epochs):
        sentence = "Too early to tell: no epoch that counts was finished."
        return Verdict(kind="censored", sentence=sentence, numbers=numbers)

    best = curves.best(best_epoch)
    train, validation = curves.train[best], curves.validation[best]
    gap = validation - train
    gap_relative = gap / abs(train) if train else None
    offset = mean_validation / mean_train - 1 if mean_train and mean_validation else 0.0
    gap_net = None if gap_relative is None else gap_relative - offset
    gap_error = SAMPLE_DEVIATION / sqrt(max(samples, 1))
    rise = _rise_after(curves, best)
    improving = _improvement(curves, planned_epochs)
    overfit = rise is not None and rise.is_overfitting
    numbers |= {
        "best_epoch": curves.epochs[best],
        "train": sign * train,
        "validation": sign * validation,
        "gap": gap,
        "gap_relative": gap_relative,
        "gap_error": gap_error,
        "difficulty_offset": offset,
        "gap_net": gap_net,
        "first_overfit_epoch": curves.epochs[best] if overfit else None,
        "rise": rise.validation if rise else None,
        "rise_threshold": rise.threshold if rise else None,
        "rise_noise": rise.noise if rise else None,
        "train_change": rise.train if rise else None,
        "improving": improving,
        "pca": pca,
    }
    kind = _kind_of(
        overfit=overfit,
        large_gap=gap_net is not None and gap_net > max(MIN_GAP, ERRORS_BEYOND * gap_error),
        censored=state is not TrialState.COMPLETE,
        worse_than_pca=pca is not None and validation > sign * pca,
        improving=not stopped_early and improving is not None and improving > MIN_IMPROVEMENT,
    )
    return _verdict(kind, metric, numbers)


def _verdict(kind: Kind, metric: str, numbers: Mapping[str, float | int | None]) -> Verdict:
    finite = {
        name: value if value is not None and isfinite(value) else None
        for name, value in numbers.items()
    }
    return Verdict(kind=kind, sentence=describe_verdict(kind, metric, finite), numbers=finite)


def _kind_of(
    *, overfit: bool, large_gap: bool, censored: bool, worse_than_pca: bool, improving: bool
) -> Kind:
    if overfit:
        return "overfit"
    if large_gap:
        return "large_gap"
    if censored:
        return "censored"
    return "underfit" if worse_than_pca or improving else "converged"


def _read(reports: Sequence[EpochReport], metric: str, sign: float, first_eligible: int) -> _Curves:
    rows = []
    for report in sorted(reports, key=lambda report: report.epoch):
        train, validation = report.train.get(metric), report.validation.get(metric)
        if train is None or validation is None or not isfinite(train) or not isfinite(validation):
            continue
        rows.append((report.epoch, sign * train, sign * validation))
    return _Curves(
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], first_eligible
    )


def _rise_after(curves: _Curves, best: int) -> _Rise | None:
    """From the best epoch (smoothed) to the end; None when nothing came after it.

    The noise of validation is taken from second differences, of which a smooth curve has little;
    their median forgets the steep first epochs.
    """
    if best == len(curves.epochs) - 1:
        return None
    start = min(curves.eligible_from, best)
    values, train = curves.validation[start:], curves.train[start:]
    at = best - start
    bends = [abs(values[i - 1] - 2 * values[i] + values[i + 1]) for i in range(1, len(values) - 1)]
    noise = median(bends) / NOISE_OF_SECOND_DIFFERENCE if bends else 0.0
    level = curves.smooth(values)[at]
    return _Rise(
        validation=_ending(values[at + 1 :], min) - level,
        train=_ending(train[at + 1 :], max) - curves.smooth(train)[at],
        noise=noise,
        threshold=max(MIN_RISE * abs(level), 2 * noise),
    )


def _ending(later: Sequence[float], cautious: Callable[[Sequence[float]], float]) -> float:
    """The level at the end of a curve: the median of three, or the cautious one of fewer."""
    return median(later[-3:]) if len(later) >= 3 else cautious(later)


def _improvement(curves: _Curves, planned_epochs: int) -> float | None:
    """How much train improved over the last tenth of the planned epochs, as a share."""
    tenth = max(1, round(planned_epochs / 10))
    train = curves.train
    if len(train) >= tenth + 3:
        now, before = median(train[-3:]), median(train[-3 - tenth : len(train) - tenth])
    elif len(train) > tenth:
        now, before = train[-1], train[-1 - tenth]
    else:
        return None
    return (before - now) / abs(before) if before else None
