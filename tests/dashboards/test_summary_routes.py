"""What a study says, over HTTP and on its page."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.summary_desk import SOON_SECONDS, SummaryDesk
from service.domain.states import StudyState
from service.domain.studies import Study
from service.domain.study_summary import StudySummary
from service.storage.database import Database
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study
from tests.dashboards.test_routes import serve


@pytest.fixture
def client(sqlite_database: Database, tmp_path: Path) -> Iterator[TestClient]:
    url = sqlite_database.url.render_as_string(hide_password=False)
    with serve(url, tmp_path) as client:
        yield client


def test_the_answer_is_of_the_newest_event_and_is_not_sent_twice(
    client: TestClient, sqlite_database: Database
) -> None:
    made = make_study(count=12, planned=13)
    seeded = seed_study(sqlite_database, made)
    path = f"/v1/studies/{made.study.id}/summary"
    first = client.get(path)
    found = StudySummary.model_validate_json(first.content)
    assert found.event == client.get(f"/v1/studies/{made.study.id}").json()["event"]
    assert found.sentences[0].numbers["done"] == 12
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    seeded.transition(StudyState.SELECTING)
    later = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert later.status_code == 200
    assert "The search is over after 12 trials" in later.json()["sentences"][0]["text"]


def test_a_study_that_is_not_there_has_no_summary(client: TestClient) -> None:
    assert client.get("/v1/studies/nothere/summary").status_code == 404


def test_the_reason_of_most_failures_comes_from_the_records(
    client: TestClient, sqlite_database: Database
) -> None:
    made = make_study(count=60, planned=80)
    seed_study(sqlite_database, made)
    failed = sum(trial.state == "FAILED" for trial in made.trials)
    assert failed
    answer = client.get(f"/v1/studies/{made.study.id}/summary").json()
    text = next(each["text"] for each in answer["sentences"] if each["topic"] == "failures")
    assert text.startswith(f"{failed} of 60 trials failed (crash)")


def test_every_link_on_the_page_leads_somewhere(
    client: TestClient, sqlite_database: Database
) -> None:
    made = make_study(count=40, spec=make_spec(trials=40))
    seed_study(sqlite_database, made)
    address = f"/studies/{made.study.id}"
    client.get(f"/v1{address}/summary")  # a page would not wait for a slow machine
    page = client.get(address).text
    short = page[page.index('id="summary"') : page.index('class="tiles"')]
    anchors = re.findall(r'class="see" href="([^"]+)"', short)
    assert len(anchors) >= 5 and "Next:" in short
    assert page.index('id="summary"') < page.index('class="tiles"')
    for anchor in anchors:
        query, _, place = anchor.partition("#")
        shown = client.get(address + query).text if query else page
        assert f'id="{place}"' in shown, anchor


def test_names_of_users_are_escaped(client: TestClient, sqlite_database: Database) -> None:
    markup = "<img src=x onerror=alert(1)>"
    made = make_study(count=24, planned=30)
    shares = {markup: 0.7, "dropout": 0.3}
    data = {"values": shares, "chance": dict.fromkeys(shares, 0.4), "trials": 24, "note": ""}
    made.analyses = [made.analyses[0].model_copy(update={"data": data})]
    seed_study(sqlite_database, made)
    client.get(f"/v1/studies/{made.study.id}/summary")
    page = client.get(f"/studies/{made.study.id}").text
    assert "&lt;img src=x onerror=alert(1)&gt; matters most (70 %)" in page
    assert markup not in page


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def summary_at(study: Study) -> StudySummary:
    return StudySummary(
        study_id=study.id, event=study.event, state=study.state.value, sentences=[], next=None
    )


def test_a_running_study_is_not_summed_up_at_every_event() -> None:
    clock = Clock()
    desk = SummaryDesk(clock)
    study = make_study(count=3, planned=9).study
    computed = []

    def compute(at: Study) -> StudySummary:
        computed.append(at.event)
        clock.now += 1.0
        return summary_at(at)

    def ask(**changes: object) -> int:
        asked = study.model_copy(update=changes)
        return desk.get(asked, lambda: compute(asked)).event

    assert ask() == 3
    assert ask(event=4) == 3, "it took a second: it holds for nineteen"
    clock.now += 20
    assert ask(event=5) == 5
    assert ask(event=6, state=StudyState.COMPLETE) == 6, "an end is never late"
    assert computed == [3, 5, 6]


def test_a_page_does_not_wait_for_long_and_shows_the_one_before() -> None:
    desk = SummaryDesk(Clock())
    study = make_study(count=3, planned=9).study.model_copy(update={"state": StudyState.PAUSED})
    later = study.model_copy(update={"event": 4})
    go = threading.Event()

    def slow() -> StudySummary:
        assert go.wait(20)
        return summary_at(later)

    assert desk.look(study, lambda: summary_at(study), 20) == (summary_at(study), None)
    assert desk.look(later, slow, 0.01) == (summary_at(study), SOON_SECONDS)
    go.set()
    assert desk.get(later, slow).event == 4
    assert desk.look(later, slow, 0.01) == (summary_at(later), None)


def test_a_page_looks_again_when_a_summary_is_no_longer_held() -> None:
    clock = Clock()
    desk = SummaryDesk(clock)
    study = make_study(count=3, running=1, planned=9).study

    def compute() -> StudySummary:
        clock.now += 1
        return summary_at(study)

    desk.get(study, compute)
    later = study.model_copy(update={"event": study.event + 1})
    clock.now += 4
    assert desk.look(later, compute) == (summary_at(study), 15)
    clock.now += 14.9
    assert desk.look(later, compute).again_seconds == SOON_SECONDS


def test_what_went_wrong_reaches_whoever_waits() -> None:
    desk = SummaryDesk()
    study = make_study(count=3).study

    def broken() -> StudySummary:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        desk.get(study, broken)
    assert desk.get(study, lambda: summary_at(study)).event == 3
