"""A worker that is frozen gives its slot back; one that is only slow keeps it."""

import signal
import subprocess
import sys
import threading
from time import monotonic

import psutil
import pytest
from conftest import assert_no_children, workers
from executor_runners import PATH

from service.executors.local import LocalExecutor

SILENCE = 1.5


def ended(*jobs):
    return lambda events: all(events.end(job) for job in jobs)


def begun(*jobs):
    return lambda events: all(events.of(job) for job in jobs)


@pytest.fixture
def attentive():
    """Two slots whose workers may be silent for SILENCE seconds."""
    executor = LocalExecutor(2, runner=PATH, silence_seconds=SILENCE)
    yield executor
    executor.close()
    assert_no_children()


@pytest.mark.parametrize("asked", [None, "pause"])
def test_a_frozen_worker_loses_its_job_and_its_slot(asked, attentive, make_job, gather):
    job, following = make_job("hang"), make_job("steady")
    attentive.submit(job)
    events = gather(attentive, begun(job))
    (worker,) = workers()
    worker.suspend()
    if asked:
        attentive.yield_job(job.job_id, asked)
    gather(attentive, ended(job), events)
    failure = events.end(job).failure
    assert (events.end(job).outcome, failure.kind) == ("failed", "lost")
    assert "silent for 1.5 s" in failure.message
    assert psutil.wait_procs([worker], timeout=5)[1] == []
    attentive.submit(following)
    assert gather(attentive, ended(following)).end(following).outcome == "done"


def test_a_worker_that_froze_while_idle_loses_the_next_job(attentive, make_job, gather):
    first, second = make_job("steady"), make_job("steady")
    attentive.submit(first)
    gather(attentive, ended(first))
    (worker,) = workers()
    worker.suspend()
    attentive.submit(second)
    assert gather(attentive, ended(second)).end(second).failure.kind == "lost"


def test_a_long_step_is_no_silence_and_heartbeats_are_no_events(attentive, make_job, gather):
    job = make_job("hang")
    attentive.submit(job)
    events = gather(attentive, begun(job))
    until = monotonic() + 3 * SILENCE
    while monotonic() < until:
        events += attentive.poll(until - monotonic())
    assert events.kinds(job) == ["epoch"]
    assert attentive.free == 1


def test_a_frozen_worker_is_found_out_while_others_talk(attentive, make_job, gather):
    frozen, talking = make_job("hang"), make_job("talk")
    attentive.submit(frozen)
    events = gather(attentive, begun(frozen))
    (worker,) = workers()
    attentive.submit(talking)
    gather(attentive, begun(talking), events)
    worker.suspend()
    gather(attentive, ended(frozen), events)
    assert events.end(frozen).failure.kind == "lost"
    assert events.end(talking) is None


def test_nobody_is_blamed_for_a_time_in_which_nobody_listened(attentive, make_job, gather):
    silent, waiting = make_job("hang"), make_job("steady", trials=range(50), until_epoch=400)
    for job in (silent, waiting):
        attentive.submit(job)
    events = gather(attentive, begun(silent, waiting))
    threading.Event().wait(2 * SILENCE)  # an engine that is busy with something else
    # Frozen only now: the silence before does not count, so it is not over at the first look.
    for worker in workers():
        worker.suspend()
    events += attentive.poll(0)
    events += attentive.poll(0.1)
    assert (events.end(silent), events.end(waiting)) == (None, None)
    for worker in workers():
        worker.resume()
    gather(attentive, ended(waiting), events)
    assert len(events.of(waiting)) == 20_051
    assert events.end(silent) is None


FROZEN_TOGETHER = """
import sys
from service.executors.base import ArrayJob
from service.executors.local import LocalExecutor

executor = LocalExecutor(1, runner=sys.argv[1], silence_seconds=1.5)
executor.submit(ArrayJob.model_validate_json(sys.argv[2]))
while True:
    for event in executor.poll(5.0):
        print(event.kind, flush=True)
"""


def test_an_engine_that_was_frozen_with_its_workers_gives_them_time_to_speak(make_job, gather):
    engine = subprocess.Popen(
        [sys.executable, "-c", FROZEN_TOGETHER, PATH, make_job("hang").model_dump_json()],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
        text=True,
    )
    try:
        assert engine.stdout.readline() == "epoch\n"
        nursery = psutil.Process(engine.pid).children()[0]
        (worker,) = nursery.children()
        worker.suspend()
        engine.send_signal(signal.SIGSTOP)
        threading.Event().wait(2 * SILENCE)
        engine.send_signal(signal.SIGCONT)
        threading.Event().wait(SILENCE / 5)  # the engine looks first
        worker.resume()
        threading.Event().wait(SILENCE)
        assert worker.is_running()
        assert worker.status() != psutil.STATUS_ZOMBIE
    finally:
        engine.kill()
        told, _ = engine.communicate()
    assert told == ""
