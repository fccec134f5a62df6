"""Verdicts in plain words, with their numbers in them.

Worse and better are said, not up and down: some metrics are to be large. Where a metric has no
zero (elbo), differences are given as they are and shares are of the curve's range.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from service.domain.scales import ERRORS, NO_SHARES, PSNR, WITHOUT_ZERO

Kind: TypeAlias = Literal["overfit", "large_gap", "underfit", "converged", "censored", "diverged"]
Direction: TypeAlias = Literal["minimize", "maximize"]
Numbers: TypeAlias = Mapping[str, float | int | None]


def describe_verdict(kind: Kind, metric: str, direction: Direction, numbers: Numbers) -> str:
    """One or two sentences for a verdict; `numbers` as overfitting.judge_curves writes them."""
    if kind == "underfit":
        return _underfit(metric, direction, numbers)
    return _WORDS[kind](metric, numbers)


_RIVALS = {"pca": "PCA with the same latent size", "ngram": "the best n-gram model"}
"""What a model that is no underfit is better than, by the name of its figure."""


def _overfit(metric: str, numbers: Numbers) -> str:
    epoch = numbers["first_overfit_epoch"]
    return (
        f"Overfit from epoch {epoch} on: validation {metric} then got worse by "
        f"{_change(metric, numbers, 'rise', 'validation')} (more than its noise of "
        f"{_change(metric, numbers, 'rise_noise', 'validation')}) while train went on improving, "
        f"by {_change(metric, numbers, 'train_change', 'train')}. The weights of epoch "
        f"{numbers['best_epoch']} are the ones that count; {_gap(metric, numbers)}."
    )


def _large_gap(metric: str, numbers: Numbers) -> str:
    beyond = "10 %" if _has_zero(metric) else "10 % of the range of validation"
    return (
        f"Large gap: {_gap(metric, numbers)}, beyond {beyond} and beyond its error; "
        f"{_course(metric, numbers)}."
    )


def _underfit(metric: str, direction: Direction, numbers: Numbers) -> str:
    reasons = []
    validation, sign = numbers["validation"], 1 if direction == "minimize" else -1
    for key, name in _RIVALS.items():
        rival = numbers.get(key)
        if rival is not None and validation is not None and sign * validation > sign * rival:
            reasons.append(f"{name} reaches {rival:.4g} on validation, this model {validation:.4g}")
    improving = numbers["improving"]
    if improving is not None and improving > 0.01:
        share = _percent(improving) + ("" if _has_zero(metric) else " of its range")
        name = f"{ERRORS[metric]} behind {metric}" if metric == PSNR else ERRORS.get(metric, metric)
        reasons.append(f"{name} on train still improved by {share} in the last tenth of the epochs")
    text = f"Underfit: {' and '.join(reasons) or 'there is room left'}; {_gap(metric, numbers)}"
    return f"{text}; {_course(metric, numbers)}." if _is_unstable(numbers) else f"{text}."


def _converged(metric: str, numbers: Numbers) -> str:
    if _is_unstable(numbers):
        return f"Unstable, no overfitting: {_course(metric, numbers)}; {_gap(metric, numbers)}."
    return f"Converged: {_gap(metric, numbers)}; {_course(metric, numbers)}."


def _censored(metric: str, numbers: Numbers) -> str:
    return (
        f"Ended after {numbers['epochs']} epochs, before it could be told; {_gap(metric, numbers)}."
    )


def _diverged(_: str, numbers: Numbers) -> str:
    return f"Diverged after {numbers['epochs']} whole epochs: a loss was no finite number."


_WORDS: dict[Kind, Callable[[str, Numbers], str]] = {
    "overfit": _overfit,
    "large_gap": _large_gap,
    "converged": _converged,
    "censored": _censored,
    "diverged": _diverged,
}


def _is_unstable(numbers: Numbers) -> bool:
    """Whether validation got clearly worse in the end; where that is no overfitting."""
    rise, threshold = numbers["rise"], numbers["rise_threshold"]
    return rise is not None and threshold is not None and rise > threshold


def _course(metric: str, numbers: Numbers) -> str:
    """How it went on after the best epoch, where that is no overfitting."""
    rise, epoch = numbers["rise"], numbers["best_epoch"]
    if rise is None:
        return "the best epoch was the last one"
    by = _change(metric, numbers, "rise", "validation")
    if not _is_unstable(numbers):
        if rise <= 0:
            return "validation did not get worse afterwards"
        most = _change(metric, numbers, "rise_threshold", "validation")
        return f"validation got worse afterwards by {by}, within the {most} that do not count"
    if (numbers["train_change"] or 0.0) > 0:
        train = _change(metric, numbers, "train_change", "train")
        return (
            f"validation and train both got worse after epoch {epoch}, by {by} and {train}: "
            "training was unstable"
        )
    return f"validation got worse by {by} after epoch {epoch}, while train stood still"


def _gap(metric: str, numbers: Numbers) -> str:
    """The gap at the best epoch, its error, and how much of it the harder part explains."""
    validation, train, relative = numbers["validation"], numbers["train"], numbers["gap_relative"]
    text = f"at epoch {numbers['best_epoch']} {metric} is {validation:.4g} on validation and "
    text += f"{train:.4g} on train"
    if not _has_zero(metric):
        gap, error = numbers["gap"], numbers["gap_se"]
        if gap is None:
            return text
        side = "worse" if gap >= 0 else "better"
        known = "unknown" if error is None else f"{error:.2g}"
        return f"{text}, {abs(gap):.4g} {side} (error {known})"
    if relative is None:
        return text
    side = "worse" if relative >= 0 else "better"
    share, known = _percent(abs(relative)), _percent(numbers["gap_error"])
    gap = numbers["gap"]
    if metric in ERRORS and gap is not None:
        unit = " dB" if metric == PSNR else ""
        more = "more" if relative >= 0 else "less"
        text += f", {abs(gap):.3g}{unit} {side}: {ERRORS[metric]} is {share} {more}"
        return f"{text} (error {known})"
    text += f", {share} {side} (error {known})"
    return text + _net(numbers, relative)


def _net(numbers: Numbers, relative: float) -> str:
    """What is left of a gap beside the difficulty of the parts."""
    offset, net = numbers["difficulty_offset"], numbers["gap_net"]
    if not offset or net is None:
        return ""
    harder = "harder" if offset > 0 else "easier"
    text = f"; the validation samples are {_percent(abs(offset))} {harder}, "
    if offset < -max(relative, 0.0):
        text += "which at most doubles a gap, " if relative > 0 else "which makes no gap alone, "
    side = "worse" if net >= 0 else "better"
    return f"{text}net {_percent(abs(net))} {side} (error {_percent(numbers['gap_net_error'])})"


def _has_zero(metric: str) -> bool:
    """Whether shares of a level mean something."""
    return metric not in WITHOUT_ZERO


def _change(metric: str, numbers: Numbers, change: str, level: str) -> str:
    """A change as a share of a level; as it is where there is no zero to measure from."""
    value, base = numbers[change], numbers[level]
    if value is None:
        return "an unknown amount"
    if not base or metric in NO_SHARES:
        return f"{abs(value):.4g}" + (" dB" if metric == PSNR else "")
    return _percent(abs(value / base))


def _percent(share: float | int | None) -> str:
    return "unknown" if share is None else f"{share * 100:.1f} %"
