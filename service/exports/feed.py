"""The child's side of an export: lines of JSON in on stdin, a file out, one line of JSON back.

The first line is the request, the last one is `null`; what lies between is the records. A stdin
that ends before that means that the parent died: so does the child.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from trainers.data.inspector import limit_self

TRACEBACK_LINES = 12
Perform: TypeAlias = Callable[[dict[str, Any], Iterator[Any], Path], dict[str, Any]]
"""(request, records, file to make) -> what is to be known of it."""


def answer_one(perform: Perform) -> None:
    """Answer the request on stdin, within its limits, and end this process."""
    # Whatever a library prints must not get between the lines of JSON.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    limit_self(request["memory_bytes"], request["seconds"], request["file_bytes"])
    json.dump(_try(perform, request), answers, allow_nan=False)
    answers.flush()
    # At once: the thread that reads stdin would hold up an orderly end.
    os._exit(0)


def _try(perform: Perform, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"done": perform(request, _records(), Path(request["file"]))}
    except MemoryError:
        return {"failed": {"kind": "memory", "errno": None, "traceback": ""}}
    except Exception as error:  # noqa: BLE001 - the parent must be told, whatever it is
        tail = "\n".join(traceback.format_exc().splitlines()[-TRACEBACK_LINES:])
        number = getattr(error, "errno", None)
        return {"failed": {"kind": type(error).__name__, "errno": number, "traceback": tail}}


def _records() -> Iterator[Any]:
    for line in sys.stdin:
        record = json.loads(line)
        if record is None:
            threading.Thread(target=_end_with_parent, daemon=True).start()
            return
        yield record
    os._exit(1)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
