"""Commands that talk to a server: submit, watch, best, studies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from service.client import (
    Client,
    NotReachable,
    ProblemError,
    StudyFailed,
    StudyHandle,
    WaitTimeout,
)
from service.commands.answer import print_answer, print_values
from service.commands.exits import Exit, Stop
from service.commands.output import Output
from service.commands.progress import ProgressView, clock
from service.domain.records import Study
from service.domain.states import StudyState

NUMBERS = ("trials", "best", "left")


@contextmanager
def connected(url: str) -> Iterator[Client]:
    """A client whose errors end the command with the right exit code."""
    with Client(url) as client:
        try:
            yield client
        except NotReachable as error:
            raise Stop(Exit.NOT_REACHABLE, str(error)) from None
        except ProblemError as error:
            code = Exit.NOT_FOUND if error.status == 404 else Exit.REFUSED
            raise Stop(code, str(error)) from None
        except StudyFailed as error:
            raise Stop(Exit.STUDY_FAILED, str(error)) from None
        except WaitTimeout as error:
            raise Stop(Exit.TIMEOUT, str(error)) from None


def submit(url: str, file: Path, watch_it: bool, output: Output) -> int:
    """Submit a study from a file."""
    if not file.is_file():
        raise Stop(Exit.USAGE, f"there is no file {file}")
    with connected(url) as client:
        handle = client.submit(file)
        if output.as_json:
            output.result(
                {"event": "submitted", "url": handle.url, "study": _record(handle.submitted)}
            )
        output.say(Text(f"submitted {handle.submitted.name}: {handle.id}"))
        output.say(Text(f"  {handle.url}"))
        for warning in handle.warnings:
            output.note(Text(f"warning {warning.pointer}: {warning.message}; {warning.remedy}"))
        return _follow(handle, output, None) if watch_it else Exit.OK


def extend(
    url: str,
    study_id: str,
    trials: int,
    enqueue: list[dict[str, Any]],
    seconds: float | None,
    watch_it: bool,
    output: Output,
) -> int:
    """Go on with a study that is COMPLETE."""
    with connected(url) as client:
        handle = client.handle(study_id)
        study = handle.extend(trials, enqueue=enqueue, seconds=seconds)
        if output.as_json:
            output.result({"event": "extended", "url": handle.url, "study": _record(study)})
        output.say(
            Text(
                f"{study.name} goes on as revision {study.revision}: "
                f"{study.progress.done} trials done, {study.progress.trials} planned"
            )
        )
        output.say(Text(f"  {handle.url}"))
        return _follow(handle, output, None) if watch_it else Exit.OK


def watch(url: str, study_id: str, timeout: float | None, output: Output) -> int:
    """Follow a study to its end."""
    with connected(url) as client:
        return _follow(client.handle(study_id), output, timeout)


def best(
    url: str, study_id: str, trial: int | None, as_yaml: bool, model: Path | None, output: Output
) -> int:
    """Print the answer; or its config as YAML; and unpack the model.

    With `--json` each of them is a line: the answer, or the config, and the model's folder.
    """
    with connected(url) as client:
        try:
            if as_yaml and output.as_json:
                output.result(client.best_config(study_id, trial).model_dump(mode="json"))
            elif as_yaml:
                output.screen.file.write(client.best_config_yaml(study_id, trial))
            else:
                answer = client.best(study_id, trial)
                if output.as_json:
                    output.result(answer)
                else:
                    print_answer(client.study(study_id), answer, output)
            if model is not None:
                folder = client.download_model(study_id, model, trial)
                if output.as_json:
                    output.result({"event": "model", "folder": str(folder.absolute())})
                else:
                    output.note(Text(f"model in {folder}: see its README.md"))
        except ProblemError as error:
            if error.status == 409:
                raise Stop(Exit.NO_BEST, error.detail) from None
            raise
    return Exit.OK


def studies(url: str, state: str | None, limit: int, output: Output) -> int:
    """List studies, newest first."""
    with connected(url) as client:
        found: list[Study] = []
        for study in client.studies(state=state):
            if len(found) == limit:
                break
            found.append(study)
    if output.as_json:
        output.result({"items": [_record(study) for study in found]})
    elif not found:
        output.say("No studies yet. Make one with: hifitune submit FILE, or: hifitune demo")
    else:
        output.table(_table(found))
    return Exit.OK


def _follow(handle: StudyHandle, output: Output, timeout: float | None) -> int:
    with ProgressView(output) as view:
        study = handle.wait(timeout=timeout, on_progress=view.update, poll_seconds=0.3)
    if output.as_json:
        output.result({"event": "finished", "study": _record(study)})
    output.say(Text(f"{study.name} is {study.state.value}"))
    if study.best is not None and not output.as_json:
        print_values(study, output)
    return Exit.OK


def _record(study: Study) -> dict[str, Any]:
    return study.model_dump(mode="json")


def _table(found: list[Study]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", no_wrap=True, min_width=26)
    for column in ("name", "state", "family", "trials", "best", "metric", "left"):
        table.add_column(
            column, justify="right" if column in ("trials", "best", "left") else "left"
        )
    for study in found:
        progress = study.progress
        live = study.state in (StudyState.RUNNING, StudyState.SELECTING)
        table.add_row(
            study.id,
            Text(study.name),
            study.state.value,
            ", ".join(study.resolved.families),
            f"{progress.done}/{progress.trials}",
            "" if study.best is None else f"{study.best.value:.5g}",
            " ".join(objective.metric for objective in study.resolved.aims.objectives),
            clock(progress.seconds_left) if live and progress.seconds_left is not None else "",
        )
    return table
