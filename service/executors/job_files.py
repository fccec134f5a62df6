"""Where a job's files lie below the artifact root, and which of them may go."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.executors.base import ArrayJob

STATE: Final = re.compile(r"state-(\d+)\.safetensors")
TEMPORARY: Final = re.compile(r"\..+\.([1-9]\d{0,8})(?:-[0-9a-f]+)?\.tmp")
"""Half of an atomic write, and the process that writes it: service.artifacts and
trainers.checkpoints name their temporary files so."""
KEPT_STATES: Final = 2
"""Older states that stay beside the newest: the engine may not have recorded the newest yet."""


def trial_folder(study_id: str, trial: int) -> str:
    """The folder of a trial's artifacts, below the artifact root."""
    return f"studies/{study_id}/trials/{trial}"


def state_path(job: ArrayJob, epoch: int) -> str:
    """The saved state of an array after an epoch, below the artifact root."""
    return f"{job.state_path}/state-{epoch}.safetensors"


def state_epoch(path: str) -> int:
    """The epoch of a saved state, from its name."""
    match = STATE.fullmatch(path.rpartition("/")[2])
    if match is None:
        raise ValueError(f"{path} is not the path of a saved state")
    return int(match[1])


def saved_epochs(job: ArrayJob) -> list[int]:
    """Epochs of the array's states on disk, ascending."""
    folder = Path(job.artifact_root, job.state_path)
    if not folder.is_dir():
        return []
    matches = (STATE.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def remove_old_states(job: ArrayJob, epoch: int) -> None:
    """Once the state of an epoch is durable: remove older ones that no engine can ask for.

    Kept are KEPT_STATES before it and the one this job began from.
    """
    older = [each for each in saved_epochs(job) if each < epoch]
    for each in older[:-KEPT_STATES]:
        path = state_path(job, each)
        if path != job.resume_from:
            Path(job.artifact_root, path).unlink(missing_ok=True)


def remove_states(artifact_root: Path, state_folder: str) -> None:
    """Remove all states of an array; for the engine, when the array is DONE on record."""
    folder = artifact_root / state_folder
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


def remove_temporaries(job: ArrayJob) -> None:
    """Remove what workers that were killed in the middle of a write have left.

    What a living process is writing stays: these folders pass from a forgotten job to the next
    one of the same trials before the death of the first is noticed.
    """
    for folder in _folders(job):
        if folder.is_dir():
            for path in folder.iterdir():
                writer = TEMPORARY.fullmatch(path.name)
                if writer is not None and not _is_running(int(writer[1])):
                    path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Whether there is such a process, perhaps a stranger's: then its file waits a little."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _folders(job: ArrayJob) -> Iterator[Path]:
    root = Path(job.artifact_root)
    yield root / job.state_path
    for slot in job.slots:
        yield root / trial_folder(job.study_id, slot.trial)
