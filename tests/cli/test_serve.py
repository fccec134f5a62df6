"""`hifitune serve`: the whole service from one command, and nothing left of it afterwards."""

import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.cli.processes import (
    TINY,
    Served,
    all_gone,
    eventually,
    hifitune,
    lines_of_json,
    serving,
)

GONE_SECONDS = 5.0

HANGING = """
import sys, threading
from service.cli import main
from service.commands import server

def create_app(settings, engine_alive=None, make=server.create_app):
    app = make(settings, engine_alive)

    @app.get("/hang")
    def hang():
        print("hangs", flush=True)
        threading.Event().wait(60)

    app.router.routes.insert(0, app.router.routes.pop())
    return app

server.create_app = create_app
main()
"""


def with_workers(served: Served) -> list[psutil.Process]:
    """The process tree, once the engine has its workers' nursery."""

    def found() -> list[psutil.Process]:
        engine = served.engine()
        return served.family() if engine is not None and engine.children() else []

    family = eventually("the engine's workers", found)
    assert isinstance(family, list)
    return family


def test_a_study_goes_from_file_to_model(tmp_path: Path) -> None:
    spec = tmp_path / "tiny.json"
    spec.write_text(json.dumps(TINY))
    with serving(tmp_path) as served:
        submitted = hifitune("submit", str(spec), "--watch", "--json", HIFITUNE_URL=served.url)
        assert submitted.returncode == 0, submitted.stderr
        lines = lines_of_json(submitted.stdout)
        study_id = lines[0]["study"]["id"]
        best = hifitune("best", study_id, "--json", "--url", served.url)
        yaml = hifitune(
            "best", study_id, "--yaml", "--model", str(tmp_path / "model"), "--url", served.url
        )
        again = tmp_path / "again.yaml"
        again.write_text(yaml.stdout)
        repeated = hifitune("submit", str(again), "--watch", "--json", "--url", served.url)

    assert [line["event"] for line in (lines[0], lines[1], lines[-1])] == [
        "submitted", "progress", "finished",
    ]  # fmt: skip
    assert lines[-1]["study"]["state"] == "COMPLETE"
    assert lines[-1]["study"]["progress"]["complete"] == 2
    answer = json.loads(best.stdout)
    assert answer["metrics"]["test"]["mse"] > 0
    assert (tmp_path / "model" / "model.py").exists()
    assert repeated.returncode == 0, repeated.stderr
    finished = lines_of_json(repeated.stdout)[-1]["study"]
    assert finished["best"]["value"] == answer["objective"]["value"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_within_five_seconds(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path) as served:
        family = with_workers(served)
        with httpx.Client(base_url=served.url, trust_env=False) as http:
            location = http.post("/v1/studies", json=TINY).headers["location"]
            with http.stream("GET", f"{location}/events") as stream:
                next(stream.iter_lines())
                begin = time.monotonic()
                served.process.send_signal(number)
                eventually("all gone", lambda: all_gone(family), GONE_SECONDS + 5)
                took = time.monotonic() - begin
        assert served.process.wait(1) == 0
    assert took < GONE_SECONDS
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


def test_a_request_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    serve = ["serve", "--json", "--port", "0", "--data-dir", str(tmp_path), "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, *serve],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(httpx.get, f"{url}/hang", timeout=GONE_SECONDS * 4)
            assert process.stdout.readline() == "hangs\n"
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=GONE_SECONDS * 4)
            took = time.monotonic() - begin
            asked.exception()  # 500, or a connection that broke
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert took < GONE_SECONDS
    assert "Cancel 1 running task" in log


def test_a_dead_engine_is_started_again(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        first = eventually("an engine", served.engine)
        first.kill()
        second = eventually("another engine", lambda: _other(served.engine(), first.pid), 5)
        assert second.is_running()
        ready = eventually("ready", lambda: httpx.get(f"{served.url}/readyz").is_success, 5)
        assert ready


def test_nothing_outlives_a_killed_server(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        family = with_workers(served)
        served.process.kill()
        served.process.wait()
        eventually("all gone", lambda: all_gone(family), 2 * GONE_SECONDS)


def test_a_port_in_use_is_said_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hifitune("serve", "--port", str(port), "--data-dir", str(tmp_path))
    assert done.returncode == 8
    assert str(port) in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_open_host_is_refused(tmp_path: Path) -> None:
    done = hifitune("serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "0.0.0.0" in done.stderr
    assert "Traceback" not in done.stderr


def _other(process: psutil.Process | None, pid: int) -> psutil.Process | None:
    return process if process is not None and process.pid != pid else None
