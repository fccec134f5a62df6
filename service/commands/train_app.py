"""`hifitune train`: the command line over service.commands.train."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.commands.output import Output
    from service.settings import Settings


def add_to(app: typer.Typer, settings: "Callable[[dict[str, Any]], Settings]") -> None:
    """Give the app its `train` command; `settings` makes Settings of what was given."""

    @app.command()
    def train(
        config: Annotated[
            str | None,
            typer.Argument(
                metavar="CONFIG",
                help="A spec with everything fixed, YAML or JSON, as `best STUDY --yaml` "
                "writes it; - reads it from stdin.",
                show_default=False,
            ),
        ] = None,
        study: Annotated[
            str | None, typer.Option(metavar="ID", help="Instead of CONFIG: a study's best.")
        ] = None,
        trial: Annotated[
            int | None, typer.Option(min=0, help="With --study: this trial of it.")
        ] = None,
        seeds: Annotated[
            int | None,
            typer.Option(
                min=1,
                max=64,
                help="Train so many fresh seeds side by side, say how far they spread, and keep "
                "the median one's model.",
            ),
        ] = None,
        epochs: Annotated[
            int | None, typer.Option(min=1, max=100_000, help="Instead of the config's.")
        ] = None,
        test: Annotated[
            bool, typer.Option("--test", help="Score the model on the sealed test part, too.")
        ] = False,
        folder: Annotated[
            Path | None,
            typer.Option("--output", help="Where the files go. Default: ./NAME of the config."),
        ] = None,
        force: Annotated[
            bool, typer.Option("--force", help="Replace what an earlier training left there.")
        ] = False,
        data_dir: Annotated[
            Path | None,
            typer.Option(
                help="Data go into this service's store, and uploads are found there. Default: "
                "a cache in the output."
            ),
        ] = None,
        data_roots: Annotated[
            list[Path] | None,
            typer.Option("--data-root", help="A folder that data files may lie in; repeatable."),
        ] = None,
        families: Annotated[
            list[str] | None,
            typer.Option(
                "--family", metavar="FILE.py:CLASS", help="A module of your own; repeatable."
            ),
        ] = None,
        url: Url = DEFAULT_URL,
        as_json: AsJson = False,
    ) -> None:
        """Train one configuration outside of any study: curves, figures, a model to take away."""

        def work(output: "Output") -> int:
            from service.commands import train as command

            given: dict[str, Any] = {"data_dir": data_dir, "families": families or None}
            given["data_roots"] = tuple(data_roots) if data_roots else None
            wish = command.Wish(
                source=config,
                study=study,
                trial=trial,
                url=url,
                seeds=seeds,
                epochs=epochs,
                test=test,
                folder=folder,
                force=force,
            )
            return command.run(wish, settings(given), output)

        run(work, as_json)
