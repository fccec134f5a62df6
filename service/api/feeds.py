"""Live streams: one poller per watched study, shared by all its watchers.

A watcher owns nothing but a position in the study's event log. The feed keeps the newest events,
already encoded; whoever falls further behind reads the log itself. So a slow watcher costs no
memory, misses nothing, and holds up nobody.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
from fastapi.sse import format_sse_event

from service.domain.records import Event, Study
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import ServiceError
from service.storage.database import Database
from service.storage.events import EventRepository
from service.storage.studies import StudyRepository

log = logging.getLogger(__name__)

Result = TypeVar("Result")

KEPT_EVENTS = 1024
BATCH = 256
"""Events read from the log at a time."""
READERS = 4
"""Threads that read the log; the pool of the routes is left alone."""
RETRY_SECONDS = 1.0
LOOKS_BETWEEN_CHECKS = 10
"""A deleted study leaves no event: every so many silent looks its row is looked for."""
HEARTBEAT = b": heartbeat\n\n"


@dataclass(frozen=True)
class Frame:
    """An event as it goes over the wire."""

    sequence: int
    data: bytes


@dataclass(frozen=True)
class Snapshot:
    """What one look into the database gives."""

    frames: list[Frame]
    end: str | None = None
    """The terminal state, or DELETED; None while there may be more."""


def encode(event: Event) -> Frame:
    """An event in the wire format; its id is its sequence."""
    data = event.model_dump_json(exclude={"study_id"})
    return Frame(
        event.sequence,
        format_sse_event(data_str=data, event=event.kind, id=str(event.sequence)),
    )


def encode_end(state: str) -> bytes:
    """The last words of a stream. Without an id: it is not part of the log."""
    return format_sse_event(data_str=f'{{"state":"{state}"}}', event="end")


class Feed:
    """The newest events of one study, for all its watchers."""

    def __init__(self, study_id: str, newest: int) -> None:
        self.study_id = study_id
        self.watchers = 0
        self.newest = newest
        """Sequence of the newest event that was polled."""
        self.end: str | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.listeners: set[asyncio.Event] = set()
        """Of watchers of many studies: set whenever there is something new here."""
        self._frames: deque[Frame] = deque(maxlen=KEPT_EVENTS)
        self._changed = asyncio.Event()
        self._silent_looks = 0

    @property
    def check_due(self) -> bool:
        """Whether the next look should also look for the study itself."""
        return self._silent_looks % LOOKS_BETWEEN_CHECKS == 0

    def publish(self, snapshot: Snapshot) -> None:
        """Keep new events and wake the watchers."""
        self._frames.extend(snapshot.frames)
        self._silent_looks = 0 if snapshot.frames else self._silent_looks + 1
        self.end = snapshot.end
        if snapshot.frames:
            self.newest = snapshot.frames[-1].sequence
        if snapshot.frames or self.end:
            self.wake()

    def wake(self) -> None:
        """Let every watcher look again."""
        for listener in self.listeners:
            listener.set()
        self._release()

    def after(self, sequence: int) -> list[Frame] | None:
        """Events after a position; None: they are no longer (or were never) kept here."""
        if sequence >= self.newest:
            return []
        if not self._frames or self._frames[0].sequence > sequence + 1:
            return None
        # Sequences have no gap, so that the place follows from the number.
        start = sequence + 1 - self._frames[0].sequence
        return [self._frames[i] for i in range(start, min(start + BATCH, len(self._frames)))]

    async def change(self) -> None:
        """Wait until something has changed, or nothing has for long enough to say so."""
        await self._changed.wait()

    async def beat(self, seconds: float) -> None:
        """Wake the watchers of this study alone after every so long a silence."""
        while True:
            quiet_since = self._changed
            await asyncio.sleep(seconds)
            if self._changed is quiet_since:
                self._release()

    def _release(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Feeds:
    """The feeds of all watched studies of one process; lives on its event loop."""

    def __init__(
        self, database: Database, poll_seconds: float = 0.3, heartbeat_seconds: float = 15.0
    ) -> None:
        self._database = database
        self.poll_seconds = poll_seconds
        self.heartbeat_seconds = heartbeat_seconds
        self._feeds: dict[str, Feed] = {}
        self._limiter: anyio.CapacityLimiter | None = None
        self._closed = False
        self.listeners: set[asyncio.Event] = set()
        """Of watchers of many studies: set when all streams end."""

    @property
    def closed(self) -> bool:
        """Whether all streams are to end."""
        return self._closed

    @property
    def watched(self) -> int:
        """Studies that somebody watches now."""
        return len(self._feeds)

    def close(self) -> None:
        """End all streams; clients come back with the last id they saw. Loop's thread only."""
        self._closed = True
        for listener in self.listeners:
            listener.set()
        for feed in self._feeds.values():
            feed.wake()

    async def watch(self, study_id: str, newest: int, after: int) -> AsyncIterator[bytes]:
        """Every event after a position, in order, in the wire format, until the study is over.

        `newest` is the study's newest event now; a position beyond it is taken for it.
        """
        feed = self.join(study_id, newest)
        position = min(after, newest)
        try:
            while not self._closed:
                frames = feed.after(position)
                if frames is None:
                    frames = await self.load(study_id, position)
                if frames:
                    yield b"".join(frame.data for frame in frames)
                    position = frames[-1].sequence
                    continue
                if feed.end:
                    yield encode_end(feed.end)
                    return
                await feed.change()
                if feed.after(position) == [] and feed.end is None:
                    # Woken for nothing: it has been silent for a while.
                    yield HEARTBEAT
        finally:
            self.leave(feed)

    async def load(self, study_id: str, after: int) -> list[Frame]:
        """At most BATCH events after a position, from the log itself. Raises Unavailable."""
        return await self.read(partial(self._load, study_id, after))

    def join(self, study_id: str, newest: int) -> Feed:
        """The feed of a study, one watcher more; it follows the log from `newest` on at least."""
        feed = self._feeds.get(study_id)
        if feed is None or feed.end is not None:  # a study that was extended goes on
            feed = self._feeds[study_id] = Feed(study_id, newest)
            feed.tasks = [
                asyncio.create_task(self._poll(feed)),
                asyncio.create_task(feed.beat(self.heartbeat_seconds)),
            ]
        feed.watchers += 1
        return feed

    def leave(self, feed: Feed) -> None:
        """One watcher less; the last one ends the poller."""
        feed.watchers -= 1
        if feed.watchers:
            return
        if self._feeds.get(feed.study_id) is feed:
            del self._feeds[feed.study_id]
        for task in feed.tasks:
            task.cancel()

    async def _poll(self, feed: Feed) -> None:
        while feed.end is None:
            try:
                snapshot = await self.read(partial(self._look, feed))
            except ServiceError as error:
                log.warning("live stream of %s: %s", feed.study_id, error.detail)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            feed.publish(snapshot)
            if len(snapshot.frames) < BATCH:
                await asyncio.sleep(self.poll_seconds)

    async def read(self, work: Callable[[], Result]) -> Result:
        """Run a look into the database in one of the feeds' own threads."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(READERS)
        return await anyio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)

    def _look(self, feed: Feed) -> Snapshot:
        """New events and whether it is over, from one consistent snapshot."""
        with self._database.read() as session:
            events = EventRepository(session).after(feed.study_id, feed.newest, BATCH)
            over = None
            changed = any(event.kind == "study" for event in events)
            if len(events) < BATCH and (changed or feed.check_due):
                over = _end_of(StudyRepository(session).get(feed.study_id))
        return Snapshot([encode(event) for event in events], over)

    def _load(self, study_id: str, after: int) -> list[Frame]:
        with self._database.read() as session:
            return [encode(e) for e in EventRepository(session).after(study_id, after, BATCH)]


def _end_of(study: Study | None) -> str | None:
    if study is None:
        return "DELETED"
    return study.state.value if study.state in TERMINAL_STUDY_STATES else None
