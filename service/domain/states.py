"""The states of studies and trials, and which may follow which."""

from enum import StrEnum


class StudyState(StrEnum):
    """Where a study stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SELECTING = "SELECTING"
    COMPLETE = "COMPLETE"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class TrialState(StrEnum):
    """Where a trial stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    DIVERGED = "DIVERGED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class Intent(StrEnum):
    """What a person asked of a study; the conductor obeys at its next tick."""

    RUN = "RUN"
    PAUSE = "PAUSE"
    STOP = "STOP"


TERMINAL_STUDY_STATES = frozenset({StudyState.COMPLETE, StudyState.STOPPED, StudyState.FAILED})
TERMINAL_TRIAL_STATES = frozenset(
    {
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.DIVERGED,
        TrialState.STOPPED,
        TrialState.FAILED,
    }
)

STUDY_TRANSITIONS: dict[StudyState, frozenset[StudyState]] = {
    StudyState.QUEUED: frozenset(
        {StudyState.RUNNING, StudyState.PAUSED, StudyState.STOPPED, StudyState.FAILED}
    ),
    StudyState.RUNNING: frozenset(
        {StudyState.PAUSED, StudyState.SELECTING, StudyState.STOPPED, StudyState.FAILED}
    ),
    StudyState.PAUSED: frozenset(
        {StudyState.QUEUED, StudyState.RUNNING, StudyState.STOPPED, StudyState.FAILED}
    ),
    StudyState.SELECTING: frozenset({StudyState.COMPLETE, StudyState.STOPPED, StudyState.FAILED}),
    # Terminal for its revision: only storage.revisions.extend begins another one, as QUEUED.
    StudyState.COMPLETE: frozenset(),
    StudyState.STOPPED: frozenset(),
    StudyState.FAILED: frozenset(),
}

TRIAL_TRANSITIONS: dict[TrialState, frozenset[TrialState]] = {
    # QUEUED -> PRUNED: a trial waits at a rung for its verdict, and nothing of it runs.
    TrialState.QUEUED: frozenset(
        {TrialState.RUNNING, TrialState.PRUNED, TrialState.STOPPED, TrialState.FAILED}
    ),
    # RUNNING -> QUEUED: its array is at a rung, or was interrupted and waits for a new attempt.
    TrialState.RUNNING: TERMINAL_TRIAL_STATES | {TrialState.QUEUED},
    **{state: frozenset() for state in TERMINAL_TRIAL_STATES},
}
