"""Progress of studies: bars on a terminal, plain lines elsewhere, JSON lines with `--json`."""

from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from service.commands.output import Output
from service.domain.records import Study


class BarView:
    """Draws bars while it is entered, where there is a screen; None: there is none."""

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing."""
        if self._bars is not None:
            self._bars.stop()


class ProgressView(BarView):
    """Shows how far studies are; `update` may be called as often as one likes."""

    def __init__(self, output: Output) -> None:
        self._output = output
        super().__init__(_bars(output) if output.is_live else None)
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, tuple[Any, ...]] = {}

    def update(self, study: Study) -> None:
        """Show a study as it is now."""
        if self._bars is not None:
            self._draw(self._bars, study)
            return
        seen = (study.state, study.progress.done, study.best)
        if self._said.get(study.id) == seen:
            return
        self._said[study.id] = seen
        if self._output.as_json:
            self._output.result({"event": "progress", **summary(study)})
        else:
            self._output.note(Text(f"{study.name}: {sentence(study)}"))

    def _draw(self, bars: Progress, study: Study) -> None:
        if study.id not in self._tasks:
            self._tasks[study.id] = bars.add_task(study.name, total=study.progress.trials, facts="")
        bars.update(
            self._tasks[study.id],
            completed=study.progress.done,
            total=study.progress.trials,
            facts=facts(study),
        )


def _bars(output: Output) -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("[bold]{task.description}", markup=True),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        console=output.notes,
        refresh_per_second=8,
    )


def summary(study: Study) -> dict[str, Any]:
    """The numbers that a watcher wants."""
    progress = study.progress
    return {
        "study": study.id,
        "name": study.name,
        "state": study.state.value,
        "trials": progress.trials,
        "done": progress.done,
        "pruned": progress.pruned,
        "failed": progress.failed + progress.diverged,
        "best": None if study.best is None else study.best.model_dump(mode="json"),
        "metric": study.resolved.aims.objectives[0].metric,
        "metrics": [objective.metric for objective in study.resolved.aims.objectives],
        "trials_per_second": trials_per_second(study),
        "seconds_left": progress.seconds_left,
    }


def facts(study: Study) -> str:
    """Best value, pruned, rate, time left: what stands behind a bar."""
    progress = study.progress
    parts = [study.state.value]
    if study.best is not None:
        parts.append(f"best {study.best.say(study.resolved.aims.objectives[0].metric)}")
    parts.append(f"{progress.pruned} pruned")
    if progress.failed + progress.diverged:
        parts.append(f"{progress.failed + progress.diverged} failed")
    rate = trials_per_second(study)
    if rate is not None:
        parts.append(f"{rate:.2f} trials/s")
    if progress.seconds_left is not None and progress.done < progress.trials:
        parts.append(f"{clock(progress.seconds_left)} left")
    return ", ".join(parts)


def sentence(study: Study) -> str:
    """One line where there is no bar."""
    return f"{study.progress.done}/{study.progress.trials} trials, {facts(study)}"


def trials_per_second(study: Study) -> float | None:
    """Trials that ended by the seconds spent RUNNING; None before the first."""
    progress = study.progress
    return progress.done / progress.seconds if progress.done and progress.seconds > 0 else None


def clock(seconds: float) -> str:
    """`1:05` or `2:03:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
