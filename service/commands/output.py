"""Where words go: results on stdout, everything else on stderr; `--json` makes lines of JSON."""

import json
import logging
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.domain.model import Record

UNBOUNDED = 10_000
"""Columns of a stream that is no screen: nothing is cut for whoever reads it."""


class Output:
    """The command's two streams. rich obeys NO_COLOR and drops colour where there is no screen."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() else UNBOUNDED
        self.screen = Console(soft_wrap=True, highlight=False, width=width)
        """stdout, for people."""
        self.notes = Console(stderr=True, soft_wrap=True, highlight=False)
        """stderr: progress and remarks."""

    @property
    def is_live(self) -> bool:
        """Whether a progress bar can be drawn."""
        return self.notes.is_terminal and not self.as_json

    def result(self, value: Record | dict[str, Any]) -> None:
        """One line of JSON on stdout."""
        data = value.model_dump(mode="json") if isinstance(value, Record) else value
        sys.stdout.write(json.dumps(data, allow_nan=False) + "\n")
        sys.stdout.flush()

    def say(self, *parts: Any) -> None:
        """A line for people on stdout; nothing with `--json`."""
        if not self.as_json:
            self.screen.print(*parts)

    def table(self, table: Table) -> None:
        """A table for people on stdout: cells wrap to the screen, and are never cut."""
        for column in table.columns:
            column.overflow = "fold"
        if not self.as_json:
            self.screen.print(table, soft_wrap=False)

    def note(self, *parts: Any) -> None:
        """A line for people on stderr."""
        self.notes.print(*parts)

    def fail(self, message: str, code: int) -> None:
        """Why the command ends: on stderr, and with `--json` as a last line on stdout."""
        if self.as_json:
            self.result({"event": "error", "code": int(code), "message": message})
        self.notes.print(Text(f"error: {message}", style="red"))


def configure_logging(level: str) -> None:
    """All logs go to stderr."""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
