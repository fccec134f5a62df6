"""One live stream over many studies: each study's events once and in order, resumable anywhere."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.many_feeds import MAX_STUDIES
from service.client.stream import Message, read_messages
from service.domain.spec import ExtensionSpec
from service.domain.states import StudyState
from service.storage.revisions import RevisionRepository
from tests.api.house import House, Seed
from tests.dashboards.synthetic import make_study

DEADLINE_SECONDS = 40.0
MOST_HEARTBEATS = 25
KINDS = {"study", "trials", "epochs", "analysis"}


@contextmanager
def watching(
    http: httpx.Client, places: Mapping[str, int], lists: bool = False, seen: str | None = None
) -> Iterator[Iterator[Message]]:
    params: dict[str, Any] = {"study": [f"{name}@{after}" for name, after in places.items()]}
    if lists:
        params["list"] = "yes"
    headers = {} if seen is None else {"Last-Event-ID": seen}
    with http.stream(
        "GET", "/v1/events", params=params, headers=headers, timeout=DEADLINE_SECONDS
    ) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield read_messages(_patiently(response.iter_lines()))


def _patiently(lines: Iterator[str]) -> Iterator[str]:
    """The lines; heartbeats alone for long are no stream that we wait for."""
    silent = 0
    for line in lines:
        silent = silent + 1 if line.startswith(":") else 0 if line else silent
        assert silent < MOST_HEARTBEATS, "nothing but heartbeats"
        yield line


def newest(http: httpx.Client, study_id: str) -> int:
    return int(http.get(f"/v1/studies/{study_id}").json()["event"])


def sequences(messages: list[Message], study_id: str) -> list[int]:
    bodies = [json.loads(message.data) for message in messages if message.event in KINDS]
    return [body["sequence"] for body in bodies if body["study"] == study_id]


def ends(messages: list[Message]) -> dict[str, str]:
    bodies = [json.loads(message.data) for message in messages if message.event == "end"]
    assert len({body["study"] for body in bodies}) == len(bodies)
    return {body["study"]: body["state"] for body in bodies}


def places(identifier: str) -> dict[str, int]:
    pairs = (entry.split("@") for entry in identifier.split(","))
    return {study_id: int(at) for study_id, at in pairs}


def test_studies_that_are_over_are_told_from_their_places_and_ended(
    http: httpx.Client, seed: Seed
) -> None:
    one, other = seed(count=12).study_id, seed(count=30).study_id
    with watching(http, {one: 0, other: 7}) as messages:
        found = list(messages)

    assert sequences(found, one) == list(range(1, newest(http, one) + 1))
    assert sequences(found, other) == list(range(8, newest(http, other) + 1))
    assert ends(found) == {one: "COMPLETE", other: "COMPLETE"}
    for message in found:
        body = json.loads(message.data)
        assert body.get("kind", message.event) == message.event
    identifiers = [message.id for message in found if message.id is not None]
    assert found[-1].id == identifiers[-1]
    assert places(identifiers[-1]) == {one: newest(http, one), other: newest(http, other)}


def test_an_event_says_what_it_says_in_the_stream_of_its_study(
    http: httpx.Client, seed: Seed
) -> None:
    study_id = seed(count=6).study_id
    with http.stream("GET", f"/v1/studies/{study_id}/events") as response:
        alone = [json.loads(m.data) for m in read_messages(response.iter_lines())]
    with watching(http, {study_id: 0}) as messages:
        together = [json.loads(message.data) for message in messages]
    assert together[:-1] == [{"study": study_id} | body for body in alone[:-1]]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """The running house has its routes in this process."""
    monkeypatch.setattr("service.api.feeds.BATCH", 5)
    monkeypatch.setattr("service.api.many_feeds.BATCH", 5)
    return 5


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cut=st.floats(0, 1))
def test_a_stream_that_is_cut_anywhere_goes_on_without_a_gap(
    http: httpx.Client, pair: tuple[str, str], small_batches: int, cut: float
) -> None:
    asked = [("study", f"{study_id}@0") for study_id in pair]
    whole = http.get("/v1/events", params=httpx.QueryParams(asked)).content
    torn = whole[: int(len(whole) * cut)].decode()
    before = list(read_messages(line for line in torn.split("\n")[:-1]))
    seen = next((message.id for message in reversed(before) if message.id), None)
    with watching(http, dict.fromkeys(pair, 0), seen=seen) as messages:
        after = list(messages)

    reached = places(seen) if seen else dict.fromkeys(pair, 0)
    assert len(before) - _place_of(before, seen) <= 2 * small_batches + 2
    for study_id in pair:
        last = newest(http, study_id)
        told, again = sequences(before, study_id), sequences(after, study_id)
        assert told == list(range(1, len(told) + 1))
        assert again == list(range(reached[study_id] + 1, last + 1))
        assert reached[study_id] <= len(told)
    assert ends(after) == dict.fromkeys(pair, "COMPLETE")


def _place_of(messages: list[Message], identifier: str | None) -> int:
    """How many messages came until an id."""
    numbers = [n for n, message in enumerate(messages, 1) if message.id == identifier is not None]
    return numbers[-1] if numbers else 0


@pytest.fixture
def pair(seed: Seed) -> tuple[str, str]:
    return seed(count=12).study_id, seed(count=2).study_id


def test_a_long_log_does_not_hold_up_a_short_one(
    http: httpx.Client, pair: tuple[str, str], small_batches: int
) -> None:
    long, short = pair
    with watching(http, {long: 0, short: 0}) as messages:
        found = list(messages)
    turns = [json.loads(message.data)["study"] for message in found]
    for start in range(0, newest(http, short), small_batches):
        assert turns.index(short, turns.index(short) + start) <= 2 * (start + small_batches)
    assert max(len(list(run)) for _, run in groupby(turns[: turns.index(short) + 1])) <= 5


def test_one_study_ends_and_the_other_goes_on(http: httpx.Client, seed: Seed) -> None:
    one, other = seed(count=0, running=1), seed(count=0, running=1)
    begin = {one.study_id: newest(http, one.study_id), other.study_id: newest(http, other.study_id)}
    with watching(http, begin) as messages:
        one.transition(StudyState.STOPPED)
        first = [next(messages), next(messages)]
        other.transition(StudyState.STOPPED)
        rest = list(messages)
    assert sequences(first, one.study_id) == [begin[one.study_id] + 1]
    assert ends(first) == {one.study_id: "STOPPED"}
    assert sequences(rest, other.study_id) == [begin[other.study_id] + 1]
    assert ends(rest) == {other.study_id: "STOPPED"}


def test_a_study_that_is_extended_while_watched_goes_on(
    http: httpx.Client, seed: Seed, house: House
) -> None:
    done, other = seed(count=4).study_id, seed(count=0, running=1)
    begin = {done: newest(http, done), other.study_id: newest(http, other.study_id)}
    with watching(http, begin) as messages:
        assert ends([next(messages)]) == {done: "COMPLETE"}
        with house.database.transaction() as session:
            RevisionRepository(session).extend(done, ExtensionSpec(trials=2), [])
        said = json.loads(next(messages).data)
    assert said["study"] == done
    assert said["sequence"] == begin[done] + 1
    assert said["data"]["state"] == "QUEUED"


def test_a_study_that_is_deleted_while_watched_says_so(http: httpx.Client, seed: Seed) -> None:
    done, other = seed(count=1).study_id, seed(count=0, running=1).study_id
    begin = {done: newest(http, done), other: newest(http, other)}
    with watching(http, begin) as messages:
        last = next(messages)
        assert ends([last]) == {done: "COMPLETE"}
        assert http.delete(f"/v1/studies/{done}").is_success
        assert ends([next(messages)]) == {done: "DELETED"}
    # After a reconnect it is no unknown study, but one that is over.
    with watching(http, begin, seen=last.id) as messages:
        assert ends([next(messages)]) == {done: "DELETED"}


def test_the_list_says_when_a_study_comes_or_goes(http: httpx.Client, seed: Seed) -> None:
    with watching(http, {}, lists=True) as messages:
        first = json.loads(next(messages).data)
        made = seed(count=1)
        more = next(messages)
        assert http.delete(f"/v1/studies/{made.study_id}").is_success
        fewer = next(messages)
    assert more.event == fewer.event == "studies"
    told = json.loads(more.data)
    assert (told["count"], told["newest"]) == (first["count"] + 1, made.study_id)
    assert sum(told["states"].values()) == told["count"]
    assert json.loads(fewer.data)["count"] == first["count"]


def test_the_list_says_when_a_study_changes_its_state(http: httpx.Client, seed: Seed) -> None:
    made = seed(count=1, running=1)
    with watching(http, {}, lists=True) as messages:
        first = json.loads(next(messages).data)
        made.transition(StudyState.STOPPED)
        stopped = json.loads(next(messages).data)
    assert (stopped["count"], stopped["newest"]) == (first["count"], first["newest"])
    assert stopped["states"]["STOPPED"] == first["states"].get("STOPPED", 0) + 1


def test_silence_is_broken_by_heartbeats_of_one_stream(http: httpx.Client, seed: Seed) -> None:
    ids = [seed(count=0, running=1).study_id for _ in range(3)]
    asked = [("study", f"{study_id}@{newest(http, study_id)}") for study_id in ids]
    params = httpx.QueryParams(asked)
    with http.stream("GET", "/v1/events", params=params, timeout=5) as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(4)] == [": heartbeat", "", ": heartbeat", ""]


def test_as_many_studies_as_may_be_fit_into_address_and_header(http: httpx.Client) -> None:
    """Of the longest ids, at the highest places; all were deleted meanwhile."""
    ids = [f"{'x' * 60}{number:04}" for number in range(MAX_STUDIES)]
    top = 10**18 - 1
    seen = ",".join(f"{study_id}@{top}" for study_id in ids)
    with watching(http, dict.fromkeys(ids, top), seen=seen) as messages:
        found = list(messages)
    assert ends(found) == dict.fromkeys(ids, "DELETED")
    assert found[-1].id == seen


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ([], "/query/study"),
        ([("study", "x")], "/query/study/0"),
        ([("study", "x@")], "/query/study/0"),
        ([("study", "x@-1")], "/query/study/0"),
        ([("study", "x@١")], "/query/study/0"),
        ([("study", "a.b@1")], "/query/study/0"),
        ([("study", "x@" + "9" * 19)], "/query/study/0"),
        ([("study", "x@1"), ("study", "x@2")], "/query/study/1"),
        ([("study", f"x{n}@0") for n in range(MAX_STUDIES + 1)], "/query/study"),
        ([("list", "maybe")], "/query/list"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    http: httpx.Client, params: list[tuple[str, str]], field: str
) -> None:
    answer = http.get("/v1/events", params=httpx.QueryParams(params))
    assert answer.status_code == 400
    body = answer.json()
    assert body["detail"].startswith(field)
    assert body["remedy"] or body["errors"][0]["remedy"]


@pytest.mark.parametrize("seen", ["x", "x@1,", "x@y", ",".join(f"x{n}@0" for n in range(65))])
def test_an_id_that_is_none_is_refused(http: httpx.Client, seen: str) -> None:
    answer = http.get("/v1/events", params={"list": "yes"}, headers={"Last-Event-ID": seen})
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_an_unknown_study_is_not_found(http: httpx.Client, seed: Seed) -> None:
    known = seed(count=1).study_id
    params = httpx.QueryParams([("study", f"{known}@0"), ("study", "unknown@0")])
    answer = http.get("/v1/events", params=params)
    assert answer.status_code == 404
    assert "/query/study/1" in answer.json()["detail"]


def test_fifty_watchers_of_two_studies_miss_nothing_while_they_run(
    house: House, seed: Seed
) -> None:
    data = make_study(count=12)
    running = [seed(count=0, running=1, planned=13) for _ in range(2)]
    ids = [seeded.study_id for seeded in running]
    found: dict[int, list[Message]] = {}

    def watch(number: int) -> None:
        with (
            httpx.Client(base_url=house.url, trust_env=False) as client,
            watching(client, dict.fromkeys(ids, number % 3)) as messages,
        ):
            found[number] = list(messages)

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for start in range(0, 12, 4):
        for seeded in running:
            chunk = [
                trial.model_copy(update={"number": trial.number + 1})
                for trial in data.trials[start : start + 4]
            ]
            reports = {trial.number: data.reports[trial.number - 1] for trial in chunk}
            seeded.add_trials(chunk, reports)
    for seeded in running:
        seeded.transition(StudyState.STOPPED)
    for thread in threads:
        thread.join(DEADLINE_SECONDS)

    with httpx.Client(base_url=house.url, trust_env=False) as client:
        last = {study_id: newest(client, study_id) for study_id in ids}
    assert len(found) == 50
    for number, messages in found.items():
        assert ends(messages) == dict.fromkeys(ids, "STOPPED")
        for study_id in ids:
            assert sequences(messages, study_id) == list(range(number % 3 + 1, last[study_id] + 1))
