"""Requests to a HiFiTune server: answers as JSON values, refusals as exceptions."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from service.client.errors import NotReachable, ProblemError

CHUNK_BYTES = 256 * 1024
RETRY_SECONDS = (0.2, 0.8)
UNAVAILABLE = 503


class Transport:
    """One connection pool to one server."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self.base_url = base_url.rstrip("/")
        # trust_env off: a proxy for the outside world must not be asked for a loopback server.
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout_seconds, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """An answer below 400. Raises ProblemError and NotReachable."""
        given = {key: value for key, value in (params or {}).items() if value is not None}
        with self._reach():
            # An empty mapping would make httpx drop the query that the path brings.
            response = self._http.request(
                method, path, params=given or None, content=content, headers=dict(headers or {})
            )
        _raise_for_problem(response)
        return response

    def request_again(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An idempotent request, sent again when no answer came or the server was busy."""
        return _again(lambda: self.request(method, path, **options))

    def upload(
        self,
        path: str,
        content: Callable[[], Iterator[bytes]],
        size: int,
        *,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        read_timeout_seconds: float,
    ) -> httpx.Response:
        """POST a file of `size` bytes, again from its beginning when the connection broke."""
        given = {key: value for key, value in params.items() if value is not None}
        timeout = httpx.Timeout(self._http.timeout)
        timeout.read = read_timeout_seconds

        def send() -> httpx.Response:
            with self._reach():
                response = self._http.post(
                    path,
                    params=given or None,
                    content=content(),
                    headers={**headers, "Content-Length": str(size)},
                    timeout=timeout,
                )
            _raise_for_problem(response)
            return response

        return _again(send)

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        read_timeout_seconds: float | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer whose body is read as it comes."""
        timeout = httpx.Timeout(self._http.timeout)
        timeout.read = read_timeout_seconds or timeout.read
        with (
            self._reach(),
            self._http.stream(
                "GET", path, params=dict(params or {}) or None, timeout=timeout
            ) as response,
        ):
            if response.is_error:
                response.read()
            _raise_for_problem(response)
            yield response

    def download(self, path: str, target: Path, read_timeout_seconds: float | None = None) -> Path:
        """Write an answer's body to a file, which appears only when it is whole."""
        partial = target.with_name(f".{target.name}.part")
        try:
            with (
                self.stream(path, read_timeout_seconds=read_timeout_seconds) as response,
                partial.open("wb") as file,
            ):
                for chunk in response.iter_bytes(CHUNK_BYTES):
                    file.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    @contextmanager
    def _reach(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise NotReachable(
                f"no HiFiTune server answers at {self.base_url} ({type(error).__name__}); "
                "start one with `hifitune serve`"
            ) from error


def _again(send: Callable[[], httpx.Response]) -> httpx.Response:
    for pause in RETRY_SECONDS:
        try:
            return send()
        except NotReachable:
            time.sleep(pause)
        except ProblemError as error:
            if error.status != UNAVAILABLE:
                raise
            time.sleep(pause)
    return send()


def _raise_for_problem(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        problem = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": "The server answered with an error", "detail": response.reason_phrase}
    raise ProblemError(response.status_code, problem)
