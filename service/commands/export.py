"""`hifitune export`: a study as a file for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.commands.output import Output


class Format(StrEnum):
    """As `domain.exports.ExportFormat`, for the command line."""

    OPTUNA = "optuna"
    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


def export(
    study_id: Annotated[str, typer.Argument(metavar="STUDY", help="The study's id.")],
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="optuna: a SQLite file for optuna.load_study and optuna-dashboard; csv, parquet: "
            "a row for every trial; json: everything that is recorded.",
        ),
    ] = Format.JSON,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: a name of the study's own."),
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Write a study to a file for other tools."""

    def work(output: "Output") -> int:
        from rich.text import Text

        from service.commands.exits import Exit, Stop
        from service.commands.remote import connected
        from service.domain.exports import file_name

        with connected(url) as client:
            handle = client.handle(study_id)
            target = file or Path(file_name(handle.submitted.name, form.value))
            try:
                written = handle.export(target, format=form.value)
            except OSError as error:
                raise Stop(
                    Exit.USAGE,
                    f"--output: {target} cannot be written ({error.strerror}); name a file in a "
                    "folder that exists and that you may write to",
                ) from None
        if output.as_json:
            size = written.stat().st_size
            output.result({"event": "exported", "file": str(written.absolute()), "bytes": size})
        output.say(Text(f"wrote {written}"))
        if form is Format.OPTUNA:
            output.note(Text(f"look at it with: optuna-dashboard sqlite:///{written}"))
        return Exit.OK

    run(work, as_json)
