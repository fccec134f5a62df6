"""`hifitune serve`: the whole service on one machine, until SIGTERM or SIGINT."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from service.commands.exits import Exit, Stop
from service.commands.listening import listen
from service.commands.output import Output, configure_logging
from service.settings import Settings

if TYPE_CHECKING:
    from service.commands.server import Service

LOOK_SECONDS = 0.2


def run(settings: Settings, output: Output) -> int:
    """Serve until told to stop; the exit code."""
    configure_logging(settings.log_level)
    listener = listen(settings.host, settings.port)
    # Only now: loading the server takes a second, and a wrong address should be told at once.
    from service.commands.server import Service

    with obeying_signals() as stop, Service(settings, listener) as service:
        announce(service, settings, output)
        while not stop.wait(LOOK_SECONDS):
            if service.failed():
                raise Stop(Exit.ERROR, "the HTTP server ended by itself; see the log above")
    return Exit.OK


def announce(service: "Service", settings: Settings, output: Output) -> None:
    """Say where it serves."""
    if output.as_json:
        output.result(
            {
                "event": "serving",
                "url": service.url,
                "pid": os.getpid(),
                "data_dir": str(settings.data_dir),
            }
        )
    output.say(f"HiFiTune serves on [bold]{service.url}[/bold]")
    output.say(f"  data in {settings.data_dir}, {settings.workers} workers; Ctrl-C ends it")


@contextmanager
def obeying_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, instead of ending the process half-way."""
    stop = threading.Event()

    def obey(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, obey) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
