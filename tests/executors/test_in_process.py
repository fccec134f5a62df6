import threading

import executor_runners
import pytest

from service.executors.in_process import InProcessExecutor


@pytest.fixture
def executor():
    threads = threading.active_count()
    executor = InProcessExecutor(2, runner=executor_runners.run)
    yield executor
    executor.close()
    assert threading.active_count() == threads


def test_a_job_gives_the_events_that_a_worker_process_gives(executor, make_job, gather):
    job = make_job("steady", trials=(3, 5), until_epoch=2)
    executor.submit(job)
    assert executor.free == 1
    events = gather(executor, lambda events: events.end(job))
    assert events.kinds(job) == ["epoch"] * 4 + ["trial_end"] * 2 + ["job_end"]
    assert executor.free == 2


def test_a_full_executor_refuses_a_job(executor, make_job):
    for _ in range(2):
        executor.submit(make_job("obey"))
    with pytest.raises(RuntimeError, match="no slot"):
        executor.submit(make_job("steady"))


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_a_job_that_is_asked_to_end_yields(how, executor, make_job, gather):
    job = make_job("obey")
    executor.submit(job)
    executor.yield_job(job.job_id, how)
    assert gather(executor, lambda events: events.end(job)).end(job).outcome == "yielded"


def test_a_forgotten_study_loses_its_jobs_and_its_events(executor, make_job):
    executor.submit(make_job("obey", study_id="mine"))
    executor.forget("mine")
    assert executor.free == 2
    assert executor.poll(0.1) == []


def test_a_job_that_outruns_its_listener_waits_and_loses_nothing(executor, make_job, gather):
    job = make_job("steady", trials=range(50), until_epoch=100)
    executor.submit(job)
    assert len(gather(executor, lambda events: events.end(job)).of(job)) == 5051
