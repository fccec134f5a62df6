"""Whatever ends the engine ends its nursery and its workers."""

import json
import subprocess
import sys
from pathlib import Path
from time import monotonic

import psutil
import pytest
from executor_runners import PATH

ENGINE = """
import json, sys
from service.executors.base import ArrayJob
from service.executors.local import LocalExecutor

with open(sys.argv[3], "a") as runs:
    runs.write("the main module ran\\n")
executor = LocalExecutor(2, runner=sys.argv[1])
jobs = [ArrayJob.model_validate(each) for each in json.loads(sys.argv[2])]
for job in jobs:
    executor.submit(job)
begun = set()
while len(begun) < len(jobs):
    begun.update(event.job_id for event in executor.poll(0.05))
print("begun", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start_engine(tmp_path, make_job):
    """Starts a process that drives two jobs which never end; returns it and its descendants."""
    engines = []

    def start(*arguments, script=None):
        jobs = [make_job("hang").model_dump(mode="json") for _ in range(2)]
        engine = subprocess.Popen(
            [*(sys.executable, *arguments), PATH, json.dumps(jobs), str(tmp_path / "runs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parent)},
            cwd=tmp_path,
        )
        engines.append(engine)
        assert engine.stdout.readline() == b"begun\n"
        tree = psutil.Process(engine.pid).children(recursive=True)
        assert len(tree) == 3
        return engine, tree

    yield start
    for engine in engines:
        engine.kill()
        engine.communicate()


def wait_until_gone(processes, seconds=5.0):
    deadline = monotonic() + seconds
    while living := [process for process in processes if is_alive(process)]:
        assert monotonic() < deadline, f"still there: {living}"


def is_alive(process):
    try:
        # A container's first process may be slow to reap what it inherits.
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_engine_takes_its_nursery_and_workers_along(start_engine):
    engine, tree = start_engine("-c", ENGINE)
    engine.kill()
    wait_until_gone(tree)


def test_a_frozen_worker_dies_with_a_killed_engine_too(start_engine):
    engine, tree = start_engine("-c", ENGINE)
    for worker in tree[1:]:
        worker.suspend()
    engine.kill()
    wait_until_gone(tree)


def test_workers_die_with_a_killed_nursery_and_a_killed_engine(start_engine):
    engine, (nursery, *workers) = start_engine("-c", ENGINE)
    for worker in workers:
        worker.suspend()
    nursery.kill()
    engine.kill()
    wait_until_gone([nursery, *workers])


def test_an_engine_that_exits_without_closing_leaves_nothing(start_engine):
    engine, tree = start_engine("-c", ENGINE)
    engine.communicate(b"\n", timeout=10)
    wait_until_gone(tree)


@pytest.mark.parametrize("how", ["script", "module", "command"])
def test_workers_do_not_run_the_main_module_again(how, start_engine, tmp_path):
    (tmp_path / "an_engine.py").write_text(ENGINE)
    arguments = {
        "script": ["an_engine.py"],
        "module": ["-m", "an_engine"],
        "command": ["-c", ENGINE],
    }
    start_engine(*arguments[how])
    assert (tmp_path / "runs").read_text().count("ran") == 1


def test_a_killed_engine_whose_nursery_still_loads_torch_leaves_nothing(tmp_path, make_job):
    script = "import sys; from service.executors.local import LocalExecutor; LocalExecutor(1); "
    engine = subprocess.Popen(
        [sys.executable, "-c", script + "print('begun', flush=True); sys.stdin.readline()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert engine.stdout.readline() == b"begun\n"
    tree = psutil.Process(engine.pid).children(recursive=True)
    engine.kill()
    engine.communicate()
    wait_until_gone(tree, seconds=20.0)
