"""The child process that opens what was uploaded: one JSON request in, one JSON answer out.

`python -I -m trainers.data.inspector`. It limits itself before it looks at anything from outside,
and ends when its parent does: the parent holds the other end of its stdin.
"""

import json
import os
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")
LATENT_DIMS = (8, 16, 32)
"""Whose PCA is also scored clipped."""
OPEN_FILES = 128
TRACEBACK_LINES = 12


def main() -> None:
    """Answer the request on stdin."""
    # Whatever a library prints must not get between the lines of JSON.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    limit_self(request["memory_bytes"], request["seconds"], request["file_bytes"])
    threading.Thread(target=_end_with_parent, args=(sys.stdin,), daemon=True).start()
    json.dump(answer(request), answers, allow_nan=False)
    answers.flush()
    # At once: the thread that reads stdin would hold up an orderly end.
    os._exit(0)


def limit_self(memory_bytes: int, seconds: float, file_bytes: int) -> None:
    """Cap this process: memory, processor and wall-clock time, the largest file, core dumps.

    RLIMIT_DATA counts what memory is needed for. RLIMIT_AS would also count the mapped files of
    the store, which need none: it gets their room on top.
    """
    for name in THREADS:
        os.environ[name] = "1"  # each thread of a numeric library reserves memory
    whole = int(seconds) + 1
    for kind, limit in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + 4 * file_bytes),
        (resource.RLIMIT_CPU, whole),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (allowed, allowed))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """`found`, or `refused` with reason and remedy, or `failed` with what happened."""
    # The readers take a while to load; only now, so that the limits hold for them too.
    from trainers.data.errors import UnreadableData

    try:
        return {"found": _perform(request)}
    except UnreadableData as error:
        return {
            "refused": {
                "path": error.path,
                "reason": error.reason,
                "remedy": error.remedy,
                "pointer": error.pointer,
            }
        }
    except MemoryError:
        return {"failed": {"kind": "memory", "message": "", "traceback": ""}}
    except OSError as error:
        return {"failed": {"kind": "os", "message": str(error.errno), "traceback": _tail()}}
    except Exception as error:  # noqa: BLE001 - the parent must be told, whatever it is
        return {"failed": {"kind": type(error).__name__, "message": "", "traceback": _tail()}}


def _perform(request: dict[str, Any]) -> dict[str, Any]:
    from dataclasses import asdict, replace

    from trainers.data import sources
    from trainers.data.errors import UnsuitableSplit
    from trainers.data.previews import preview
    from trainers.data.store import ingest

    store = Path(request["store"])
    if "folder" in request:
        return {"preview": preview(store / request["folder"])}
    fields = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in request["source"].items()
    }
    source = getattr(sources, request["kind"])(**fields)
    roots = [Path(root) for root in request["roots"]]
    # Too many copies to keep them together, or too few samples for the default split; each study
    # says what becomes of its copies, and how it is split.
    refused: UnsuitableSplit | None = None
    for split in (sources.Split(), sources.Split(0.5, 0.25, 0.25)):
        for tried in (source, replace(source, duplicates="keep")):
            try:
                stored = ingest(tried, split, "unit", roots, store, LATENT_DIMS)
            except UnsuitableSplit as error:
                refused = refused or error
            else:
                return {"stored": asdict(stored), "preview": preview(store / stored.folder)}
    assert refused is not None
    raise refused


def _tail() -> str:
    return "\n".join(traceback.format_exc().splitlines()[-TRACEBACK_LINES:])


def _end_with_parent(stdin: IO[str]) -> None:
    stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
