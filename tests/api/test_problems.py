"""Every error is a problem, and says nothing that it should not."""

import errno
import sqlite3
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from service import errors
from service.api import problems
from service.domain.model import Record

MEMBERS = {"type", "title", "status", "detail", "remedy", "errors"}


def answer_to(error: Exception) -> Any:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> Record:
        raise error

    return TestClient(app, raise_server_exceptions=False).get("/")


def _database_error(text: str) -> OperationalError:
    return OperationalError("SELECT secret", {"key": "secret"}, sqlite3.OperationalError(text))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.Conflict("no"), 409, "conflict"),
        (errors.Unavailable("away"), 503, "unavailable"),
        (errors.StorageFull("full"), 507, "storage-full"),
        (_database_error("database is locked"), 503, "unavailable"),
        (_database_error("database or disk is full"), 507, "storage-full"),
        (_database_error("no such table: secret"), 503, "unavailable"),
        (InterfaceError("secret", {}, sqlite3.InterfaceError("gone")), 503, "unavailable"),
        (TimeoutError("pool"), 503, "unavailable"),
        (OSError(errno.ENOSPC, "secret"), 507, "storage-full"),
        (OSError(errno.EACCES, "secret"), 500, "internal"),
        (RuntimeError("secret"), 500, "internal"),
        (HTTPException(418, "secret"), 418, "http-error"),
    ],
)
def test_an_error_becomes_its_problem(error: Exception, status: int, kind: str) -> None:
    answer = answer_to(error)

    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:hifitune:problem:{kind}"
    assert body.keys() == MEMBERS
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (503, 507))


def test_every_service_error_has_a_status_a_type_and_a_title_of_its_own() -> None:
    found: list[type[errors.ServiceError]] = []
    queue: list[type[errors.ServiceError]] = [errors.ServiceError]
    while queue:
        kind = queue.pop()
        found.append(kind)
        queue += kind.__subclasses__()
    assert all(400 <= kind.status <= 599 and kind.title for kind in found)


@pytest.mark.parametrize(
    ("send", "status", "allow"),
    [
        (lambda http: http.get("/v1/nowhere/<script>"), 404, None),
        (lambda http: http.put("/v1/studies"), 405, {"GET", "POST"}),
        (lambda http: http.patch("/v1/studies/x"), 405, {"GET", "DELETE"}),
        (lambda http: http.get("/v1/studies/x:stop"), 405, {"POST"}),
        (lambda http: http.post("/livez"), 405, {"GET"}),
    ],
)
def test_addresses_and_methods_that_are_not_there(
    http: httpx.Client,
    send: Callable[[httpx.Client], httpx.Response],
    status: int,
    allow: set[str] | None,
) -> None:
    answer = send(http)
    assert answer.status_code == status
    assert answer.json().keys() == MEMBERS
    assert "script" not in answer.text
    if allow is not None:
        assert set(answer.headers["allow"].split(", ")) == allow
