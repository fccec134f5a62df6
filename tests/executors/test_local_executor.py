import signal
from time import monotonic

import psutil
import pytest
from conftest import assert_no_children, workers
from executor_runners import PATH

from service.domain.states import TrialState
from service.executors.local import LocalExecutor


def ended(*jobs):
    return lambda events: all(events.end(job) for job in jobs)


def begun(job):
    return lambda events: events.of(job)


def test_a_job_runs_in_a_process_and_its_events_arrive_in_order(executor, make_job, gather):
    job = make_job("steady", trials=(3, 5), until_epoch=2)
    executor.submit(job)
    events = gather(executor, ended(job))
    assert events.kinds(job) == ["epoch"] * 4 + ["trial_end"] * 2 + ["job_end"]
    told = [(event.report.epoch, event.trial) for event in events[:4]]
    assert told == [(1, 3), (1, 5), (2, 3), (2, 5)]
    assert events.end(job).outcome == "done"


def test_an_executor_without_slots_is_refused():
    with pytest.raises(ValueError, match="at least one slot"):
        LocalExecutor(0)


def test_a_full_executor_refuses_a_job(executor, make_job):
    for _ in range(2):
        executor.submit(make_job("hang"))
    assert executor.free == 0
    with pytest.raises(RuntimeError, match="no slot"):
        executor.submit(make_job("steady"))


def test_thirty_jobs_pass_through_two_slots_on_two_processes(executor, make_job, gather):
    waiting = [make_job("tell_process", trials=(number,)) for number in range(30)]
    jobs, events = list(waiting), gather(executor, lambda _: True)
    while waiting or executor.free < 2:
        while waiting and executor.free:
            executor.submit(waiting.pop())
        assert executor.free >= 0
        events += executor.poll(1.0)
    assert all(events.kinds(job) == ["trial_end", "job_end"] for job in jobs)
    assert len({event.value for event in events if event.kind == "trial_end"}) <= 2


def test_a_worker_is_kept_for_the_next_job(executor, make_job, gather):
    values = []
    for _ in range(3):
        job = make_job("tell_process")
        executor.submit(job)
        values += [event.value for event in gather(executor, ended(job))[:1]]
    assert len(set(values)) == 1


def test_workers_and_their_numerics_run_on_one_thread(executor, make_job, gather):
    job = make_job("tell_threads")
    executor.submit(job)
    assert gather(executor, ended(job)).end(job).outcome == "done"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])
def test_a_worker_killed_by_a_signal_fails_its_job_once_and_says_which(
    number, executor, make_job, gather
):
    job = make_job("kill_itself", config={"signal": int(number)})
    executor.submit(job)
    events = gather(executor, ended(job))
    events += executor.poll(0.1)
    assert events.kinds(job) == ["epoch"] * 3 + ["job_end"]
    failure = events.end(job).failure
    assert (failure.kind, number.name in failure.message) == ("crash", True)


def test_a_worker_that_exits_fails_its_job_with_the_status(executor, make_job, gather):
    job = make_job("leave")
    executor.submit(job)
    events = gather(executor, ended(job))
    assert events.kinds(job) == ["epoch"] * 3 + ["job_end"]
    assert events.end(job).failure.message == "its worker exited with status 3"


def test_events_sent_before_a_death_arrive_before_the_failure(executor, make_job, gather):
    job = make_job("leave", trials=range(16), until_epoch=100)
    executor.submit(job)
    events = gather(executor, ended(job))
    assert events.kinds(job) == ["epoch"] * 1600 + ["job_end"]


def test_the_other_job_does_not_notice_a_death_and_the_slot_is_filled_again(
    executor, make_job, gather
):
    obedient, doomed, following = make_job("obey"), make_job("hang"), make_job("steady")
    executor.submit(obedient)
    events = gather(executor, begun(obedient))
    first = set(workers())
    executor.submit(doomed)
    gather(executor, begun(doomed), events)
    known = {worker.pid for worker in workers()}
    (worker,) = set(workers()) - first  # not by its time of birth: that counts in 10 ms
    worker.kill()
    gather(executor, ended(doomed), events)
    assert (executor.free, events.end(obedient)) == (1, None)
    executor.submit(following)
    gather(executor, ended(following), events)
    assert len({worker.pid for worker in workers()} - known) == 1
    executor.yield_job(obedient.job_id, "pause")
    assert gather(executor, ended(obedient), events).end(obedient).outcome == "yielded"


def test_a_worker_that_died_idle_costs_no_job(executor, make_job, gather):
    first, second = make_job("steady"), make_job("steady")
    executor.submit(first)
    gather(executor, ended(first))
    for worker in workers():
        worker.kill()
        psutil.wait_procs([worker], timeout=5)
    executor.submit(second)
    assert gather(executor, ended(second)).end(second).outcome == "done"


def test_a_worker_that_sends_nonsense_is_killed(executor, make_job, gather):
    job = make_job("lose_its_mind")
    executor.submit(job)
    events = gather(executor, ended(job))
    assert events.kinds(job) == ["epoch"] * 3 + ["job_end"]
    assert "nonsense" in events.end(job).failure.message
    assert executor.free == 2


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_a_job_that_is_asked_to_end_yields(how, executor, make_job, gather):
    job = make_job("obey", trials=(0, 1))
    executor.submit(job)
    events = gather(executor, begun(job))
    executor.yield_job(job.job_id, how)
    gather(executor, ended(job), events)
    ends = [event.state for event in events.of(job) if event.kind == "trial_end"]
    assert ends == ([TrialState.STOPPED] * 2 if how == "stop" else [])
    assert events.end(job).outcome == "yielded"


def test_asking_an_unknown_or_ended_job_to_end_is_ignored(executor, make_job, gather):
    job, following = make_job("steady"), make_job("steady", trials=range(4))
    executor.submit(job)
    gather(executor, ended(job))
    executor.yield_job(job.job_id, "stop")
    executor.yield_job("never heard of", "stop")
    executor.submit(following)
    assert gather(executor, ended(following)).end(following).outcome == "done"


@pytest.mark.parametrize("frozen", [False, True], ids=["deaf", "frozen"])
def test_a_job_that_does_not_stop_is_killed_within_two_seconds(frozen, executor, make_job, gather):
    job, following = make_job("hang"), make_job("steady")
    executor.submit(job)
    events = gather(executor, begun(job))
    (worker,) = workers()
    if frozen:
        worker.suspend()
    asked = monotonic()
    executor.yield_job(job.job_id, "stop")
    executor.yield_job(job.job_id, "stop")
    gather(executor, ended(job), events)
    assert 1.4 < monotonic() - asked < 2.0
    assert (events.end(job).outcome, events.end(job).failure.kind) == ("failed", "stopped")
    assert psutil.wait_procs([worker], timeout=5)[1] == []
    executor.submit(following)
    assert gather(executor, ended(following)).end(following).outcome == "done"


def test_a_forgotten_study_loses_its_jobs_and_its_events(executor, make_job, gather):
    mine, others = make_job("hang", study_id="mine"), make_job("obey", study_id="others")
    executor.submit(mine)
    executor.submit(others)
    events = gather(executor, lambda events: begun(mine)(events) and begun(others)(events))
    count = len(events.of(mine))
    executor.forget("mine")
    assert executor.free == 1
    executor.yield_job(others.job_id, "pause")
    gather(executor, ended(others), events)
    events += executor.poll(0.2)
    assert len(events.of(mine)) == count
    assert len(workers()) == 1


def test_a_worker_waits_while_nobody_listens_and_loses_nothing(executor, make_job, gather):
    job = make_job("steady", trials=range(50), until_epoch=400)
    executor.submit(job)
    events = gather(executor, begun(job))
    (worker,) = workers()
    deadline = monotonic() + 10
    while worker.status() != psutil.STATUS_SLEEPING:
        assert monotonic() < deadline
    assert len(gather(executor, ended(job), events).of(job)) == 20_051


def test_poll_waits_no_longer_than_it_is_told(executor):
    asked = monotonic()
    assert executor.poll(0.2) == []
    assert 0.19 < monotonic() - asked < 1.5


def test_a_killed_nursery_fails_its_jobs_and_is_replaced(executor, make_job, gather):
    job, following = make_job("hang"), make_job("steady")
    executor.submit(job)
    events = gather(executor, begun(job))
    (nursery,) = psutil.Process().children()
    (worker,) = nursery.children()
    nursery.kill()
    assert gather(executor, ended(job), events).end(job).failure.kind == "crash"
    assert psutil.wait_procs([worker], timeout=5)[1] == []
    executor.submit(following)
    assert gather(executor, ended(following)).end(following).outcome == "done"


@pytest.mark.parametrize("family", ["steady", "hang"])
def test_close_leaves_no_process(family, make_job, gather):
    executor = LocalExecutor(2, runner=PATH)
    job = make_job(family)
    executor.submit(job)
    gather(executor, begun(job))
    executor.close()
    assert_no_children()


def test_an_executor_can_be_closed_before_anything_began(make_job):
    executor = LocalExecutor(1, runner=PATH)
    executor.submit(make_job("steady"))
    executor.close()
    assert_no_children()


def test_a_runner_that_cannot_be_loaded_fails_the_job(make_job, gather):
    executor = LocalExecutor(1, runner="no_such_module:run")
    job = make_job("steady")
    executor.submit(job)
    assert gather(executor, ended(job)).end(job).failure.kind == "crash"
    executor.close()
