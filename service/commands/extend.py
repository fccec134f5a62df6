"""`hifitune extend`: go on with a study that is COMPLETE."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.running import DEFAULT_URL, AsJson, Url, run

if TYPE_CHECKING:
    from service.commands.output import Output


def extend(
    study_id: Annotated[str, typer.Argument(metavar="STUDY", help="The study's id.")],
    trials: Annotated[int, typer.Option(min=1, help="How many trials more.")],
    enqueue: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Params to try first: a list, .yaml, .yml or .json."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Wall-clock that they may take; default: no limit.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Go on with a study that is COMPLETE: more trials, then another selection."""

    def work(output: "Output") -> int:
        from service.commands import remote

        entries = [] if enqueue is None else _read(enqueue)
        return remote.extend(url, study_id, trials, entries, seconds, watch, output)

    run(work, as_json)


def _read(file: Path) -> list[dict[str, Any]]:
    """The params of a file. Raises Stop."""
    from service.api.bodies import decode
    from service.api.json_text import read_json
    from service.api.yaml_text import read_yaml
    from service.commands.exits import Exit, Stop
    from service.errors import InvalidBody

    try:
        parse = read_json if file.suffix == ".json" else read_yaml
        found = parse(decode(file.read_bytes()))
    except OSError as error:
        raise Stop(Exit.USAGE, f"--enqueue: {file} cannot be read ({error.strerror})") from None
    except InvalidBody as error:
        raise Stop(Exit.USAGE, f"--enqueue: {file} is not well-formed: {error.detail}") from None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise Stop(
            Exit.USAGE,
            f"--enqueue: {file} holds no list of params; write one entry a line: "
            "- {learning_rate: 0.003, latent_dim: 8}",
        )
    return found
