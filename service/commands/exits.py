"""Exit codes of `hifitune`: stable, so that scripts may rely on them."""

import contextlib
import logging
import os
import sys
from enum import IntEnum
from typing import NoReturn


class Exit(IntEnum):
    """Why the command ended."""

    OK = 0
    ERROR = 1
    """Something unexpected."""
    USAGE = 2
    """The command line or a setting is not valid; a host that is not loopback."""
    NOT_REACHABLE = 3
    """No server answers at the address, or the database cannot be reached."""
    REFUSED = 4
    """The server refused: an invalid spec, a conflict."""
    NOT_FOUND = 5
    """No such study."""
    STUDY_FAILED = 6
    """The study ended as FAILED."""
    NO_BEST = 7
    """The study has no best trial (yet)."""
    PORT_IN_USE = 8
    """Another process listens on the port."""
    TIMEOUT = 9
    """`watch --timeout` ran out; the study goes on."""
    INTERRUPTED = 130
    """Ctrl-C."""


class Stop(Exception):
    """Ends the command with a message on stderr."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def end_process(status: int) -> NoReturn:
    """End this process now, without waiting for its threads; nothing that was said is lost."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # whoever read it has gone
            stream.flush()
    os._exit(status)
