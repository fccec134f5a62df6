"""What an executor tells a worker: run this job, or end the one that runs."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from service.domain.model import Record
from service.executors.base import Job

How: TypeAlias = Literal["pause", "stop"]


class RunOrder(Record):
    """Run a job; sent to an idle worker only."""

    kind: Literal["run"] = "run"
    job: Job
    beat_seconds: float = 2.0
    """How often the worker says that it lives, from now on."""


class YieldOrder(Record):
    """End a job early; ignored by a worker that is no longer at it."""

    kind: Literal["yield"] = "yield"
    job_id: str
    how: How


Order: TypeAlias = Annotated[RunOrder | YieldOrder, Field(discriminator="kind")]
ORDER: TypeAdapter[RunOrder | YieldOrder] = TypeAdapter(Order)


class Commands:
    """What was asked of one running job; written by one thread, read by another."""

    def __init__(self) -> None:
        self._how: How | None = None

    @property
    def how(self) -> How | None:
        """None: go on."""
        return self._how

    @property
    def stop(self) -> bool:
        """Whether the running epoch is to be dropped."""
        return self._how == "stop"

    def give(self, how: How) -> None:
        """A stop outranks a pause and is never taken back."""
        if self._how != "stop":
            self._how = how
