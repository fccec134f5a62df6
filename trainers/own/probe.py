"""Asks what a family of one's own is, in a process that may import it. Torch-free."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from service.domain.space import Scalar
from trainers.own.description import OwnDescription, OwnFamilyError

ANSWER_SECONDS = 120.0
"""Importing torch takes 3 s on an idle machine; whoever takes this long hangs."""

END_SECONDS = 2.0


class Probe:
    """Knows families of one's own by asking a child process, which is started when it is needed.

    A process that has torch loaded already is its own child. Thread-safe.
    """

    def __init__(self, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def describe(self, source: str) -> OwnDescription:
        """The family that a source is. Raises OwnFamilyError."""
        if self._is_child:
            from trainers.own.inspection import describe

            return describe(source)
        return OwnDescription.model_validate(self._ask({"describe": source})["description"])

    def describe_module(self, source: str) -> OwnDescription | None:
        """The same of an entry point; None where it is something else than a module class.

        Raises OwnFamilyError.
        """
        if self._is_child:
            from trainers.own.inspection import is_module_class

            return self.describe(source) if is_module_class(source) else None
        if not self._ask({"is_module_class": source})["is_module_class"]:
            return None
        return self.describe(source)

    def count(self, source: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
        """Trainable parameters of one model. Raises OwnFamilyError where it cannot be trained."""
        if self._is_child:
            from trainers.own.inspection import count_parameters

            return count_parameters(source, config, problem)
        asked = {"count": source, "config": dict(config), "problem": dict(problem)}
        return int(self._ask(asked)["count"])

    @property
    def _is_child(self) -> bool:
        return "torch" in sys.modules and self._process is None

    def close(self) -> None:
        """End the child; another question would start one again."""
        with self._lock:
            self._end()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            try:
                answer = self._exchange(json.dumps(request).encode() + b"\n")
            except OSError as error:
                self._end()
                where = str(next(value for value in request.values() if isinstance(value, str)))
                raise OwnFamilyError(
                    where, f"the process that imports it {error}", "see the log"
                ) from None
        if "reason" in answer:
            raise OwnFamilyError(answer["where"], answer["reason"], answer["remedy"])
        return answer

    def _exchange(self, line: bytes) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._start()
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(line)
        process.stdin.flush()
        while b"\n" not in self._unread:
            ready, _, _ = select.select([process.stdout], [], [], self._seconds)
            if not ready:
                raise OSError(f"did not answer within {self._seconds:g} s")
            found = os.read(process.stdout.fileno(), 1 << 16)
            if not found:
                raise OSError("ended without an answer")
            self._unread += found
        first, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(first)
        return answer

    def _start(self) -> "subprocess.Popen[bytes]":
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        # The same modules as here, and not those of a working directory that is not on our path.
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "trainers.own.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def _end(self) -> None:
        process, self._process, self._unread = self._process, None, b""
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # it ends by that, unless it hangs
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
