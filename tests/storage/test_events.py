import pytest

from service.domain.records import Event
from service.domain.states import Intent, StudyState, TrialState
from service.errors import Stale
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository
from service.storage.events import EventRepository
from service.storage.studies import StudyRepository
from tests.storage.driving import DrivenStudy, create_study, make_report
from tests.storage.racing import race


def events(database: Database, study_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
    with database.read() as session:
        return EventRepository(session).after(study_id, after, limit)


def test_every_change_is_an_event_with_what_changed(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1]])
    driven.report(0, [1])
    driven.finish(0, TrialState.COMPLETE, 0.5)
    driven.finish(1, TrialState.COMPLETE, 0.6)
    with driven.database.transaction() as session:
        AnalysisRepository(session).put(driven.id, driven.fence, "importance", 0, {})
        StudyRepository(session).set_intent(driven.id, Intent.STOP)
    driven.move(StudyState.STOPPED)
    log = events(driven.database, driven.id)
    assert [event.sequence for event in log] == list(range(1, len(log) + 1))
    assert [(event.kind, event.data) for event in log] == [
        ("study", {"state": "QUEUED", "intent": "RUN"}),
        ("study", {"state": "RUNNING", "intent": "RUN"}),
        ("trials", {"cohort": 0, "trials": [0, 1], "state": "QUEUED"}),
        ("trials", {"cohort": 0, "trials": [0, 1], "state": "RUNNING"}),
        ("epochs", {"epochs": [[0, 1, 0.5, 1.0]]}),
        (
            "trials",
            {"cohort": 0, "trials": [0], "state": "COMPLETE", "value": 0.5, "best": True},
        ),
        (
            "trials",
            {"cohort": 0, "trials": [1], "state": "COMPLETE", "value": 0.6, "best": False},
        ),
        ("analysis", {"kind": "importance", "cohort": 0}),
        ("study", {"state": "RUNNING", "intent": "STOP"}),
        ("study", {"state": "STOPPED", "intent": "STOP"}),
    ]
    assert driven.study().event == len(log)


def test_numbers_have_no_gap_however_many_write_at_once(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [list(range(8))])
    for other in ("other", "another"):
        create_study(driven.database, other)

    def write(index: int) -> None:
        for epoch in (1, 2, 3):
            with driven.trials() as trials:
                report = make_report(epoch)
                trials.append_epochs(driven.id, driven.fence, [(index, 1, report)])
            if epoch == 2 and index % 2:
                # A transaction that is given up takes its number with it.
                with pytest.raises(ZeroDivisionError), driven.trials() as trials:
                    trials.append_epochs(driven.id, driven.fence, [(index, 1, make_report(3))])
                    _ = 1 / 0

    race(8, write)
    log = events(driven.database, driven.id)
    assert [event.sequence for event in log] == list(range(1, driven.study().event + 1))
    assert sum(event.kind == "epochs" for event in log) == 24
    assert [event.sequence for event in events(driven.database, "other")] == [1]


def test_a_stream_goes_on_where_it_was(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    assert [event.sequence for event in events(driven.database, driven.id, 1, 2)] == [2, 3]
    with driven.database.read() as session:
        assert EventRepository(session).newest(driven.id) == 4
        assert EventRepository(session).newest("none") is None
        assert EventRepository(session).after("none", 0) == []


def test_an_event_of_its_own_is_numbered_with_the_rest(driven: DrivenStudy) -> None:
    with driven.database.transaction() as session:
        repository = EventRepository(session)
        assert repository.append(driven.id, driven.fence, "analysis", {"a": 1}) == 3
        with pytest.raises(Stale):
            repository.append(driven.id, driven.fence + 1, "analysis", {})
    assert events(driven.database, driven.id, 2)[0].data == {"a": 1}
