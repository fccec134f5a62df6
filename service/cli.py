"""The `hifitune` command: the root of everything that is started by hand.

Imports are inside the commands, so that `hifitune --help` and the light commands start at once.
Exit codes are in service.commands.exits.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands import (
    compare,
    dataset_app,
    export,
    extend,
    figures,
    import_optuna,
    summary,
    train_app,
    verify,
)
from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.commands.output import Output
    from service.settings import Settings

EPILOG = (
    "Exit codes: 0 done, 1 unexpected error, 2 usage, 3 no server or database answers, "
    "4 refused, 5 no such study, 6 the study failed, 7 no best trial yet, 8 port in use, "
    "9 timeout, 130 interrupted. Results go to stdout, everything else to stderr."
)

app = typer.Typer(
    name="hifitune",
    help="Tune models that reconstruct: submit a study, watch it, take the best model away.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Host = Annotated[str | None, typer.Option(help="Address to listen on; only loopback.")]
Port = Annotated[int | None, typer.Option(help="Port; 0 picks a free one. Default: 8321.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Database, data and artifacts. Default: .hifitune")
]
DatabaseUrl = Annotated[
    str | None, typer.Option(help="SQLAlchemy URL. Default: SQLite in the data directory.")
]
Workers = Annotated[int | None, typer.Option(help="Training processes. Default: the cores.")]
Families = Annotated[
    list[str] | None,
    typer.Option(
        "--family", metavar="FILE.py:CLASS", help="A module of your own as a family; repeatable."
    ),
]
StudyId = Annotated[str, typer.Argument(metavar="ID", help="The study's id.")]


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    workers: Workers = None,
    families: Families = None,
    as_json: AsJson = False,
) -> None:
    """Serve the API, the dashboard and an engine until Ctrl-C. Migrates first."""

    def work(output: "Output") -> int:
        from service.commands import serve as command
        from service.commands.exits import end_process

        given: dict[str, Any] = {"host": host, "port": port, "data_dir": data_dir}
        given |= {"database_url": database_url, "workers": workers, "families": families or None}
        # Not left to the interpreter: it would wait for requests that hang in the database.
        end_process(command.run(_settings(given), output))

    run(work, as_json)


@app.command()
def engine(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    workers: Workers = None,
    families: Families = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when stdin closes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Drive studies without serving; several engines may share one database."""

    def work(output: "Output") -> int:
        from service.commands import engine as command
        from service.commands.output import configure_logging
        from service.commands.preparation import look_at_families, prepare

        given: dict[str, Any] = {"data_dir": data_dir, "database_url": database_url}
        given |= {"workers": workers, "families": families or None}
        settings = _settings(given)
        configure_logging(settings.log_level)
        if not with_parent:
            prepare(settings)
            look_at_families(settings)
            if output.as_json:
                output.result({"event": "driving", "pid": os.getpid()})
        command.run(settings, with_parent)
        return 0

    run(work, as_json)


@app.command()
def migrate(
    data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Bring the database to this version's schema."""

    def work(output: "Output") -> int:
        from service.commands.preparation import prepare

        settings = _settings({"data_dir": data_dir, "database_url": database_url})
        prepare(settings)
        if output.as_json:
            output.result({"event": "migrated"})
        output.say("The database is at this version's schema.")
        return 0

    run(work, as_json)


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="A study spec: .yaml, .yml or .json.")],
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Submit a study."""

    def work(output: "Output") -> int:
        from service.commands import remote

        return remote.submit(url, file, watch, output)

    run(work, as_json)


@app.command()
def watch(
    study_id: StudyId,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds to watch at most; the study goes on.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Follow a study to its end."""

    def work(output: "Output") -> int:
        from service.commands import remote

        return remote.watch(url, study_id, timeout, output)

    run(work, as_json)


@app.command()
def best(
    study_id: StudyId,
    trial: Annotated[
        int | None, typer.Option(min=0, help="Another member of the Pareto set than its knee.")
    ] = None,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="A spec that gives the same model again.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="Unpack the portable model into this folder.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show the answer of a study, and take the model away."""

    def work(output: "Output") -> int:
        from service.commands import remote

        return remote.best(url, study_id, trial, as_yaml, model, output)

    run(work, as_json)


@app.command()
def studies(
    state: Annotated[str | None, typer.Option(help="Only this state: RUNNING, ...")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List studies, newest first."""

    def work(output: "Output") -> int:
        from service.commands import remote

        return remote.studies(url, state, limit, output)

    run(work, as_json)


@app.command()
def demo(
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="End when the studies are done.")
    ] = False,
    port: Port = None,
    data_dir: DataDir = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Serve, tune a VAE and an autoencoder on digits, and show what came of it."""

    def work(output: "Output") -> int:
        from service.commands import demo as command
        from service.commands.exits import end_process

        given = {"port": port, "data_dir": data_dir, "workers": workers}
        end_process(command.run(_settings(given), exit_at_end, output))

    run(work, as_json)


def _settings(given: dict[str, Any]) -> "Settings":
    from pydantic import ValidationError

    from service.commands.exits import Exit, Stop
    from service.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise Stop(Exit.USAGE, "a setting is not valid: " + "; ".join(faults)) from None


train_app.add_to(app, _settings)
verify.add_to(app, _settings)
app.add_typer(dataset_app.app, name="datasets")
app.command()(compare.compare)
app.command()(export.export)
app.command()(extend.extend)
app.command()(figures.figures)
app.command()(import_optuna.import_optuna)
app.command()(summary.summary)


def main() -> None:
    """The entry point of the `hifitune` script."""
    app()


if __name__ == "__main__":
    main()
