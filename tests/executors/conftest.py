import itertools
import subprocess
from time import monotonic

import numpy as np
import psutil
import pytest
import torch
from executor_runners import PATH

from service.executors.base import ArrayJob, JobEndEvent, SlotJob, TrainingPlan
from service.executors.local import LocalExecutor
from trainers.data.sources import Npz, Split
from trainers.data.store import ingest

JOB_NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def floats_as_before():
    """A worker's settings, made in this process by in-process jobs, end with the test."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def make_job(tmp_path):
    """Builds an ArrayJob for a runner of `executor_runners`."""

    def make(family, *, trials=(0,), until_epoch=3, study_id="s1", config=None):
        return ArrayJob(
            job_id=f"job-{next(JOB_NUMBERS)}",
            study_id=study_id,
            cohort=0,
            array=0,
            fence=1,
            family=family,
            data_folder=str(tmp_path / "data"),
            artifact_root=str(tmp_path / "artifacts"),
            slots=[
                SlotJob(trial=trial, attempt=1, seed=trial, config=config or {}) for trial in trials
            ],
            plan=TrainingPlan(
                epochs=until_epoch,
                first_eligible_epoch=1,
                early_stopping=None,
                metric="mse",
                direction="minimize",
            ),
            until_epoch=until_epoch,
            resume_from=None,
            state_path=f"studies/{study_id}/arrays/0-0",
        )

    return make


@pytest.fixture
def executor():
    """Two slots over the runners of `executor_runners`; leaves no process behind."""
    executor = LocalExecutor(2, runner=PATH)
    yield executor
    executor.close()
    assert_no_children()


class Events(list):
    """Events gathered from an executor, with the questions that tests ask of them."""

    def of(self, job):
        return [event for event in self if event.job_id == job.job_id]

    def kinds(self, job):
        return [event.kind for event in self.of(job)]

    def end(self, job):
        ends = [event for event in self.of(job) if isinstance(event, JobEndEvent)]
        return ends[0] if ends else None


@pytest.fixture
def gather():
    """Polls an executor until a condition on all events so far holds, or fails."""

    def gather(executor, condition, events=None, seconds=20.0):
        events = Events() if events is None else events
        deadline = monotonic() + seconds
        while not condition(events):
            assert monotonic() < deadline, f"not in {seconds} s; events: {events[-5:]}"
            events += executor.poll(0.05)
        return events

    return gather


def workers():
    """Worker processes of this process: children of its nurseries."""
    return [worker for nursery in psutil.Process().children() for worker in _children_of(nursery)]


def _children_of(process):
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def assert_no_children():
    assert psutil.Process().children(recursive=True) == []


@pytest.fixture
def dead_process():
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture(scope="session")
def stored_data(tmp_path_factory):
    """The folder of a small stored data set: 400 samples of 16 numbers around a curved sheet."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(7)
    sheet = random.normal(size=(400, 3))
    samples = np.tanh(sheet @ random.normal(size=(3, 16))) + 0.05 * random.normal(size=(400, 16))
    np.save(folder / "sheet.npy", samples.astype(np.float32))
    stored = ingest(
        Npz(str(folder / "sheet.npy")), Split(), "unit", [folder], folder / "store", [4]
    )
    return folder / "store" / stored.folder
