"""What the curves of a trial say: overfit, large gap, underfit, converged (DOMAIN.md 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from service.domain.curves import Curves, Rise, read_curves
from service.domain.records import EpochReport, Verdict
from service.domain.sentences import Direction, Kind, describe_verdict
from service.domain.states import TrialState

MIN_GAP = 0.10
"""A gap below this share of train (or of the curve's range) is not called large."""
MIN_IMPROVEMENT = 0.01
"""Improvement of train, per tenth of the planned epochs, that counts as still learning."""
SAMPLE_DEVIATION = 0.5
"""Standard deviation of one sample's error relative to the mean error, where none was measured:
on 270 digits images a mean is then known to 3 %, and the difference of two to 4 %."""
ERRORS_BEYOND = 2.0
"""How many standard errors count as beyond the error."""


@dataclass(frozen=True)
class _Gap:
    """Validation less train at the best epoch, and what it must exceed to be called large."""

    absolute: float
    error: float | None
    """Its standard error, in the metric's units."""
    train: float
    offset: float | None
    """How much harder validation is, as a share; None where shares mean nothing."""
    range: float
    """Of the validation curve."""

    @property
    def relative(self) -> float | None:
        return None if self.offset is None else _share(self.absolute, self.train)

    @property
    def relative_error(self) -> float | None:
        if self.offset is None or self.error is None:
            return None
        return _share(self.error, self.train)

    @property
    def net(self) -> float | None:
        return None if self.relative is None else self.relative - (self.offset or 0.0)

    @property
    def is_large(self) -> bool:
        if self.error is None:
            return False
        if self.offset is None:
            return self.absolute > max(MIN_GAP * self.range, ERRORS_BEYOND * self.error)
        net, error = self.net, self.relative_error
        return net is not None and error is not None and net > max(MIN_GAP, ERRORS_BEYOND * error)


def judge_curves(
    reports: Sequence[EpochReport],
    *,
    metric: str,
    direction: Direction,
    state: TrialState,
    best_epoch: int | None,
    first_eligible_epoch: int,
    stopped_early: bool,
    planned_epochs: int,
    pca: float | None = None,
    ngram: float | None = None,
    samples: int,
    mean_train: float | None,
    mean_validation: float | None,
) -> Verdict:
    """The verdict on one trial, and every number that it rests on.

    `pca`: validation score of PCA with the trial's latent size; `ngram`: of the best n-gram
    model, for texts; `samples`: in each of the two
    parts that are compared; `mean_*`: scores of the mean sample on them, whose difference says
    how much harder one part is. All in the units of `metric`, or None where they do not exist.

    Checked in this order: diverged; overfit (validation rises after its best epoch by more than
    2 % and 2 sd of its noise while train goes on falling); large_gap (the gap at the best epoch,
    less the difficulty offset, is beyond 10 % of train and 2 standard errors); censored (pruned
    or stopped); underfit (worse than PCA or an n-gram model, or out of epochs while train still
    improves by 1 % per tenth of them; early stopping means that validation did not follow, which is
    no underfit); converged. Where the metric has no zero (elbo), shares are of the range of the
    curve: its value at the first eligible epoch less its best one.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    curves = read_curves(reports, metric, sign, first_eligible_epoch)
    numbers: dict[str, float | int | None] = {"epochs": len(reports)}
    if state is TrialState.DIVERGED:
        return _verdict("diverged", metric, direction, numbers)
    if curves.eligible_from == len(curves.epochs):
        sentence = "Too early to tell: no epoch that counts was finished."
        return Verdict(kind="censored", sentence=sentence, numbers=numbers)

    best = curves.best(best_epoch)
    train, validation = curves.train[best], curves.validation[best]
    gap = _gap_at(curves, best, samples, mean_train, mean_validation)
    rise = curves.rise_after(best)
    improving = None if stopped_early else curves.improvement(planned_epochs)
    overfit = rise is not None and rise.is_overfitting
    numbers |= {
        "best_epoch": curves.epochs[best],
        "train": sign * train,
        "validation": sign * validation,
        "gap": gap.absolute,
        "gap_se": gap.error,
        "gap_relative": gap.relative,
        "gap_error": gap.relative_error,
        "difficulty_offset": gap.offset,
        "gap_net": gap.net,
        "range": gap.range,
        "first_overfit_epoch": curves.epochs[best] if overfit else None,
        **_numbers_of(rise),
        "improving": improving,
        "pca": pca,
        "ngram": ngram,
    }
    kind = _kind_of(
        overfit=overfit,
        large_gap=gap.is_large,
        censored=state is not TrialState.COMPLETE,
        worse_than_rival=any(
            rival is not None and validation > sign * rival for rival in (pca, ngram)
        ),
        improving=improving is not None and improving > MIN_IMPROVEMENT,
    )
    return _verdict(kind, metric, direction, numbers)


def _gap_at(
    curves: Curves,
    best: int,
    samples: int,
    mean_train: float | None,
    mean_validation: float | None,
) -> _Gap:
    """The gap at an epoch; its error as measured over samples, else by rule of thumb."""
    train = curves.train[best]
    error = curves.errors[best]
    offset = None
    if curves.is_ratio_scaled:
        offset = mean_validation / mean_train - 1 if mean_train and mean_validation else 0.0
        if error is None:
            error = abs(train) * SAMPLE_DEVIATION * sqrt(2 / max(samples, 1))
    return _Gap(
        absolute=curves.validation[best] - train,
        error=error,
        train=train,
        offset=offset,
        range=curves.range_of(curves.validation),
    )


def _numbers_of(rise: Rise | None) -> dict[str, float | int | None]:
    return {
        "rise": rise.validation if rise else None,
        "rise_threshold": rise.threshold if rise else None,
        "rise_noise": rise.noise if rise else None,
        "train_change": rise.train if rise else None,
    }


def _share(part: float, whole: float) -> float | None:
    return part / abs(whole) if whole else None


def _verdict(
    kind: Kind, metric: str, direction: Direction, numbers: dict[str, float | int | None]
) -> Verdict:
    finite = {
        name: value if value is not None and isfinite(value) else None
        for name, value in numbers.items()
    }
    sentence = describe_verdict(kind, metric, direction, finite)
    return Verdict(kind=kind, sentence=sentence, numbers=finite)


def _kind_of(
    *, overfit: bool, large_gap: bool, censored: bool, worse_than_rival: bool, improving: bool
) -> Kind:
    if overfit:
        return "overfit"
    if large_gap:
        return "large_gap"
    if censored:
        return "censored"
    return "underfit" if worse_than_rival or improving else "converged"
