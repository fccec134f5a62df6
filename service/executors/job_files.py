"""Where a job's files lie below the artifact root, and which of them may go."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.executors.base import ArrayJob

STATE: Final = re.compile(r"state-(\d+)\.safetensors")
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
    """Remove what a worker that was killed in the middle of a write has left."""
    for folder in _folders(job):
        if folder.is_dir():
            for path in folder.iterdir():
                if is_temporary(path):
                    path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Whether a file is half of an atomic write."""
    return path.name.startswith(".") or path.suffix in {".tmp", ".part"}


def _folders(job: ArrayJob) -> Iterator[Path]:
    root = Path(job.artifact_root)
    yield root / job.state_path
    for slot in job.slots:
        yield root / trial_folder(job.study_id, slot.trial)
