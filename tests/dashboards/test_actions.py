"""What a person can do to a study, by its state."""

import pytest
from fastapi.testclient import TestClient

from dashboards.actions import may_extend, study_actions
from service.domain.states import Intent, StudyState
from service.storage.database import Database
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study
from tests.dashboards.test_routes import own as own

STUDY = make_study(count=4, planned=4, study_id="acts1").study


@pytest.mark.parametrize(
    ("state", "intent", "names"),
    [
        (StudyState.QUEUED, Intent.RUN, ["pause", "stop"]),
        (StudyState.RUNNING, Intent.RUN, ["pause", "stop"]),
        (StudyState.RUNNING, Intent.PAUSE, ["resume", "stop"]),
        (StudyState.RUNNING, Intent.STOP, []),
        (StudyState.PAUSED, Intent.PAUSE, ["resume", "stop"]),
        (StudyState.PAUSED, Intent.RUN, ["stop"]),
        (StudyState.SELECTING, Intent.RUN, ["stop"]),
        (StudyState.COMPLETE, Intent.RUN, ["delete"]),
        (StudyState.STOPPED, Intent.STOP, ["delete"]),
        (StudyState.FAILED, Intent.RUN, ["delete"]),
    ],
)
def test_the_buttons_are_what_the_state_allows(
    state: StudyState, intent: Intent, names: list[str]
) -> None:
    study = STUDY.model_copy(update={"state": state, "intent": intent})
    assert [action.name for action in study_actions(study, held_up=False)] == names
    part = study.model_copy(update={"parent": "another"})
    assert study_actions(part, held_up=False) == [], "a part follows its study"


def test_a_study_whose_repetition_is_held_up_can_be_resumed() -> None:
    study = STUDY.model_copy(update={"state": StudyState.SELECTING, "intent": Intent.RUN})
    assert [each.name for each in study_actions(study, held_up=True)] == ["resume", "stop"]


def test_what_cannot_be_undone_asks_first_and_says_what_is_lost() -> None:
    over = STUDY.model_copy(update={"state": StudyState.COMPLETE})
    [delete] = study_actions(over, held_up=False)
    assert delete.method == "DELETE" and delete.then == "/" and delete.danger
    assert "4 trials" in delete.question and "export it first" in delete.question
    running = STUDY.model_copy(update={"state": StudyState.RUNNING, "intent": Intent.RUN})
    pause, stop = study_actions(running, held_up=False)
    assert not pause.question and "cannot be resumed" in stop.question


def test_only_a_complete_study_that_is_no_grid_can_go_on() -> None:
    over = STUDY.model_copy(update={"state": StudyState.COMPLETE})
    assert may_extend(over)
    assert not may_extend(over.model_copy(update={"parent": "another"}))
    assert not may_extend(over.model_copy(update={"state": StudyState.STOPPED}))
    space = {"activation": {"type": "categorical", "choices": ["relu", "gelu"]}}
    grid = make_study(
        count=2, planned=2, spec=make_spec("grid", 2, space=space, sampler={"type": "grid"})
    )
    assert not may_extend(grid.study.model_copy(update={"state": StudyState.COMPLETE}))


def test_the_page_offers_them(own: TestClient, sqlite_database: Database) -> None:
    seed_study(sqlite_database, make_study(count=4, planned=4, study_id="acts1"))
    text = own.get("/studies/acts1").text
    assert 'data-action="/v1/studies/acts1" data-method="DELETE"' in text
    assert 'data-post="/v1/studies/acts1:extend"' in text
    assert own.delete("/v1/studies/acts1").status_code == 204
    assert own.get("/studies/acts1").status_code == 404
