"""`hifitune import-optuna`: configs of another program's Optuna study, for a warm start."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.running import AsJson, run

if TYPE_CHECKING:
    from service.commands.output import Output


def import_optuna(
    storage: Annotated[
        str,
        typer.Argument(
            metavar="STORAGE", help="An SQLite file, or a URL as optuna.load_study takes it."
        ),
    ],
    study: Annotated[
        str | None, typer.Option("--study", help="Its name; needed where there are several.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=256, help="How many configs.")] = 5,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="THEIRS=OURS", help="lr=learning_rate; may be repeated."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="SPEC", help="Write this study spec with its warm_start filled in."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the best configs of an Optuna study as `warm_start`, or a spec that has them."""

    def work(output: "Output") -> int:
        import sys

        import yaml
        from rich.text import Text

        from service.commands.exits import Exit, Stop
        from service.engine.import_optuna import read_configs

        pairs = [tuple(each.split("=", 1)) for each in rename or []]
        if any(len(pair) != 2 or not all(pair) for pair in pairs):
            raise Stop(Exit.USAGE, "--rename: write THEIRS=OURS, such as lr=learning_rate")
        try:
            found = read_configs(storage, study, top, dict(pairs))  # type: ignore[arg-type]
            spec = {} if into is None else yaml.safe_load(into.read_text(encoding="utf-8"))
        except (ValueError, OSError, yaml.YAMLError) as error:
            raise Stop(Exit.USAGE, str(error)) from None
        if not isinstance(spec, dict):
            raise Stop(Exit.USAGE, f"--into: {into} holds no study spec")
        earlier = spec.get("warm_start") or {}
        spec["warm_start"] = {
            **earlier, "configs": [*(earlier.get("configs") or []), *found.configs]
        }  # fmt: skip
        output.note(Text(f"{found.study}: {len(found.configs)} of {found.trials} finished trials"))
        if output.as_json:
            output.result(spec)
        else:
            sys.stdout.write(yaml.safe_dump(spec, sort_keys=False))
        return 0

    run(work, as_json)
