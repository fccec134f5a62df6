"""What is swept of an array's files, and what is left to those who are writing."""

import os
from pathlib import Path

import pytest
import torch

from service.artifacts import FilesystemArtifacts
from service.executors.job_files import remove_temporaries, state_path, trial_folder
from trainers.checkpoints import write_tensors


def write_state(job):
    path = Path(job.artifact_root, state_path(job, 3))
    write_tensors(path, {"weights": torch.zeros(3)}, {})
    return path


def write_artifact(job):
    name = f"{trial_folder(job.study_id, 0)}/checkpoint.safetensors"
    artifacts = FilesystemArtifacts(Path(job.artifact_root))
    artifacts.put_bytes(name, b"weights")
    return artifacts.path(name)


@pytest.fixture(params=[write_state, write_artifact])
def write(request):
    """Writes one of the two kinds of files that a worker leaves."""
    return request.param


def test_a_file_that_is_being_written_survives_the_burial_of_another_worker(
    write, make_job, monkeypatch
):
    job, fsync = make_job("steady"), os.fsync

    def sweep_first(descriptor):
        remove_temporaries(job)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sweep_first)
    assert write(job).exists()


def test_what_a_dead_process_was_writing_is_removed(write, make_job, monkeypatch, dead_process):
    job = make_job("steady")
    monkeypatch.setattr(os, "getpid", lambda: dead_process)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed here")))
    with monkeypatch.context() as inner:
        inner.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(OSError, match="killed here"):
            write(job)
    left = [path for path in Path(job.artifact_root).rglob("*") if path.is_file()]
    assert len(left) == 1
    remove_temporaries(job)
    assert not left[0].exists()


def test_only_temporary_files_are_removed(make_job, dead_process):
    job = make_job("steady")
    folder = Path(job.artifact_root, job.state_path)
    folder.mkdir(parents=True)
    kept = ["state-3.safetensors", ".nfs000001", f"notes.{dead_process}.tmp", ".x.0.tmp"]
    for name in kept:
        (folder / name).touch()
    remove_temporaries(job)
    assert sorted(path.name for path in folder.iterdir()) == sorted(kept)
