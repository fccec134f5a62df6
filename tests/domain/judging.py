"""Curves to be judged, and how the tests have them judged."""

from collections.abc import Callable, Sequence
from math import exp
from random import Random
from typing import Any

from service.domain.overfitting import MeanSample, judge_curves
from service.domain.records import EpochReport, Verdict
from service.domain.states import TrialState

EPOCHS = 30
Curve = Sequence[float | None]


def judge(train: Curve, validation: Curve, metric: str = "mse", **changes: Any) -> Verdict:
    errors = {f"{metric}_se": changes.pop("error")} if "error" in changes else {}
    reports = [
        EpochReport(
            epoch=index + 1,
            train={metric: a, **errors},
            validation={metric: b, **errors},
            effective_beta=None,
            learning_rate=0.001,
            gradient_norm=None,
            seconds=0.1,
        )
        for index, (a, b) in enumerate(zip(train, validation, strict=True))
    ]
    if changes.pop("shuffled", False):
        Random(1).shuffle(reports)
    means = [changes.pop(name, None) for name in ("mean_train", "mean_validation")]
    if None not in means:
        changes["mean"] = MeanSample(*means, *changes.pop("mean_errors", ()))
    arguments: dict[str, Any] = {
        "metric": metric,
        "direction": "minimize",
        "state": TrialState.COMPLETE,
        "best_epoch": None,
        "first_eligible_epoch": 1,
        "stopped_early": False,
        "planned_epochs": EPOCHS,
        "pca": None,
        "samples": 270,
        **changes,
    }
    return judge_curves(reports, **arguments)


def curve(function: Callable[[int], float], epochs: int = EPOCHS) -> list[float]:
    return [function(epoch) for epoch in range(1, epochs + 1)]


def falling(floor: float, pace: float = 4.0) -> Callable[[int], float]:
    return lambda epoch: floor + 0.05 * exp(-epoch / pace)


def turning(epoch: int) -> float:
    """Falls until about epoch 12, then rises by 2 % of its floor an epoch."""
    return 0.01 + 0.05 * exp(-epoch / 3) + 0.0002 * max(0, epoch - 12)
