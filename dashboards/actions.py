"""What a person can do to a study now, and what is asked before it is done."""

from typing import NamedTuple

from service.domain.records import Study
from service.domain.states import TERMINAL_STUDY_STATES, Intent, StudyState
from service.domain.strategies import GridSampler

STOP_QUESTION = (
    "Stop this study for good? Trials in training end with their best so far; "
    "a stopped study cannot be resumed."
)


class Action(NamedTuple):
    """A button of the study's page."""

    name: str
    label: str
    address: str
    method: str = "POST"
    question: str = ""
    """To be confirmed first; empty: no need."""
    keep: str = "Keep it running"
    """How the answer that changes nothing is called."""
    then: str = ""
    """The page to go to afterwards; empty: stay."""
    danger: bool = False


def study_actions(study: Study, *, held_up: bool) -> list[Action]:
    """In the order of their buttons; `held_up`: a repetition of its best configs is paused.

    A part of a study has none: what is done to the study is done to its parts.
    """
    if study.parent is not None:
        return []
    if study.state in TERMINAL_STUDY_STATES:
        return [_delete(study)]
    if study.intent is Intent.STOP:
        return []
    pause, resume, stop = (
        Action(verb, label, f"/v1/studies/{study.id}:{verb}")
        for verb, label in (("pause", "Pause"), ("resume", "Resume"), ("stop", "Stop"))
    )
    stop = stop._replace(question=STOP_QUESTION, danger=True)
    if study.state is StudyState.SELECTING:
        return [resume, stop] if held_up else [stop]
    if study.intent is Intent.PAUSE:
        return [resume, stop]
    if study.state is StudyState.PAUSED:
        return [stop]
    return [pause, stop]


def _delete(study: Study) -> Action:
    trials = study.progress.trials
    return Action(
        "delete",
        "Delete",
        f"/v1/studies/{study.id}",
        method="DELETE",
        question=f"Delete {study.name} with its {trials:,} trials, checkpoints and figures? This "
        "cannot be undone; export it first to keep the records.",
        keep="Keep it",
        then="/",
        danger=True,
    )


def may_extend(study: Study) -> bool:
    """Whether `:extend` would be taken: the study is COMPLETE, whole, and no grid."""
    return (
        study.state is StudyState.COMPLETE
        and study.parent is None
        and not isinstance(study.resolved.sampler, GridSampler)
    )
