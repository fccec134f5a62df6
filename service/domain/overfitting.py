"""What the curves of a trial say: overfit, large gap, underfit, converged (DOMAIN.md 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, isfinite, sqrt

from service.domain.curves import Curves, Rise, read_curves
from service.domain.records import EpochReport, Verdict
from service.domain.scales import change_in_units, error_of, value_of
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
class MeanSample:
    """How well the mean sample does on the samples that are compared: MSE, with standard errors.

    It says how much harder one part is than the other, whatever the model.
    """

    train: float
    validation: float
    train_error: float | None = None
    validation_error: float | None = None
    """None: not recorded; by rule of thumb then."""

    def offset(self) -> float:
        """How much harder validation is, as a share."""
        return self.validation / self.train - 1

    def offset_error(self, samples: int) -> float:
        """Its standard error."""
        rule = SAMPLE_DEVIATION / sqrt(max(samples, 1))
        shares = [
            rule if error is None else error / mean
            for mean, error in (
                (self.train, self.train_error),
                (self.validation, self.validation_error),
            )
        ]
        return self.validation / self.train * hypot(*shares)


@dataclass(frozen=True)
class _Gap:
    """Validation less train at the best epoch, and what it must exceed to be called large.

    An offset is as uncertain as the gap, and a model unlike the mean need not feel it in full. So
    its error is added, and an easier validation part at most doubles a gap: it makes none alone.
    """

    absolute: float
    error: float | None
    """Its standard error, in the units of the error that the curves are of."""
    train: float
    range: float
    """Of the validation curve."""
    offset: float | None
    """How much harder validation is, as a share; None where shares mean nothing."""
    offset_error: float = 0.0

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
        relative = self.relative
        if relative is None:
            return None
        return relative - max(self.offset or 0.0, -max(relative, 0.0))

    @property
    def net_error(self) -> float | None:
        error = self.relative_error
        return None if error is None else hypot(error, self.offset_error)

    @property
    def is_large(self) -> bool:
        if self.error is None:
            return False
        if self.offset is None:
            return self.absolute > max(MIN_GAP * self.range, ERRORS_BEYOND * self.error)
        net, error = self.net, self.net_error
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
    mean: MeanSample | None = None,
) -> Verdict:
    """The verdict on one trial, and every number that it rests on.

    `pca`: validation score of PCA with the trial's latent size; `ngram`: of the best n-gram
    model, for texts; `samples`: in each of the two
    parts that are compared; `mean`: the mean sample on them, whose scores say how much harder one
    part is. All in the units of `metric`, or None where they do not exist.

    Checked in this order: diverged; overfit (validation rises after its best epoch by more than
    2 % and 2 sd of its noise while train goes on falling); large_gap (the gap at the best epoch,
    less the difficulty offset, is beyond 10 % of train and 2 standard errors of both; an easier
    validation part counts for at most as much as the gap itself); censored (pruned
    or stopped); underfit (worse than PCA or an n-gram model, or out of epochs while train still
    improves by 1 % per tenth of them; early stopping means that validation did not follow, which is
    no underfit); converged. Where the metric has no zero (elbo), shares are of the range of the
    curve: its value at the first eligible epoch less its best one. Those of PSNR and SSIM are of
    the error that they stand for: the squared error, 1 - SSIM.
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
    gap = _gap_at(curves, best, samples, mean)
    rise = curves.rise_after(best)
    improving = None if stopped_early else curves.improvement(planned_epochs)
    overfit = rise is not None and rise.is_overfitting
    numbers |= {
        "best_epoch": curves.epochs[best],
        "train": value_of(metric, sign, train),
        "validation": value_of(metric, sign, validation),
        "gap": change_in_units(metric, train, gap.absolute),
        "gap_se": change_in_units(metric, train, gap.error),
        "gap_relative": gap.relative,
        "gap_error": gap.relative_error,
        "difficulty_offset": gap.offset,
        "difficulty_error": gap.offset_error if gap.offset else None,
        "gap_net": gap.net,
        "gap_net_error": gap.net_error,
        "range": change_in_units(metric, validation, gap.range),
        "first_overfit_epoch": curves.epochs[best] if overfit else None,
        **_numbers_of(rise, metric, train, validation),
        "improving": improving,
        "pca": pca,
        "ngram": ngram,
    }
    kind = _kind_of(
        overfit=overfit,
        large_gap=gap.is_large,
        censored=state is not TrialState.COMPLETE,
        worse_than_rival=any(
            rival is not None and validation > error_of(metric, sign, rival)
            for rival in (pca, ngram)
        ),
        improving=improving is not None and improving > MIN_IMPROVEMENT,
    )
    return _verdict(kind, metric, direction, numbers)


def _gap_at(curves: Curves, best: int, samples: int, mean: MeanSample | None) -> _Gap:
    """The gap at an epoch; its error as measured over samples, else by rule of thumb."""
    train, error = curves.train[best], curves.errors[best]
    gap = curves.validation[best] - train
    span = curves.range_of(curves.validation)
    if not curves.is_ratio_scaled:
        return _Gap(gap, error, train, span, None)
    if error is None:
        error = abs(train) * SAMPLE_DEVIATION * sqrt(2 / max(samples, 1))
    if mean is None or not mean.train or not mean.validation:
        return _Gap(gap, error, train, span, 0.0)
    return _Gap(gap, error, train, span, mean.offset(), mean.offset_error(samples))


def _numbers_of(
    rise: Rise | None, metric: str, train: float, validation: float
) -> dict[str, float | int | None]:
    """In the metric's own units; None where nothing came after the best epoch."""
    if rise is None:
        return dict.fromkeys(("rise", "rise_threshold", "rise_noise", "train_change"))
    return {
        "rise": change_in_units(metric, validation, rise.validation),
        "rise_threshold": change_in_units(metric, validation, rise.threshold),
        "rise_noise": change_in_units(metric, validation, rise.noise),
        "train_change": change_in_units(metric, train, rise.train),
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
