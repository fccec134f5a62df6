"""Verdicts in plain words, with their numbers in them."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["overfit", "large_gap", "underfit", "converged", "censored", "diverged"]
Numbers: TypeAlias = Mapping[str, float | int | None]


def describe_verdict(kind: Kind, metric: str, numbers: Numbers) -> str:
    """One or two sentences for a verdict; `numbers` as overfitting.judge_curves writes them."""
    return _WORDS[kind](metric, numbers)


def _overfit(metric: str, numbers: Numbers) -> str:
    epoch = numbers["first_overfit_epoch"]
    return (
        f"Overfit from epoch {epoch} on: validation {metric} then got worse by "
        f"{_share(numbers['rise'], numbers['validation'])} (more than its noise of "
        f"{_share(numbers['rise_noise'], numbers['validation'])}) while train went on improving, "
        f"by {_share(numbers['train_change'], numbers['train'])}. The weights of epoch "
        f"{numbers['best_epoch']} are the ones that count; {_gap(metric, numbers)}."
    )


def _large_gap(metric: str, numbers: Numbers) -> str:
    return (
        f"Large gap: {_gap(metric, numbers)}, beyond 10 % and beyond its error; validation did "
        "not turn upwards."
    )


def _underfit(metric: str, numbers: Numbers) -> str:
    reasons = []
    pca, validation = numbers["pca"], numbers["validation"]
    if pca is not None and validation is not None and validation > pca:
        reasons.append(
            f"PCA with the same latent size reaches {pca:.4g} on validation, this model only "
            f"{validation:.4g}"
        )
    improving = numbers["improving"]
    if improving is not None and improving > 0.01:
        reasons.append(
            f"train {metric} still improved by {improving * 100:.1f} % in the last tenth of the "
            "epochs"
        )
    return f"Underfit: {' and '.join(reasons) or 'there is room left'}; {_gap(metric, numbers)}."


def _converged(metric: str, numbers: Numbers) -> str:
    return f"Converged: {_gap(metric, numbers)}, and validation did not turn upwards."


def _censored(metric: str, numbers: Numbers) -> str:
    return (
        f"Ended after {numbers['epochs']} epochs, before it could be told; {_gap(metric, numbers)}."
    )


def _diverged(_: str, numbers: Numbers) -> str:
    return f"Diverged after {numbers['epochs']} whole epochs: a loss was no finite number."


_WORDS: dict[Kind, Callable[[str, Numbers], str]] = {
    "overfit": _overfit,
    "large_gap": _large_gap,
    "underfit": _underfit,
    "converged": _converged,
    "censored": _censored,
    "diverged": _diverged,
}


def _gap(metric: str, numbers: Numbers) -> str:
    """The gap at the best epoch, its error, and how much of it the harder part explains."""
    validation, train, relative = numbers["validation"], numbers["train"], numbers["gap_relative"]
    text = f"at epoch {numbers['best_epoch']} {metric} is {validation:.4g} on validation and "
    text += f"{train:.4g} on train"
    if relative is None:
        return text
    side = "worse" if relative >= 0 else "better"
    text += f", {abs(relative) * 100:.1f} % {side} (error {_percent(numbers['gap_error'])}"
    offset = numbers["difficulty_offset"]
    if offset:
        text += f"; {offset * 100:+.1f} % of it because the validation samples are "
        text += "harder" if offset > 0 else "easier"
    return text + ")"


def _share(change: float | int | None, level: float | int | None) -> str:
    if change is None or not level:
        return "an unknown share" if change is None else f"{abs(change):.4g}"
    return _percent(abs(change / level))


def _percent(share: float | int | None) -> str:
    return "unknown" if share is None else f"{share * 100:.1f} %"
