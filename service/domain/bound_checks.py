"""Whether a model could keep the bounds of a study at all."""

from collections.abc import Iterator

from service.domain.aims import Aims
from service.domain.objectives import Constraint
from service.errors import FieldError

LOWEST = {
    **dict.fromkeys(
        (
            "mse", "mae", "hole_mse", "known_mse", "numeric_mse", "bce_excess", "kl",
            "token_cross_entropy", "edit_distance", "exact_match", "categorical_accuracy",
            "macs", "latency_seconds",
        ),
        0.0,
    ),
    **dict.fromkeys(("perplexity", "code_perplexity", "codes_used", "parameters"), 1.0),
    **dict.fromkeys(("ssim", "ms_ssim"), -1.0),
}  # fmt: skip
"""What a metric cannot be below, by its definition."""
HIGHEST = dict.fromkeys(("ssim", "ms_ssim", "exact_match", "categorical_accuracy"), 1.0)
"""What it cannot be above."""


def check_bounds(aims: Aims, *, listed: bool) -> Iterator[FieldError]:
    """Bounds beyond what a metric can be, and pairs that exclude each other."""
    earlier: list[Constraint] = []
    for index, objective in enumerate(aims.objectives):
        for place, bound in enumerate(objective.subject_to):
            reason = _beyond(bound) or _excluded(bound, earlier)
            if reason:
                pointer = f"/objective/{index}" if listed else "/objective"
                yield FieldError(
                    pointer=f"{pointer}/subject_to/{place}",
                    reason=f"{reason}: no trial could ever keep it",
                    remedy=f"give {bound.metric} a bound that a model can keep, or leave it out",
                )
            earlier.append(bound)


def _beyond(bound: Constraint) -> str | None:
    lowest, highest = LOWEST.get(bound.metric), HIGHEST.get(bound.metric)
    if bound.at_most is not None and lowest is not None and bound.at_most < lowest:
        return f"{bound.metric} is never below {lowest:g}, and this asks for {bound}"
    if bound.at_least is not None and highest is not None and bound.at_least > highest:
        return f"{bound.metric} is never above {highest:g}, and this asks for {bound}"
    return None


def _excluded(bound: Constraint, earlier: list[Constraint]) -> str | None:
    for other in earlier:
        opposite = other.metric == bound.metric and other.direction != bound.direction
        if opposite and other.violation(bound.limit) > 0:
            return f"{bound} and {other} exclude each other"
    return None
