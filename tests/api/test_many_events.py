"""One live stream over many studies: each study's events once and in order, resumable anywhere."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from service.client.stream import Message, read_messages
from tests.api.house import Seed

DEADLINE_SECONDS = 20.0
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
        yield read_messages(response.iter_lines())


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
