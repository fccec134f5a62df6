"""The command as a user starts it: real processes, real signals."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

DEADLINE_SECONDS = 60.0
COMMAND = [sys.executable, "-m", "service.cli"]

TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "digits"},
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "categorical", "choices": [0.003, 0.01]},
        "hidden_width": 16,
        "latent_dim": 4,
    },
    "training": {"epochs": 3},
    "sampler": {"type": "grid"},
}


def eventually(what: str, condition: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true value of a condition; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


def hifitune(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS * 2,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )


def lines_of_json(text: str) -> list[dict[str, Any]]:
    """Every line of stdout with --json."""
    return [json.loads(line) for line in text.splitlines()]


@dataclass
class Served:
    """A running `hifitune serve`."""

    process: "subprocess.Popen[str]"
    url: str
    data_dir: Path

    def engine(self) -> psutil.Process | None:
        """The engine's process, once it is there."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # one that has just been killed has no command
                if "engine" in child.cmdline():
                    return child
        return None

    def family(self) -> list[psutil.Process]:
        """The process and everything below it, with the workers of the engine's session."""
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@contextmanager
def serving(data_dir: Path, **environment: str) -> Iterator[Served]:
    """`hifitune serve` on a free port; whatever is left of it is killed at the end."""
    log = (data_dir / "serve.log").open("w")
    process = subprocess.Popen(
        [*COMMAND, "serve", "--json", "--port", "0", "--data-dir", str(data_dir), "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    family: list[psutil.Process] = []
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (data_dir / "serve.log").read_text()
        served = Served(process, json.loads(line)["url"], data_dir)
        yield served
        family = served.family()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        log.close()
        for member in family:
            if member.is_running():
                member.kill()


def all_gone(family: list[psutil.Process]) -> bool:
    """Whether none of the processes runs any more."""
    return not any(_runs(member) for member in family)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
