"""`hifitune datasets`: the command line over service.commands.datasets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.commands.output import Output

app = typer.Typer(
    help="Data sets: list them, look into one, upload your own.", no_args_is_help=True
)

DatasetId = Annotated[
    str, typer.Argument(metavar="ID", help="ds-... of an upload, digits, or a hash of the store.")
]


@app.command("list")
def list_datasets(
    origin: Annotated[
        str | None, typer.Option(help="Only these: built-in, upload or store.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List data sets: built in, uploaded, and those that studies read."""

    def work(output: "Output") -> int:
        from service.commands import datasets as command

        return command.list_all(url, origin, output)

    run(work, as_json)


@app.command()
def show(dataset_id: DatasetId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Say what a data set holds, how it is divided, and which studies used it."""

    def work(output: "Output") -> int:
        from service.commands import datasets as command

        return command.show(url, dataset_id, output)

    run(work, as_json)


@app.command()
def upload(
    path: Annotated[Path, typer.Argument(help="A file, or a folder of pictures.")],
    name: Annotated[str | None, typer.Option(help="Default: the file's name.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="npz, idx, images, csv, parquet, text or jsonl.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="A field of `dataset`, NAME=VALUE; may be repeated."),
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Upload a data set; studies use it as `dataset: {id: ...}`."""

    def work(output: "Output") -> int:
        from service.commands import datasets as command

        return command.upload(url, path, name, kind, option or [], output)

    run(work, as_json)


@app.command()
def delete(dataset_id: DatasetId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Delete an uploaded data set that no study under way uses."""

    def work(output: "Output") -> int:
        from service.commands import datasets as command

        return command.delete(url, dataset_id, output)

    run(work, as_json)
