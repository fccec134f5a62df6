"""What one slot carries from epoch to epoch beside its tensors, and how it ends."""

import math
from typing import Any, TypeAlias

from torch import Tensor

from trainers.base import EndState, FitPlan, Slot, SlotEnd, SlotReport
from trainers.best_epoch import BestEpoch, Patience

Metrics: TypeAlias = dict[str, float]

USUAL = ("mse", "token_cross_entropy")
"""What every family reports of numbers, and of texts."""


class SlotProgress:
    """The best epoch, the patience, and the metrics that belong to them."""

    def __init__(self, slot: Slot, plan: FitPlan) -> None:
        sign = -1.0 if plan.direction == "maximize" else 1.0
        self.slot = slot
        self.metric = plan.metric
        self.best = BestEpoch(plan.first_eligible_epoch, sign)
        self._patience = Patience(plan.early_stopping, plan.first_eligible_epoch, sign)
        self._newest: tuple[Metrics, Metrics] | None = None
        self._settled: tuple[Metrics, Metrics] | None = None

    def add(self, report: SlotReport) -> tuple[bool, bool]:
        """Take in an epoch. (the epoch before is now the best settled one, stop after this).

        Raises ValueError where the epoch has not been measured by the metric that ranks.
        """
        value = report.validation.get(self.metric)
        if value is None:
            raise ValueError(
                f"epochs have no {self.metric}: it cannot be measured on this data; rank by "
                "another metric, such as "
                + next((name for name in USUAL if name in report.validation), "loss")
            )
        settled = self.best.add(report.epoch, value)
        if settled:
            self._settled = self._newest
        self._newest = (report.train, report.validation)
        return settled, self._patience.exhausted(report.epoch, value)

    def end(
        self,
        state: EndState,
        epochs: int,
        stopped_early: bool,
        weights: dict[str, Tensor] | None,
        pictures: dict[str, Tensor] | None,
    ) -> SlotEnd:
        """The end of the trial, at its best epoch."""
        choice = self.best.current()
        metrics = None
        if choice is not None:
            metrics = self._newest if choice.latest else self._settled
        return SlotEnd(
            trial=self.slot.trial,
            state=state,
            value=choice.value if choice else None,
            best_epoch=choice.epoch if choice else None,
            epochs=epochs,
            stopped_early=stopped_early,
            train=metrics[0] if metrics else None,
            validation=metrics[1] if metrics else None,
            weights=weights,
            pictures=pictures,
            message=None,
        )

    def diverged(self, epoch: int) -> SlotEnd:
        """The end of a trial whose numbers are no longer finite: it has no result."""
        return SlotEnd(
            trial=self.slot.trial,
            state="DIVERGED",
            value=None,
            best_epoch=None,
            epochs=epoch,
            stopped_early=False,
            train=None,
            validation=None,
            weights=None,
            pictures=None,
            message=f"the loss or a weight became NaN or infinite in epoch {epoch}",
        )

    def to_json(self) -> dict[str, Any]:
        """Everything that changes, as JSON."""
        return {
            "best": self.best.to_json(),
            "patience": self._patience.to_json(),
            "newest": self._newest,
            "settled": self._settled,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `to_json`."""
        self.best = BestEpoch.from_json(state["best"])
        self._patience.restore(state["patience"])
        self._newest = _pair(state["newest"])
        self._settled = _pair(state["settled"])


def is_finite(report: SlotReport) -> bool:
    """Whether every metric of an epoch is a number."""
    numbers = [*report.train.values(), *report.validation.values()]
    return all(math.isfinite(number) for number in numbers)


def _pair(metrics: list[Metrics] | None) -> tuple[Metrics, Metrics] | None:
    return (metrics[0], metrics[1]) if metrics else None
