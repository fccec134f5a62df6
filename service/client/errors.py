"""What a client raises."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import FieldError


class ClientError(Exception):
    """Base of everything that the client raises by itself."""


class NotReachable(ClientError):
    """No HiFiTune server answers at the address."""


class WaitTimeout(ClientError, TimeoutError):
    """The study was not over in time; it goes on."""


class StudyFailed(ClientError):
    """The study ended as FAILED; the message is its reason."""


class FigureWaiting(ClientError):
    """A figure has nothing to show yet; the message is what it waits for."""


class ProblemError(ClientError):
    """The server refused; carries its problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.type: str = str(problem.get("type", "about:blank"))
        """Stable: `urn:hifitune:problem:conflict`, ..."""
        self.title: str = str(problem.get("title", "The request failed"))
        self.detail: str = str(problem.get("detail", ""))
        self.remedy: str | None = problem.get("remedy")
        self.errors: Sequence[FieldError] = [
            FieldError.model_validate(error) for error in problem.get("errors", [])
        ]
        super().__init__(self._message())

    @property
    def kind(self) -> str:
        """The last part of `type`: `conflict`, `not-found`, `invalid-spec`, ..."""
        return self.type.rpartition(":")[2]

    def _message(self) -> str:
        lines = [f"{self.title} ({self.status})"]
        if self.errors:
            lines += [f"  {e.pointer or '/'}: {e.reason}; {e.remedy}" for e in self.errors]
        else:
            lines += [f"  {self.detail}" + (f"; {self.remedy}" if self.remedy else "")]
        return "\n".join(lines)
