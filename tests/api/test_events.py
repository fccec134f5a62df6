"""The live stream: every event once, in order, resumable, with a heartbeat and an end."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from service.client.stream import Message, read_messages
from service.domain.states import StudyState
from service.storage.studies import StudyRepository
from tests.api.house import House, Seed
from tests.dashboards.synthetic import make_study

DEADLINE_SECONDS = 20.0


@contextmanager
def watching(http: httpx.Client, study_id: str, **options: Any) -> Iterator[Iterator[str]]:
    path = f"/v1/studies/{study_id}/events"
    with http.stream("GET", path, timeout=DEADLINE_SECONDS, **options) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.iter_lines()


def take(lines: Iterator[str], count: int) -> list[Message]:
    found: list[Message] = []
    for message in read_messages(lines):
        found.append(message)
        if len(found) == count:
            break
    return found


def ids(messages: list[Message]) -> list[int]:
    return [int(message.id) for message in messages if message.id is not None]


def test_a_finished_study_is_told_from_the_start_and_ended(http: httpx.Client, seed: Seed) -> None:
    study = http.get(f"/v1/studies/{seed(count=12).study_id}").json()

    with watching(http, study["id"]) as lines:
        messages = list(read_messages(lines))

    assert ids(messages[:-1]) == list(range(1, study["event"] + 1))
    assert messages[-1] == Message("end", '{"state":"COMPLETE"}', None)
    kinds = {message.event for message in messages[:-1]}
    assert {"study", "trials", "epochs"} <= kinds
    for message in messages[:-1]:
        body = json.loads(message.data)
        assert body["kind"] == message.event
        assert str(body["sequence"]) == message.id


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_stream_is_taken_up_where_it_broke_off(http: httpx.Client, seed: Seed, how: str) -> None:
    study = http.get(f"/v1/studies/{seed(count=12).study_id}").json()
    options: dict[str, Any] = {"params": {"after": 5}}
    if how == "header":
        options = {"headers": {"Last-Event-ID": "5"}, "params": {"after": 1}}

    with watching(http, study["id"], **options) as lines:
        messages = list(read_messages(lines))

    assert ids(messages) == list(range(6, study["event"] + 1))


def test_what_happens_is_told_as_it_happens(http: httpx.Client, seed: Seed, house: House) -> None:
    seeded = seed(count=0, running=1, planned=1)
    newest = http.get(f"/v1/studies/{seeded.study_id}").json()["event"]
    with watching(http, seeded.study_id, params={"after": newest}) as lines:
        with house.database.transaction() as session:
            StudyRepository(session).add_warnings(seeded.study_id, seeded.fence, [_notice()])
        assert ids(take(lines, 1)) == [newest + 1]
        seeded.transition(StudyState.STOPPED)
        rest = list(read_messages(lines))
    assert ids(rest) == [newest + 2]
    assert rest[-1] == Message("end", '{"state":"STOPPED"}', None)


def test_silence_is_broken_by_heartbeats(http: httpx.Client, seed: Seed) -> None:
    study = http.get(f"/v1/studies/{seed(count=0, running=1).study_id}").json()
    with watching(http, study["id"], params={"after": study["event"]}) as lines:
        assert next(line for line in lines if line.startswith(":")) == ": heartbeat"


def test_a_deleted_study_ends_its_streams(http: httpx.Client, seed: Seed) -> None:
    seeded = seed(count=0, running=1)
    study = http.get(f"/v1/studies/{seeded.study_id}").json()
    with watching(http, study["id"], params={"after": study["event"]}) as lines:
        next(line for line in lines if line.startswith(":"))
        seeded.transition(StudyState.STOPPED)
        http.delete(f"/v1/studies/{study['id']}")
        assert list(read_messages(lines))[-1].event == "end"


def test_a_position_beyond_the_log_waits_for_what_comes(http: httpx.Client, seed: Seed) -> None:
    seeded = seed(count=0, running=1)
    newest = http.get(f"/v1/studies/{seeded.study_id}").json()["event"]
    with watching(http, seeded.study_id, params={"after": newest + 1000}) as lines:
        seeded.transition(StudyState.STOPPED)
        assert ids(take(lines, 1)) == [newest + 1]


@pytest.mark.parametrize("value", ["-1", "x", "9" * 30, "1.5"])
def test_a_position_that_is_no_id_is_refused(http: httpx.Client, seed: Seed, value: str) -> None:
    path = f"/v1/studies/{seed(count=1).study_id}/events"
    assert http.get(path, headers={"Last-Event-ID": value}).status_code == 400
    assert http.get(path, params={"after": value}).status_code == 400


def test_many_watchers_miss_nothing_while_the_study_runs(house: House, seed: Seed) -> None:
    data = make_study(count=40)
    seeded = seed(count=0, running=1, planned=41)
    found: dict[int, list[int]] = {}

    def watch(number: int) -> None:
        with httpx.Client(base_url=house.url, trust_env=False) as client:
            params = {"after": number % 3}
            with watching(client, seeded.study_id, params=params) as lines:
                found[number] = ids(list(read_messages(lines)))

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for start in range(0, 40, 8):
        chunk = [
            trial.model_copy(update={"number": trial.number + 1})
            for trial in data.trials[start : start + 8]
        ]
        seeded.add_trials(chunk, {trial.number: data.reports[trial.number - 1] for trial in chunk})
    seeded.transition(StudyState.STOPPED)
    for thread in threads:
        thread.join(DEADLINE_SECONDS)

    with httpx.Client(base_url=house.url, trust_env=False) as client:
        newest = client.get(f"/v1/studies/{seeded.study_id}").json()["event"]
    assert len(found) == 30
    for number, sequences in found.items():
        assert sequences == list(range(number % 3 + 1, newest + 1))


def _notice() -> Any:
    return make_study(count=1).study.warnings[0].model_copy(update={"code": "said-later"})
