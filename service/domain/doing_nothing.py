"""The rival that costs nothing: the task's input taken as the answer (DOMAIN.md truth 17)."""

from typing import Any

from service.domain.aims import Aims
from service.domain.catalog import MetricEntry
from service.domain.model import Record
from service.domain.records import Notice, Trial
from service.domain.tasks import DenoiseTask, InpaintTask, SuperResolveTask, TaskSpec

DOING_NOTHING = "doing_nothing"
"""The kind of analysis that holds a TaskBaseline."""

DECIBEL = "dB"


class TaskBaseline(Record):
    """The metrics of doing nothing, on the samples that trials are evaluated on."""

    task: dict[str, Any]
    name: str
    """What the input is: `the noisy input`, `the mean in the hole`, `the bicubic enlargement`."""
    train: dict[str, float | None]
    validation: dict[str, float | None]
    test: dict[str, float | None] | None = None
    """None: not yet unsealed."""

    def judged_by(self, aims: Aims) -> str:
        """The metric to compare by: the first of worth (Aims.worth) that doing nothing has."""
        worth = [objective.metric for objective in aims.worth]
        known = (name for name in worth if self.validation.get(name) is not None)
        return next(known, (worth or [aims.objectives[0].metric])[0])

    def comparison(
        self, metric: MetricEntry, validation: dict[str, float | None], test: Any = None
    ) -> dict[str, Any]:
        """It and a model side by side: `gain` is how much better the model is (negative: worse),
        `ratio` its value by that of doing nothing.
        """
        parts = {"validation": (self.validation, validation), "test": (self.test, test)}
        found: dict[str, Any] = self.model_dump(mode="json") | {"metric": metric.name}
        for part, (nothing, model) in parts.items():
            before = nothing.get(metric.name) if nothing else None
            after = model.get(metric.name) if model else None
            found[f"gain_{part}"] = found[f"ratio_{part}"] = None
            if before is not None and after is not None:
                found[f"gain_{part}"] = _gain(metric, before, after)
                found[f"ratio_{part}"] = after / before if before else None
        return found


def names_doing_nothing(task: TaskSpec) -> str | None:
    """What the input of a task is called; None where the answer is the input itself."""
    if isinstance(task, DenoiseTask):
        return "the noisy input"
    if isinstance(task, InpaintTask):
        return "the mean in the hole"
    return "the bicubic enlargement" if isinstance(task, SuperResolveTask) else None


def say_comparison(nothing: TaskBaseline, metric: MetricEntry, value: float | None) -> str | None:
    """One sentence on a validation value beside that of doing nothing; None where none is known."""
    before = nothing.validation.get(metric.name)
    if before is None or value is None:
        return None
    unit = f" {DECIBEL}" if metric.unit == DECIBEL else ""
    figures = f"{metric.name} {value:.4g}{unit} against {before:.4g}{unit} of {nothing.name}"
    gain = _gain(metric, before, value)
    if gain == 0:
        return f"The same as doing nothing: {figures}."
    if gain < 0:
        return f"Worse than doing nothing: {figures}."
    if metric.direction == "minimize" and value > 0:
        return f"Better than doing nothing: {figures}, {before / value:.3g} times less."
    return f"Better than doing nothing: {figures}, {gain:.3g}{unit} more."


def warn_of_worse_than_nothing(
    nothing: TaskBaseline, metric: MetricEntry, winner: Trial | None
) -> list[Notice]:
    """The winner is no better than its own input by this metric, on validation."""
    before = nothing.validation.get(metric.name)
    metrics = None if winner is None else winner.metrics
    after = metrics.validation.get(metric.name) if metrics else None
    if winner is None or after is None or before is None or _gain(metric, before, after) > 0:
        return []
    return [
        Notice(
            code="worse-than-nothing",
            pointer="/task",
            message=f"trial {winner.number} won with {metric.name} {after:.4g}, and "
            f"{nothing.name} itself has {before:.4g}: doing nothing is no worse",
            remedy="train for longer, widen the bottleneck, or take a family that starts from the "
            "input (super_resolution)",
        )
    ]


def _gain(metric: MetricEntry, before: float, after: float) -> float:
    """By how much the model is better, in the metric's units."""
    return before - after if metric.direction == "minimize" else after - before
