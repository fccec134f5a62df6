"""Several threads that do one thing at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Result = TypeVar("Result")
DEADLINE_SECONDS = 60


def race(count: int, act: Callable[[int], Result]) -> list[Result]:
    """What `act(0)`, ..., `act(count - 1)` give when they start together."""
    start = Barrier(count)

    def run(index: int) -> Result:
        start.wait(DEADLINE_SECONDS)
        return act(index)

    with ThreadPoolExecutor(count) as threads:
        futures = [threads.submit(run, index) for index in range(count)]
        return [future.result(DEADLINE_SECONDS) for future in futures]
