"""The parent's side of an export that a library needs which the HTTP process does not load."""

import contextlib
import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from service.errors import Conflict, ServiceError, StorageFull

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 1 << 20
MAX_FILE_BYTES = 64 << 30
GRACE_SECONDS = 2.0
"""Beyond the child's own alarm, before it is killed."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
OUT_OF_TIME = frozenset({signal.SIGALRM, signal.SIGXCPU})
OTHER_FORMATS = "take another format: json and csv have no such limit"
_MIB = 1 << 20


class Limits(NamedTuple):
    """Of one child process."""

    seconds: float = 300.0
    memory_bytes: int = 4 << 30


def run_child(
    module: str,
    request: Mapping[str, Any],
    records: Iterable[Any],
    file: Path,
    limits: Limits = Limits(),
) -> dict[str, Any]:
    """Let a module write `file` from records, each a JSON value but null; see exports.feed.

    Whatever happens, the child is gone afterwards. Raises Conflict when it needs more time or
    memory than it may have, StorageFull, and ServiceError for a fault of ours.
    """
    room = shutil.disk_usage(file.parent).free // 2
    whole = {
        **request,
        "file": str(file),
        "seconds": limits.seconds,
        "memory_bytes": limits.memory_bytes,
        "file_bytes": min(room, MAX_FILE_BYTES),
    }
    text, status = _run(module, whole, records, limits.seconds)
    return _understand(text, status, limits)


def _run(
    module: str, request: Mapping[str, Any], records: Iterable[Any], seconds: float
) -> tuple[bytes, int]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
    process = subprocess.Popen(
        (sys.executable, "-I", "-m", module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    with process:
        assert process.stdin is not None
        late = threading.Event()
        alarm = threading.Timer(seconds + GRACE_SECONDS, _end, (process, late))
        alarm.start()
        try:
            text = _converse(process, request, records)
        finally:
            alarm.cancel()
            process.kill()
            with contextlib.suppress(BrokenPipeError):  # lines that it did not take
                process.stdin.close()
    return text, -signal.SIGALRM if late.is_set() else process.returncode


def _converse(
    process: "subprocess.Popen[bytes]", request: Mapping[str, Any], records: Iterable[Any]
) -> bytes:
    """What the child answers. Its stdin stays open: it ends when that closes, as on our death."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(_line(request))
        for record in records:
            if process.poll() is not None:
                break  # records may come slower than a full buffer would tell
            process.stdin.write(_line(record))
        process.stdin.write(_line(None))
        process.stdin.flush()
    except BrokenPipeError:
        pass  # its answer or its status says why
    text = process.stdout.read(MAX_ANSWER_BYTES)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        log.error("the exporting process answered and did not end")
    return text


def _line(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode() + b"\n"


def _end(process: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    process.kill()


def _understand(text: bytes, status: int, limits: Limits) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if status == 0:
        try:
            answer = json.loads(text)
        except ValueError:
            log.error("the exporting process's answer is not JSON")
    if "done" in answer:
        done: dict[str, Any] = answer["done"]
        return done
    raise _refusal(answer.get("failed", {}), status, limits)


def _refusal(failed: Mapping[str, Any], status: int, limits: Limits) -> ServiceError:
    if failed.get("errno") in FULL:
        return StorageFull("there is no room for the file", "free some space")
    if -status in OUT_OF_TIME:
        return Conflict(f"writing it takes longer than {limits.seconds:g} seconds", OTHER_FORMATS)
    if failed.get("kind") == "memory" or -status == signal.SIGKILL:
        return Conflict(
            f"writing it needs more than {limits.memory_bytes // _MIB:,} MiB of memory",
            OTHER_FORMATS,
        )
    log.error("an export failed, status %s: %s", status, failed.get("traceback", ""))
    return ServiceError(
        "the file could not be written", f"{OTHER_FORMATS}; please report it with the server's log"
    )
