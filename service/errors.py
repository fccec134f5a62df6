"""Errors that people see: each class owns its HTTP status and its problem type."""

from typing import ClassVar

from service.domain.model import Record


class FieldError(Record):
    """What is wrong with one field, and what to do about it."""

    pointer: str
    """JSON pointer: `/space/beta`; empty for the whole body."""
    reason: str
    remedy: str


class ServiceError(Exception):
    """Base of everything the service refuses or cannot do; the message is for people."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"
    closes: ClassVar[bool] = False
    """Whether the connection ends with the answer: the rest of the request is not wanted."""

    def __init__(self, detail: str, remedy: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


class InvalidSpec(ServiceError):
    """The study spec asks for something impossible or degenerate."""

    status = 422
    type = "invalid-spec"
    title = "The study spec is not valid"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.pointer or '/'}: {error.reason}" for error in errors))
        self.errors = errors


class InvalidBody(InvalidSpec):
    """The request body is not a well-formed document."""

    status = 422
    type = "invalid-body"
    title = "The request body cannot be read"


class BodyTooLarge(ServiceError):
    """The request body is above the cap."""

    status = 413
    type = "body-too-large"
    title = "The request body is too large"


class SlowRequest(ServiceError):
    """The request body does not come."""

    status = 408
    type = "slow-request"
    title = "The request took too long"
    closes = True


class UnsupportedMedia(ServiceError):
    """The content type is neither JSON nor YAML."""

    status = 415
    type = "unsupported-media-type"
    title = "The content type is not supported"


class InvalidRequest(ServiceError):
    """A query parameter or header is not valid; `pointer` (`/query/trial`) names it."""

    status = 400
    type = "invalid-request"
    title = "The request is not valid"

    def __init__(self, detail: str, remedy: str = "", pointer: str = "") -> None:
        super().__init__(detail, remedy or None)
        found = FieldError(pointer=pointer, reason=detail, remedy=remedy)
        self.errors = [found] if pointer else []


class NotFound(ServiceError):
    """No such study, trial, figure or artifact."""

    status = 404
    type = "not-found"
    title = "Not found"


class Conflict(ServiceError):
    """The state of the study does not allow it."""

    status = 409
    type = "conflict"
    title = "Not possible now"


class Stale(Conflict):
    """A write by someone who no longer holds the lease."""

    type = "stale"
    title = "The lease has passed on"


class Forbidden(ServiceError):
    """The request came from a foreign origin or host."""

    status = 403
    type = "forbidden"
    title = "Not allowed"


class DataError(ServiceError):
    """A data set cannot be read; the message names the file and the reason."""

    status = 422
    type = "invalid-data"
    title = "The data set cannot be used"


class Unavailable(ServiceError):
    """The database cannot be reached at the moment."""

    status = 503
    type = "unavailable"
    title = "Try again in a moment"


class NotInstalled(ServiceError):
    """An optional part that the request needs is not installed on this machine."""

    status = 501
    type = "not-installed"
    title = "Not installed on this server"


class StorageFull(ServiceError):
    """The disk is full."""

    status = 507
    type = "storage-full"
    title = "No space left"
