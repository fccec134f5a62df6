"""The Python client: `Client` and `StudyHandle` over HTTP; needs neither torch nor a database."""

from service.client.client import Client
from service.client.datasets import DatasetHandle
from service.client.errors import (
    ClientError,
    FigureWaiting,
    NotReachable,
    ProblemError,
    StudyFailed,
    WaitTimeout,
)
from service.client.handle import StudyHandle

__all__ = [
    "Client",
    "ClientError",
    "DatasetHandle",
    "FigureWaiting",
    "NotReachable",
    "ProblemError",
    "StudyFailed",
    "StudyHandle",
    "WaitTimeout",
]
