"""Progress of one training: a bar on a terminal, plain lines elsewhere, JSON lines for machines."""

from statistics import median
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from service.commands.output import Output
from service.commands.progress import BarView
from service.domain.records import Dataset, EpochReport, Trial
from service.domain.spec import ResolvedSpec

PLAIN_LINES = 10
"""How many epochs are told where there is no bar, besides the first and the last."""


class TrainView(BarView):
    """Shows how far the training is; one epoch at a time, all seeds together."""

    def __init__(self, output: Output, spec: ResolvedSpec, seeds: int) -> None:
        self._output = output
        self._spec = spec
        self._metric = spec.aims.ranking.metric
        self._live = seeds
        self._several = seeds > 1
        self._reports: list[EpochReport] = []
        self._epoch = 0
        super().__init__(_bars(output) if output.is_live else None)
        self._task = None
        if self._bars is not None:
            self._task = self._bars.add_task(spec.name, total=spec.training.epochs, facts="")

    def say(self, what: str) -> None:
        """What is being done, where that is not training."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, facts=what)
        elif not self._output.as_json:
            self._output.note(Text(f"{self._spec.name}: {what}"))

    def data(self, dataset: Dataset) -> None:
        """The data set is in the store."""
        if self._output.as_json:
            parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
            self._output.result({"event": "data", "data_hash": dataset.data_hash, **parts})
        elif self._bars is None:
            self.say(f"training on {dataset.train:,} samples, {dataset.validation:,} to validate")

    def epoch(self, seed: int, report: EpochReport) -> None:
        """One seed finished an epoch."""
        if self._output.as_json:
            line = report.model_dump(mode="json")
            self._output.result({"event": "epoch", "seed": seed, **line})
        self._reports.append(report)
        if len(self._reports) == self._live:
            self._tell()

    def end(self, trial: Trial) -> None:
        """One seed is over."""
        self._live -= 1
        if self._live == 0 and self._bars is not None and self._task is not None:
            self._bars.update(self._task, total=trial.epochs, completed=trial.epochs)
        if self._output.as_json:
            self._output.result({"event": "end", **end_of(trial)})

    def _tell(self) -> None:
        """All live seeds finished an epoch."""
        epoch, planned = self._reports[0].epoch, self._spec.training.epochs
        facts = self._facts()
        self._reports = []
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=epoch, facts=facts)
        elif not self._output.as_json:
            every = max(1, planned // PLAIN_LINES)
            if epoch == 1 or epoch == planned or epoch % every == 0:
                self._output.note(Text(f"{self._spec.name}: epoch {epoch}/{planned}, {facts}"))

    def _facts(self) -> str:
        parts = []
        for name in ("validation", "train"):
            found = [getattr(report, name).get(self._metric) for report in self._reports]
            values = [value for value in found if value is not None]
            parts.append(f"{median(values):.5g} on {name}" if values else f"diverging on {name}")
        whose = f", median of {len(self._reports)} seeds" if self._several else ""
        return f"{self._metric} {', '.join(parts)}{whose}"


def end_of(trial: Trial) -> dict[str, Any]:
    """The numbers of one seed that is over."""
    return trial.model_dump(
        mode="json",
        include={"seed", "state", "value", "best_epoch", "epochs", "metrics", "complexity",
                 "feasible", "verdict", "failure"},
    )  # fmt: skip


def _bars(output: Output) -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("[bold]{task.description}", markup=True),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        console=output.notes,
        refresh_per_second=8,
    )
