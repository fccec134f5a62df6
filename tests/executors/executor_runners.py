"""Job runners that behave, misbehave and die on purpose, by the job's family."""

import os
import resource
import threading
from pathlib import Path
from types import SimpleNamespace

from service.domain.records import EpochReport
from service.domain.states import TrialState
from service.executors.base import EpochEvent, JobEndEvent, TrialEndEvent

PATH = f"{__name__}:run"


def epoch_event(job, slot, epoch):
    report = EpochReport(
        epoch=epoch,
        train={"mse": 0.5},
        validation={"mse": 1.0 / epoch},
        effective_beta=None,
        learning_rate=0.001,
        gradient_norm=None,
        seconds=0.0,
    )
    return EpochEvent(job_id=job.job_id, trial=slot.trial, attempt=slot.attempt, report=report)


def trial_end(job, slot, state=TrialState.COMPLETE):
    return TrialEndEvent(
        job_id=job.job_id,
        trial=slot.trial,
        attempt=slot.attempt,
        state=state,
        value=1.0,
        best_epoch=1,
        epochs=job.until_epoch,
        stopped_early=False,
        metrics=None,
        artifacts=[],
        failure=None,
    )


def _epochs(job, emit, count=None):
    for epoch in range(1, (count or job.until_epoch) + 1):
        for slot in job.slots:
            emit(epoch_event(job, slot, epoch))


def steady(job, emit, commands):
    _epochs(job, emit)
    for slot in job.slots:
        emit(trial_end(job, slot))
    emit(JobEndEvent(job_id=job.job_id, outcome="done"))


def hang(job, emit, commands):
    _epochs(job, emit, 1)
    threading.Event().wait()


def obey(job, emit, commands):
    _epochs(job, emit, 1)
    while commands.how is None:
        threading.Event().wait(0.002)
    if commands.stop:
        for slot in job.slots:
            emit(trial_end(job, slot, TrialState.STOPPED))
    emit(JobEndEvent(job_id=job.job_id, outcome="yielded"))


def talk(job, emit, commands):
    while True:
        _epochs(job, emit, 1)


def leave(job, emit, commands):
    _epochs(job, emit)
    os._exit(3)


def kill_itself(job, emit, commands):
    _epochs(job, emit)
    os.kill(os.getpid(), int(job.slots[0].config["signal"]))
    threading.Event().wait()


def lose_its_mind(job, emit, commands):
    _epochs(job, emit)
    emit(SimpleNamespace(model_dump_json=lambda: '{"kind": "epoch", "trial": "many"}'))
    threading.Event().wait()


def tell_threads(job, emit, commands):
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    assert [os.environ[name] for name in names] == ["1", "1", "1"]
    steady(job, emit, commands)


def tell_process(job, emit, commands):
    """The value of the trial is the worker's process id."""
    emit(trial_end(job, job.slots[0]).model_copy(update={"value": float(os.getpid())}))
    emit(JobEndEvent(job_id=job.job_id, outcome="done"))


def run(job, emit, commands):
    globals()[job.family](job, emit, commands)


def train_in_little_memory(job, emit, commands):
    """Real training in a process that may grow by 100 MiB."""
    from service.executors.worker import run_job

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (100 << 20), resource.RLIM_INFINITY))
    run_job(job, emit, commands)
