"""What Optuna may say aloud in our process: warnings that we did not expect, nothing else."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna

_lock = threading.Lock()


def quiet_log() -> None:
    """Keep Optuna's log to warnings: it announces every study that it holds in memory."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@contextmanager
def expected_warning(message: str, category: type[Warning]) -> Iterator[None]:
    """Drop one warning that is known and meant, and no other.

    Python keeps its warning filters for the whole process, so two threads that changed them
    at once could leave them changed: one at a time.
    """
    with _lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=message, category=category)
        yield


@contextmanager
def recorded_warnings(category: type[Warning]) -> Iterator[list[warnings.WarningMessage]]:
    """Collect the warnings of a category instead of printing them."""
    with _lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", category=category)
        yield caught
