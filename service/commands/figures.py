"""`hifitune figures`: the figures of a study, or of a trial, as files."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.client import Client
    from service.commands.output import Output


class Format(StrEnum):
    """As `domain.figure_files.FigureFormat`, for the command line."""

    PNG = "png"
    SVG = "svg"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


class Theme(StrEnum):
    """As `domain.figure_files.Theme`."""

    LIGHT = "light"
    DARK = "dark"


def figures(
    study_id: Annotated[str, typer.Argument(metavar="STUDY", help="The study's id.")],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Made where it is missing."),
    ],
    trial: Annotated[
        int | None, typer.Option(min=0, help="Number of a trial: its figures, not the study's.")
    ] = None,
    names: Annotated[
        str | None, typer.Option(help="Some of them, between commas; default: all there are.")
    ] = None,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="png, svg: pictures (the server needs Chromium); html: pages that need no "
            "network; csv: the data; json: Plotly JSON.",
        ),
    ] = Format.PNG,
    theme: Annotated[Theme, typer.Option(help="Of png, svg and html.")] = Theme.LIGHT,
    width: Annotated[int | None, typer.Option(help="CSS pixels, 300 to 4000.")] = None,
    height: Annotated[int | None, typer.Option(help="CSS pixels; default: as it needs.")] = None,
    scale: Annotated[float, typer.Option(help="Pixels of a PNG for each CSS pixel.")] = 2.0,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Write the figures of a study to files; those that have nothing to show yet are left out."""

    def work(output: "Output") -> int:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.text import Text

        from service.client import FigureWaiting
        from service.commands.exits import Exit, Stop
        from service.commands.remote import connected
        from service.domain.figure_files import figure_file_name

        with connected(url) as client:
            study = client.study(study_id)
            entries = _choose(client, study_id, trial, names)
            _make(folder)
            written = 0
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, console=output.notes, disable=not output.is_live) as bar:
                task = bar.add_task("drawing", total=len(entries))
                for name, waits, of_trial in entries:
                    bar.update(task, description=name)
                    number = trial if of_trial else None
                    target = folder / figure_file_name(study.name, name, number, form.value)
                    try:
                        if waits is None:
                            client.save_figure(
                                study_id, name, target, format=form.value, trial=number,
                                width=width, height=height, scale=scale, theme=theme.value,
                            )  # fmt: skip
                    except FigureWaiting as error:
                        waits = str(error).removeprefix(f"{name}: ")
                    except OSError as error:
                        raise Stop(
                            Exit.USAGE,
                            f"--output: {target} cannot be written ({error.strerror}); name a "
                            "folder that you may write to",
                        ) from None
                    _tell(output, name, target, waits)
                    written += waits is None
                    bar.advance(task)
        if output.as_json:
            output.result({"event": "done", "written": written, "waiting": len(entries) - written})
        output.say(Text(f"{written} of {len(entries)} figures in {folder}"))
        return Exit.OK

    run(work, as_json)


def _choose(
    client: "Client", study_id: str, trial: int | None, names: str | None
) -> list[tuple[str, str | None, bool]]:
    """Name, what it waits for or None, and whether it is of a trial. Raises Stop."""
    from service.commands.exits import Exit, Stop

    entries = client.list_figures(study_id, trial)
    known = {entry["name"]: entry for entry in entries}
    kind = "study" if trial is None else "trial"
    chosen = [name for name, entry in known.items() if entry["of"] == kind]
    if names is not None:
        chosen = list(dict.fromkeys(part.strip() for part in names.split(",") if part.strip()))
    found: list[tuple[str, str | None, bool]] = []
    for name in chosen:
        if name not in known:
            raise Stop(
                Exit.USAGE, f"--names: there is no figure {name}; there are {', '.join(known)}"
            )
        of_trial = known[name]["of"] == "trial"
        if of_trial and trial is None:
            raise Stop(Exit.USAGE, f"--names: {name} shows one trial; add --trial NUMBER")
        waits = None if known[name]["available"] else str(known[name]["summary"])
        found.append((name, waits, of_trial))
    return found


def _make(folder: Path) -> None:
    from service.commands.exits import Exit, Stop

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(
            Exit.USAGE,
            f"--output: {folder} cannot be made ({error.strerror}); name a folder that you may "
            "write to",
        ) from None


def _tell(output: "Output", name: str, target: Path, waits: str | None) -> None:
    from rich.text import Text

    if waits is not None:
        if output.as_json:
            output.result({"event": "waiting", "figure": name, "reason": waits})
        else:
            output.note(Text(f"left out {name}: {waits}"))
        return
    if output.as_json:
        size = target.stat().st_size
        output.result(
            {"event": "written", "figure": name, "file": str(target.absolute()), "bytes": size}
        )
    output.say(Text(f"wrote {target}"))
