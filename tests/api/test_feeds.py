"""Feeds: one poller a study, positions instead of queues."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.api.feeds import BATCH, KEPT_EVENTS, Feed, Feeds, Frame, Snapshot, encode_end
from service.domain.spec import ExtensionSpec
from service.domain.states import StudyState
from service.errors import Unavailable
from service.storage.database import Database
from service.storage.events import EventRepository
from service.storage.revisions import RevisionRepository
from tests.dashboards.seeding import Seeded, seed_study
from tests.dashboards.synthetic import make_study


def newest_event(seeded: Seeded) -> int:
    with seeded.database.read() as session:
        return EventRepository(session).newest(seeded.study_id) or 0


def frames(first: int, last: int) -> list[Frame]:
    return [Frame(number, b"%d" % number) for number in range(first, last + 1)]


def test_a_feed_gives_what_comes_after_a_position() -> None:
    feed = Feed("x", newest=3)
    feed.publish(Snapshot(frames(4, 10)))
    assert [f.sequence for f in feed.after(3) or []] == list(range(4, 11))
    assert [f.sequence for f in feed.after(8) or []] == [9, 10]
    assert feed.after(10) == []


def test_what_a_feed_no_longer_keeps_must_be_read_from_the_log() -> None:
    feed = Feed("x", newest=0)
    assert Feed("y", newest=5).after(2) is None
    for start in range(1, KEPT_EVENTS + 200, 100):
        feed.publish(Snapshot(frames(start, start + 99)))
    assert feed.after(0) is None
    assert len(feed.after(feed.newest - KEPT_EVENTS) or []) == BATCH


def test_watchers_of_a_study_share_one_poller(sqlite_database: Database) -> None:
    seeded = seed_study(sqlite_database, make_study(count=0, running=1, planned=2))
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=0.05)
    newest = newest_event(seeded)

    async def scenario() -> None:
        streams = [feeds.watch(seeded.study_id, newest, newest) for _ in range(5)]
        first = await asyncio.gather(*(anext(stream) for stream in streams))
        assert first == [b": heartbeat\n\n"] * 5
        assert feeds.watched == 1
        coroutines = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
        assert coroutines.count("Feeds._poll") == 1
        for stream in streams:
            await _close(stream)
        assert feeds.watched == 0

    asyncio.run(scenario())


def test_a_database_that_is_away_does_not_end_the_stream(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = seed_study(sqlite_database, make_study(count=0, running=1, planned=2))
    monkeypatch.setattr("service.api.feeds.RETRY_SECONDS", 0.02)
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=0.05)
    newest = newest_event(seeded)
    away = {"left": 3}
    look = feeds._look

    def failing(feed: Feed) -> Snapshot:
        if away["left"]:
            away["left"] -= 1
            raise Unavailable("away")
        return look(feed)

    monkeypatch.setattr(feeds, "_look", failing)

    async def scenario() -> list[bytes]:
        stream = feeds.watch(seeded.study_id, newest, newest)
        return [chunk async for chunk in stream]

    async def stop_meanwhile() -> list[bytes]:
        watcher = asyncio.create_task(scenario())
        await asyncio.to_thread(seeded.transition, StudyState.STOPPED)
        return await asyncio.wait_for(watcher, 10)

    assert asyncio.run(stop_meanwhile())[-1] == encode_end("STOPPED")
    assert away["left"] == 0


def test_closing_ends_every_stream(sqlite_database: Database) -> None:
    seeded = seed_study(sqlite_database, make_study(count=0, running=1, planned=2))
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=0.05)
    newest = newest_event(seeded)

    async def scenario() -> None:
        stream = feeds.watch(seeded.study_id, newest, newest)
        await anext(stream)
        feeds.close()
        async for _ in stream:
            continue

    asyncio.run(asyncio.wait_for(scenario(), 10))


async def _close(stream: AsyncIterator[bytes]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


def test_who_comes_after_an_extension_sees_the_study_go_on(sqlite_database: Database) -> None:
    seeded = seed_study(sqlite_database, make_study(count=4))
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=0.05)
    newest = newest_event(seeded)

    def extend() -> None:
        with sqlite_database.transaction() as session:
            RevisionRepository(session).extend(seeded.study_id, ExtensionSpec(trials=2), [])

    async def scenario() -> None:
        slow = feeds.watch(seeded.study_id, newest, newest)
        while await anext(slow) != encode_end("COMPLETE"):
            pass  # it has the end, and has not left yet
        await asyncio.to_thread(extend)
        stream = feeds.watch(seeded.study_id, newest, newest)
        assert b'"QUEUED"' in await anext(stream)
        assert await anext(stream) == b": heartbeat\n\n"
        await _close(stream)
        await _close(slow)
        assert feeds.watched == 0
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())
