"""How every command runs, and the options that many of them have."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.commands.output import Output

DEFAULT_URL = "http://127.0.0.1:8321"
AsJson = Annotated[bool, typer.Option("--json", help="Lines of JSON on stdout.")]
Url = Annotated[
    str,
    typer.Option(envvar="HIFITUNE_URL", help="The server's address."),
]


def run(work: "Callable[[Output], int]", as_json: bool) -> None:
    """Run a command; its errors become a line on stderr and an exit code."""
    from service.commands.exits import Exit, Stop
    from service.commands.output import Output

    output = Output(as_json)
    try:
        code = work(output)
    except Stop as stop:
        output.fail(str(stop), stop.code)
        code = stop.code
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has gone; the interpreter must not try to flush it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.ERROR
    raise typer.Exit(code)
