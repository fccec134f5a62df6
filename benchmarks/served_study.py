"""A large study of made-up records in a database, served by ours and by optuna-dashboard."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from service.storage.database import Database
from service.storage.migration import migrate
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study

STUDY = "big1"


def make_big(folder: Path, trials: int, epochs: int) -> None:
    """The study in a database of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder / 'hifitune.sqlite3'}"
    migrate(url)
    study = make_study(
        count=trials, planned=trials, study_id=STUDY, epochs=epochs, spec=make_spec("big", trials)
    )
    database = Database(url)
    seed_study(database, study, cohort_size=250)
    database.close()


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    """`hifitune serve` over the folder."""
    command = [sys.executable, "-m", "service.cli", "serve", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said = json.loads(line)
                if said.get("event") == "serving":
                    yield said["url"]
                    return
            raise RuntimeError("hifitune serve ended before it served")
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def rival_server(file: Path) -> Iterator[str]:
    """optuna-dashboard over the exported study."""
    port = 18_321
    url = f"http://127.0.0.1:{port}"
    command = [Path(sys.executable).parent / "optuna-dashboard", f"sqlite:///{file}"]
    with subprocess.Popen(
        [*command, "--port", str(port), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(f"{url}/api/studies", process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=30):
                return
        except URLError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")
