"""The child process that draws figures: `python -I -m service.exports.picture_child`.

Lines of JSON in, lines of JSON out. The first line says where browser, plotly.js and the private
folder are; each other one is a figure to draw into a file. It ends when its stdin closes. Nothing
is fetched: plotly.js is a file, MathJax is off, the page's policy and the browser allow no network.
The HTTP process never loads kaleido.
"""

import asyncio
import json
import os
import resource
import shlex
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from service.exports.feed import TRACEBACK_LINES

MEMORY_BYTES = 4 << 30
"""Of each process of the browser."""
FILE_BYTES = 1 << 30
HEAP_MIB = 1024
CLOSING_SECONDS = 5.0
POLICY = (
    "default-src 'none'; script-src file:; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:"
)
FLAGS = (
    "--disable-background-networking",
    "--disable-extensions",
    "--mute-audio",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    f"--js-flags=--max-old-space-size={HEAP_MIB}",
)


def main() -> None:
    """Draw what is asked for until stdin closes."""
    # Whatever a library prints must not get between the lines of JSON.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    setup = json.loads(sys.stdin.readline())
    _limit_self()
    folder = Path(setup["folder"])
    _live_in(folder)
    asyncio.run(_draw_all(setup, folder, answers))
    os._exit(0)


def _limit_self() -> None:
    # No RLIMIT_AS: a browser reserves terabytes of addresses that it never uses.
    for kind, limit in (
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (allowed, allowed))


def _live_in(folder: Path) -> None:
    """Profile, page, sockets and caches in one folder, which the parent removes."""
    for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)


def _launcher(folder: Path, browser: str) -> Path:
    """The browser with flags that kaleido does not know."""
    file = folder / "browser"
    words = " ".join(shlex.quote(word) for word in (browser, *FLAGS))
    file.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    file.chmod(0o700)
    return file


async def _draw_all(setup: dict[str, Any], folder: Path, answers: Any) -> None:
    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer, allow_nan=False) + "\n")
        answers.flush()

    try:
        import kaleido

        page = kaleido.PageGenerator(
            plotly=(Path(setup["plotly"]).as_uri(), "utf-8"), mathjax=False
        )
        policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        page.header = page.header.replace("<head>", f"<head>{policy}")
        # Its sandbox wants privileges that containers do not give. The page may load nothing but
        # our own two scripts, and what it draws was made by us.
        drawer = kaleido.Kaleido(
            page_generator=page,
            path=str(_launcher(folder, setup["browser"])),
            timeout=setup["seconds"],
            enable_sandbox=False,
        )
    except Exception as error:  # noqa: BLE001 - the parent must be told, whatever it is
        say(_failure(error))
        return
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    threading.Thread(
        target=_read_lines, args=(asyncio.get_running_loop(), lines), daemon=True
    ).start()
    async with drawer:
        while (line := await lines.get()) is not None:
            order = json.loads(line)
            options = {name: order[name] for name in ("format", "width", "height", "scale")}
            try:
                content = await drawer.calc_fig(order["figure"], options)
                Path(order["file"]).write_bytes(content)
                say({"done": {"bytes": len(content)}})
            except Exception as error:  # noqa: BLE001 - as above
                say(_failure(error))


def _read_lines(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str | None]") -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, None)
    time.sleep(CLOSING_SECONDS)  # for the browser to go in good order
    os._exit(1)


def _failure(error: Exception) -> dict[str, Any]:
    tail = "\n".join(traceback.format_exception(error)[-TRACEBACK_LINES:])
    return {"failed": {"kind": type(error).__name__, "traceback": tail}}


if __name__ == "__main__":
    main()
