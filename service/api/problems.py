"""Every error as application/problem+json (RFC 9457); nothing that was sent is echoed."""

import errno
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from service.api.pointers import field_errors
from service.domain.model import Record
from service.errors import (
    FieldError,
    InvalidRequest,
    InvalidSpec,
    NotFound,
    ServiceError,
    StorageFull,
    Unavailable,
)
from service.storage.faults import service_error

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_RETRIED = frozenset({503, 507})


class Problem(Record):
    """The body of every error."""

    type: str
    """`urn:hifitune:problem:` and the kind of the problem, stable."""
    title: str
    """The same for every problem of the type."""
    status: int
    detail: str
    """What happened this time."""
    remedy: str | None = None
    """What to do about it."""
    errors: list[FieldError] = []
    """What is wrong with single fields."""


class MethodNotAllowed(ServiceError):
    """The path exists, but not with this method."""

    status = 405
    type = "method-not-allowed"
    title = "Method not allowed"


class OtherHTTPError(ServiceError):
    """An HTTP error of the framework that has no class of its own."""

    type = "http-error"
    title = "The request cannot be answered"


def problem_of(error: ServiceError) -> Problem:
    """The body for an error."""
    return Problem(
        type=f"urn:hifitune:problem:{error.type}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        remedy=error.remedy,
        errors=error.errors if isinstance(error, InvalidSpec | InvalidRequest) else [],
    )


def respond(error: ServiceError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The response for an error."""
    headers = dict(headers or {})
    if error.status in _RETRIED:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if error.closes:
        headers["Connection"] = "close"
    body = problem_of(error)
    content = body.model_dump(mode="json")
    return JSONResponse(content, error.status, headers, media_type=MEDIA_TYPE)


def translate(error: Exception) -> ServiceError | None:
    """The service's word for an error of the database or the disk; None: a bug of ours."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("the disk is full", "free some space; nothing was lost")
    if isinstance(error, DBAPIError | PoolTimeout):
        known = service_error(error)
        if known is None and isinstance(error, OperationalError | InterfaceError):
            return Unavailable("the database does not answer", "send the request again in a moment")
        return known
    return None


async def _on_service_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    return respond(error)


async def _on_database_error(_: Request, error: Exception) -> JSONResponse:
    translated = translate(error)
    if translated is None:
        raise error
    log.warning("%s: %s", translated.detail, error)
    return respond(translated)


async def _on_unexpected(_: Request, error: Exception) -> JSONResponse:
    translated = translate(error)
    if translated is not None:
        return respond(translated)
    number = secrets.token_hex(4)
    log.error("unexpected error %s", number, exc_info=error)
    return respond(
        ServiceError(
            f"an unexpected error, {number} in the server's log", "please report it with the log"
        )
    )


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return respond(NotFound("there is nothing at this address", "see /openapi.json"), headers)
    if error.status_code == 405:
        allowed = ", ".join(_allowed_methods(request))
        return respond(
            MethodNotAllowed("the address does not take this method", f"use {allowed}"),
            {"Allow": allowed},
        )
    other = OtherHTTPError("the request cannot be answered")
    other.status = error.status_code  # type: ignore[misc]
    return respond(other, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Every method that the address takes; the framework names those of one route only."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details: list[Any] = list(error.errors())
    if any(detail["loc"][0] == "path" for detail in details):
        return respond(NotFound("there is nothing at this address", "see /openapi.json"))
    errors = []
    for detail in details:
        source, *rest = detail["loc"]
        detail["loc"] = tuple(rest[1:])
        for found in field_errors([detail]):
            pointer = "/".join(["", str(source), *(str(part) for part in rest[:1])])
            errors.append(found.model_copy(update={"pointer": pointer + found.pointer}))
    return respond(InvalidParameters(errors))


class InvalidParameters(InvalidSpec):
    """Query parameters or headers that are not valid; pointers are `/query/NAME`."""

    status = InvalidRequest.status
    type = InvalidRequest.type
    title = InvalidRequest.title


Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]


def install(app: FastAPI) -> None:
    """Make the app answer every error as a problem."""
    handlers: dict[type[Exception], Handler] = {
        ServiceError: _on_service_error,
        RequestValidationError: _on_invalid_request,
        HTTPException: _on_http_exception,
        DBAPIError: _on_database_error,
        PoolTimeout: _on_database_error,
        OSError: _on_database_error,
        Exception: _on_unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
