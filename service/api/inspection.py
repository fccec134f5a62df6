"""Looking into files from outside, in a child process with limits (trainers.data.inspector)."""

import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.domain.datasets import DatasetSpec
from service.domain.records import Dataset, DatasetPreview, Inspected
from service.errors import StorageFull, Unavailable
from service.sources import dataset_record, source_of
from trainers.data.errors import UnreadableData
from trainers.data.stored import Stored

log = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-I", "-m", "trainers.data.inspector")
AT_A_TIME = 2
MAX_ANSWER_BYTES = 32 << 20
MAX_FILE_BYTES = 64 << 30
GRACE_SECONDS = 2.0
"""Beyond the child's own alarm, before it is killed."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OUT_OF_TIME = frozenset({signal.SIGALRM, signal.SIGXCPU})
_MIB = 1 << 20


class Inspector:
    """Reads data sets in child processes, at most two at a time; speaks JSON with them.

    Raises UnreadableData for what cannot be read within the limits, StorageFull when there is no
    room for the result, Unavailable when the queue is too long.
    """

    def __init__(
        self,
        store: Path,
        memory_bytes: int,
        seconds: float,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._store = store
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._program = program
        self._turns = threading.BoundedSemaphore(AT_A_TIME)

    def ingest(self, dataset: DatasetSpec, roots: Sequence[Path]) -> Inspected:
        """Bring a data set into the store with the default split and scaling, and look at it."""
        source = source_of(dataset)
        found = self._ask(
            {
                "kind": type(source).__name__,
                "source": asdict(source),
                "roots": [str(root) for root in roots],
            }
        )
        record = dataset_record(Stored(**found["stored"]))
        return Inspected(dataset=record, preview=DatasetPreview.model_validate(found["preview"]))

    def preview(self, dataset: Dataset) -> DatasetPreview | None:
        """A few samples of a data set in the store; None: its files are gone."""
        if not (self._store / dataset.folder).is_dir():
            return None
        return DatasetPreview.model_validate(self._ask({"folder": dataset.folder})["preview"])

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._store.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(self._store).free // 2
        whole = {
            **request,
            "store": str(self._store),
            "memory_bytes": self._memory_bytes,
            "seconds": self._seconds,
            "file_bytes": min(room, MAX_FILE_BYTES),
        }
        with self._turn():
            text, status = self._run(json.dumps(whole))
        return self._understand(text, status)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._seconds):
            raise Unavailable("other data sets are being read", "try again in a moment")
        try:
            yield
        finally:
            self._turns.release()

    def _run(self, request: str) -> tuple[bytes, int]:
        """The child's answer and exit status; whatever happens, the child is gone afterwards."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        process = subprocess.Popen(
            self._program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        with process:
            late = threading.Event()
            alarm = threading.Timer(self._seconds + GRACE_SECONDS, _end, (process, late))
            alarm.start()
            try:
                text = _converse(process, request)
            finally:
                alarm.cancel()
                process.kill()
        return text, -signal.SIGALRM if late.is_set() else process.returncode

    def _understand(self, text: bytes, status: int) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        if status == 0 and len(text) <= MAX_ANSWER_BYTES:
            try:
                answer = json.loads(text)
            except ValueError:
                log.error("the inspector's answer is not JSON")
        if "found" in answer:
            found: dict[str, Any] = answer["found"]
            return found
        if "refused" in answer:
            raise UnreadableData(**answer["refused"])
        raise self._refusal(answer.get("failed", {}), status, len(text))

    def _refusal(self, failed: Mapping[str, str], status: int, size: int) -> Exception:
        kind = failed.get("kind")
        if kind == "os" and int(failed["message"]) in _FULL:
            return StorageFull("there is no room for the data set", "free some space")
        if -status in _OUT_OF_TIME:
            return _unreadable(
                f"reading it takes longer than {self._seconds:g} seconds",
                "give a smaller file, or start the service with a larger HIFITUNE_INSPECT_SECONDS",
            )
        if kind == "memory" or (-status == signal.SIGKILL and size <= MAX_ANSWER_BYTES):
            return _unreadable(
                f"reading it needs more than {self._memory_bytes // _MIB:,} MiB of memory",
                "give a smaller file, or start the service with a larger "
                "HIFITUNE_INSPECT_MEMORY_BYTES",
            )
        log.error("the inspector failed, status %s: %s", status, failed.get("traceback", ""))
        return _unreadable(
            f"the reader cannot make sense of it ({kind or 'it crashed'})",
            "write the file again; if it is whole, please report it with the server's log",
        )


def _end(process: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    process.kill()


def _converse(process: "subprocess.Popen[bytes]", request: str) -> bytes:
    """What the child answers. Its stdin stays open: it ends when that closes, as on our death."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(request.encode() + b"\n")
        process.stdin.flush()
        text = process.stdout.read(MAX_ANSWER_BYTES + 1)
        process.wait(GRACE_SECONDS)
    except BrokenPipeError:
        return b""
    except subprocess.TimeoutExpired:
        log.error("the inspector answered and did not end")
    return text


def _unreadable(reason: str, remedy: str) -> UnreadableData:
    return UnreadableData("", reason, remedy, "/dataset")
