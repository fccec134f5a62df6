"""Watchers of many studies: one poller a study, no tasks of their own, nothing left behind."""

import asyncio
from collections.abc import AsyncIterator

from service.api.feeds import HEARTBEAT, Feeds
from service.api.many_feeds import ManyFeeds, Start
from service.domain.states import StudyState
from service.storage.database import Database
from service.storage.watching import Listed, WatchRepository
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_study

WATCHERS = 50

ONE = Listed(1, "a", {"RUNNING": 1})


async def _close(stream: AsyncIterator[bytes]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


def _starts(database: Database, *study_ids: str) -> dict[str, Start]:
    with database.read() as session:
        newest = WatchRepository(session).positions(study_ids)
    return {study_id: Start(newest[study_id], newest[study_id]) for study_id in study_ids}


def test_fifty_watchers_share_one_poller_a_study_and_leave_nothing(
    sqlite_database: Database,
) -> None:
    for name in ("a", "b"):
        seed_study(sqlite_database, make_study(study_id=name, count=0, running=1))
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=0.1)
    many = ManyFeeds(feeds, sqlite_database)
    starts = _starts(sqlite_database, "a", "b")

    async def scenario() -> None:
        streams = [many.watch(starts, None) for _ in range(WATCHERS)]
        first = await asyncio.gather(*(anext(stream) for stream in streams))
        assert first == [HEARTBEAT] * WATCHERS
        assert (feeds.watched, many.watchers) == (2, WATCHERS)
        names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
        assert names.count("Feeds._poll") == 2
        assert names.count("ManyFeeds._poll") == 1
        assert len(names) < 10
        for stream in streams:
            await _close(stream)
        assert (feeds.watched, many.watchers) == (0, 0)
        assert not feeds.listeners
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


def test_closing_ends_streams_of_studies_and_of_the_list(sqlite_database: Database) -> None:
    seed_study(sqlite_database, make_study(study_id="a", count=0, running=1))
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=60)
    many = ManyFeeds(feeds, sqlite_database)
    starts = _starts(sqlite_database, "a")

    async def scenario() -> None:
        streams = [
            many.watch({}, ONE),
            many.watch(starts, ONE),
        ]
        for stream in streams:
            assert b'{"count":1,"newest":"a","states":{"RUNNING":1}}' in await anext(stream)
        pending = [asyncio.ensure_future(anext(stream, None)) for stream in streams]
        await asyncio.sleep(0)
        feeds.close()
        assert await asyncio.gather(*pending) == [None, None]
        assert many.watchers == 0

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_what_happens_while_a_slow_reader_has_a_batch_is_not_lost(
    sqlite_database: Database,
) -> None:
    seeded = seed_study(sqlite_database, make_study(study_id="a", count=0, running=1))
    feeds = Feeds(sqlite_database, poll_seconds=0.02, heartbeat_seconds=60)
    many = ManyFeeds(feeds, sqlite_database)
    starts = _starts(sqlite_database, "a")

    async def scenario() -> list[bytes]:
        slow = many.watch(starts, ONE)
        await anext(slow)
        quick = many.watch(starts, None)
        await asyncio.to_thread(seeded.transition, StudyState.STOPPED)
        assert b'"STOPPED"' in b"".join([chunk async for chunk in quick])
        # By now all of it has been said, and nothing will be said again.
        late = [await anext(slow), await anext(slow)]
        await _close(slow)
        return late

    late = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert late[0].startswith(b'event: study\ndata: {"study":"a",')
    assert late[1].startswith(b'event: end\ndata: {"study":"a","state":"STOPPED"}')
