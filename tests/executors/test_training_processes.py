"""Real training in worker processes that are really killed, frozen, paused and stopped."""

import random
from pathlib import Path
from time import monotonic

import executor_runners
import numpy as np
import psutil
import pytest
from conftest import Events, assert_no_children, workers
from safetensors.numpy import load_file
from training_jobs import facts, outcome, resumed, temporaries, training_job

from service.domain.states import TrialState
from service.executors.in_process import InProcessExecutor
from service.executors.local import LocalExecutor


@pytest.fixture(scope="module")
def trainer():
    """Two slots of real training, shared by the tests of this module: torch loads once."""
    executor = LocalExecutor(2)
    yield executor
    executor.close()
    assert_no_children()


@pytest.fixture
def make(stored_data, tmp_path):
    def make(folder="artifacts", **changes):
        return training_job(stored_data, tmp_path / folder, **changes)

    return make


def train(executor, job, gather):
    executor.submit(job)
    return gather(executor, lambda events: events.end(job), seconds=60)


def busiest():
    """The worker that trains now."""
    return max(workers(), key=lambda process: sum(process.cpu_times()[:2]))


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_worker_s_array_goes_on_from_its_state_to_the_same_bits(
    seed, trainer, make, gather
):
    whole = train(trainer, make("whole", epochs=8), gather)
    cut = make("cut", epochs=8, save_seconds=0.0)
    epoch = random.Random(seed).randint(1, 6)
    trainer.submit(cut)
    events = gather(
        trainer, lambda events: any(e.kind == "saved" and e.epoch >= epoch for e in events)
    )
    kill(workers())
    gather(trainer, lambda events: events.end(cut), events)
    assert events.end(cut).outcome == "failed"
    assert events.end(cut).failure.kind == "crash"
    again = resumed(cut, events)
    events = Events(events[:-1]) + train(trainer, again, gather)
    assert facts(events) == facts(whole)
    assert temporaries(cut.artifact_root) == []


@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_a_killed_array_leaves_the_same_snapshots(epoch, trainer, make, gather):
    whole_job, cut = make("whole", epochs=8), make("cut", epochs=8, save_seconds=0.0)
    whole = train(trainer, whole_job, gather)
    trainer.submit(cut)
    events = gather(
        trainer, lambda events: any(e.kind == "saved" and e.epoch >= epoch for e in events)
    )
    kill(workers())
    gather(trainer, lambda events: events.end(cut), events)
    again = Events(events[:-1]) + train(trainer, resumed(cut, events), gather)
    expected, found = snapshots_of(whole_job, whole), snapshots_of(cut, again)
    assert found.keys() == expected.keys() == {0, 1, 2}
    for trial, (epochs, pictures) in expected.items():
        assert epochs.tolist() == [1, 2, 4, 8]
        assert len({picture.tobytes() for picture in pictures}) == 4
        assert np.array_equal(found[trial][0], epochs)
        assert found[trial][1].tobytes() == pictures.tobytes()


def snapshots_of(job, events):
    """Epochs and pictures of every trial that ended."""
    found = {}
    for event in events:
        if event.kind == "trial_end":
            (path,) = [file.path for file in event.artifacts if file.kind == "reconstructions"]
            tensors = load_file(Path(job.artifact_root, path))
            found[event.trial] = (tensors["snapshot_epochs"], tensors["snapshots"])
    return found


def test_a_paused_array_goes_on_in_another_process_to_the_same_bits(trainer, make, gather):
    whole = train(trainer, make("whole"), gather)
    job, events = make("cut"), Events()
    while True:
        segment = train_one_epoch(trainer, job, gather)
        events += segment
        if outcome(segment) == "done":
            break
        psutil.wait_procs(kill(workers()), timeout=5)
        job = resumed(job, events)
    assert facts(events) == facts(whole)


def train_one_epoch(executor, job, gather):
    """Pause as soon as an epoch was told of."""
    executor.submit(job)
    events = gather(executor, lambda events: events.of(job))
    executor.yield_job(job.job_id, "pause")
    return gather(executor, lambda events: events.end(job), events)


def kill(processes):
    for process in processes:
        process.kill()
    return processes


def test_training_in_threads_and_in_processes_gives_the_same_bits(trainer, make, gather):
    in_process = InProcessExecutor()
    mine = train(in_process, make("threads"), gather)
    in_process.close()
    assert facts(train(trainer, make("processes"), gather)) == facts(mine)


def test_a_stop_in_the_middle_of_a_long_epoch_is_obeyed_within_two_seconds(trainer, make, gather):
    job = make(epochs=1000, rates=[0.001] * 16, config={"hidden_width": 512, "batch_size": 16})
    trainer.submit(job)
    events = gather(trainer, lambda events: len(events) >= 16)
    asked = monotonic()
    trainer.yield_job(job.job_id, "stop")
    gather(trainer, lambda events: events.end(job), events)
    assert monotonic() - asked < 2.0
    ends = [event for event in events if event.kind == "trial_end"]
    assert [(end.state, end.value is not None) for end in ends] == [(TrialState.STOPPED, True)] * 16
    assert outcome(events) == "yielded"


def test_thirty_small_arrays_pass_through_two_slots(trainer, make, gather):
    waiting = [
        make(f"job-{number}", epochs=2, rates=(0.001, 0.002), state_path=f"states/{number}")
        for number in range(30)
    ]
    jobs, events = list(waiting), Events()
    deadline = monotonic() + 60
    while waiting or trainer.free < 2:
        assert monotonic() < deadline
        while waiting and trainer.free:
            trainer.submit(waiting.pop())
        events += trainer.poll(1.0)
    assert {events.end(job).outcome for job in jobs} == {"done"}
    assert all(events.kinds(job).count("trial_end") == 2 for job in jobs)
    assert len(workers()) <= 2
    assert all(temporaries(job.artifact_root) == [] for job in jobs)


@pytest.fixture
def little_memory():
    """One slot whose worker may grow by 100 MiB."""
    executor = LocalExecutor(1, runner=f"{executor_runners.__name__}:train_in_little_memory")
    yield executor
    executor.close()


def test_an_array_that_memory_cannot_hold_fails_and_its_worker_lives_on(
    little_memory, make, gather
):
    huge = make(rates=[0.001] * 16, config={"hidden_width": 1024, "depth": 2})
    assert train(little_memory, huge, gather).end(huge).failure.kind == "out-of-memory"
    before = workers()
    assert outcome(train(little_memory, make(epochs=1), gather)) == "done"
    assert workers() == before


def test_workers_are_small_because_they_share_what_the_nursery_loaded(trainer, make, gather):
    assert outcome(train(trainer, make(epochs=1), gather)) == "done"
    memory = psutil.Process(busiest().pid).memory_full_info()
    assert memory.uss < 150 * 2**20
