"""One live stream over many studies, on top of the feeds of single ones.

A watcher is a position in each of its studies and one flag: no task, no queue. Every feed it
listens to raises the flag; the watcher lowers it before it looks, so that nothing can happen
between look and wait without being seen.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import asdict, dataclass
from functools import partial

from fastapi.sse import format_sse_event

from service.api.feeds import BATCH, HEARTBEAT, RETRY_SECONDS, Feed, Feeds, Frame
from service.errors import ServiceError
from service.storage.database import Database
from service.storage.watching import Listed, WatchRepository

log = logging.getLogger(__name__)

MAX_STUDIES = 64
POLLS_A_ROUND = 3
"""Lists and studies that are over change seldom: they are looked at less often than the log."""
DELETED = "DELETED"


@dataclass(frozen=True)
class Start:
    """Where a watcher begins in one study."""

    after: int
    newest: int | None
    """The study's newest event now; None: it was deleted since the watcher saw it."""


def encode_of(study_id: str, frame: Frame) -> bytes:
    """An event that names its study, without an id."""
    head, _, _ = frame.data.rpartition(b"id: ")
    named = b"data: {" + f'"study":{json.dumps(study_id)},'.encode()
    return head.replace(b"data: {", named, 1) + b"\n"


def encode_end_of(study_id: str, state: str) -> bytes:
    """A study is over."""
    data = json.dumps({"study": study_id, "state": state}, separators=(",", ":"))
    return format_sse_event(data_str=data, event="end")


def encode_listed(listed: Listed) -> bytes:
    """The set of studies has changed."""
    data = json.dumps(asdict(listed), separators=(",", ":"))
    return format_sse_event(data_str=data, event="studies")


class ManyFeeds:
    """The watchers of many studies of one process, and the one poller that they share.

    The poller looks for what has no feed: the list, and studies that are over and may be
    extended or deleted. It runs while there is a watcher.
    """

    def __init__(self, feeds: Feeds, database: Database) -> None:
        self.feeds = feeds
        self._database = database
        self._watchers: set[Watcher] = set()
        self._poller: asyncio.Task[None] | None = None
        self.begun = 0
        """Looks that were begun."""
        self.listed: tuple[int, Listed] | None = None
        """The newest look at the list, and which look it was."""
        self.positions: Mapping[str, int | None] = {}
        """Newest events of the studies of the last look; None: there is no such study."""

    @property
    def watchers(self) -> int:
        """Open streams."""
        return len(self._watchers)

    def watch(self, starts: Mapping[str, Start], listed: Listed | None) -> AsyncIterator[bytes]:
        """Every event of every study after its position, in the wire format.

        `listed`: the list as it is now, if the stream is to say when it changes; None if not.
        Ends when all studies are over and the list is not asked for.
        """
        return Watcher(self, starts, listed).stream()

    def enter(self, watcher: "Watcher") -> None:
        """One watcher more."""
        self._watchers.add(watcher)
        self.feeds.listeners.add(watcher.signal)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())

    def leave(self, watcher: "Watcher") -> None:
        """One watcher less; the last one ends the poller."""
        self._watchers.discard(watcher)
        self.feeds.listeners.discard(watcher.signal)
        if not self._watchers and self._poller is not None:
            self._poller.cancel()
            self._poller = None

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self.feeds.poll_seconds * POLLS_A_ROUND)
            over = {study_id for watcher in self._watchers for study_id in watcher.over}
            lists = any(watcher.lists for watcher in self._watchers)
            if not over and not lists:
                continue
            self.begun += 1
            number = self.begun
            try:
                positions, listed = await self.feeds.read(partial(self._look, over, lists))
            except ServiceError as error:
                log.warning("live stream of many studies: %s", error.detail)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.positions = {study_id: positions.get(study_id) for study_id in over}
            if listed is not None:
                self.listed = (number, listed)
            for watcher in self._watchers:
                if watcher.concerned:
                    watcher.signal.set()

    def _look(self, over: Collection[str], lists: bool) -> tuple[dict[str, int], Listed | None]:
        with self._database.read() as session:
            looks = WatchRepository(session)
            return looks.positions(over), looks.listed() if lists else None


class Watcher:
    """One open stream."""

    def __init__(self, many: ManyFeeds, starts: Mapping[str, Start], listed: Listed | None) -> None:
        self.signal = asyncio.Event()
        self.over: set[str] = set()
        """Studies that are over, and may go on or be deleted."""
        self.lists = listed is not None
        self._many = many
        self._listed = listed
        self._told: Listed | None = None
        self._starts = starts
        self._positions = {
            study_id: start.after if start.newest is None else min(start.after, start.newest)
            for study_id, start in starts.items()
        }
        self._gone = {study_id for study_id, start in starts.items() if start.newest is None}
        self._feeds: dict[str, Feed] = {}
        self._first_look = 0

    @property
    def concerned(self) -> bool:
        """Whether the shared poller has seen something that this stream has to say."""
        return self._newest_list() != self._told or any(
            self._is_moved(study_id) for study_id in self.over
        )

    async def stream(self) -> AsyncIterator[bytes]:
        """See ManyFeeds.watch."""
        feeds, clock = self._many.feeds, asyncio.get_running_loop().time
        self._many.enter(self)
        try:
            # A look that is under way may be older than the list that we were given.
            self._first_look = self._many.begun + 1
            for study_id, start in self._starts.items():
                if start.newest is not None:
                    self._join(study_id, start.newest)
            spoken = clock()
            while not feeds.closed:
                self.signal.clear()
                parts, silent = self._list_change(), True
                for study_id in self._positions:
                    parts += await self._take(study_id)
                    if len(parts) >= BATCH:
                        yield self._seal(parts)
                        parts, silent = [], False
                if parts:
                    yield self._seal(parts)
                elif silent:
                    if not (self._feeds or self.lists):
                        return
                    if await self._is_quiet(spoken + feeds.heartbeat_seconds):
                        yield HEARTBEAT
                    else:
                        continue
                spoken = clock()
        finally:
            for feed in list(self._feeds.values()):
                self._part(feed)
            self._many.leave(self)

    async def _is_quiet(self, until: float) -> bool:
        """Wait for a change, or for the time of a heartbeat: whether it is that."""
        try:
            async with asyncio.timeout_at(until):
                await self.signal.wait()
        except TimeoutError:
            return True
        return False

    async def _take(self, study_id: str) -> list[bytes]:
        """What one study has to say in its turn: at most BATCH events, or its end."""
        if study_id in self._gone:
            self._gone.discard(study_id)
            return [encode_end_of(study_id, DELETED)]
        position = self._positions[study_id]
        if study_id in self.over and self._is_moved(study_id):
            self.over.discard(study_id)
            if self._many.positions[study_id] is None:
                return [encode_end_of(study_id, DELETED)]
            self._join(study_id, position)
        feed = self._feeds.get(study_id)
        if feed is None:
            return []
        frames = feed.after(position)
        if frames is None:
            frames = await self._many.feeds.load(study_id, position)
        if frames:
            self._positions[study_id] = frames[-1].sequence
            return [encode_of(study_id, frame) for frame in frames]
        if feed.end is None:
            return []
        self._part(feed)
        if feed.end != DELETED:
            self.over.add(study_id)
        return [encode_end_of(study_id, feed.end)]

    def _is_moved(self, study_id: str) -> bool:
        """Whether a study that is over has new events, or is no more."""
        if study_id not in self._many.positions:
            return False
        newest = self._many.positions[study_id]
        return newest is None or newest > self._positions[study_id]

    def _join(self, study_id: str, newest: int) -> None:
        feed = self._feeds[study_id] = self._many.feeds.join(study_id, newest)
        feed.listeners.add(self.signal)

    def _part(self, feed: Feed) -> None:
        del self._feeds[feed.study_id]
        feed.listeners.discard(self.signal)
        self._many.feeds.leave(feed)

    def _newest_list(self) -> Listed | None:
        if self.lists and self._many.listed is not None:
            number, listed = self._many.listed
            if number >= self._first_look:
                return listed
        return self._listed

    def _list_change(self) -> list[bytes]:
        listed = self._newest_list()
        if listed is None or listed == self._told:
            return []
        self._told = listed
        return [encode_listed(listed)]

    def _seal(self, parts: list[bytes]) -> bytes:
        """A batch, with the positions in all studies as the id of its last event."""
        if not self._positions:
            return b"".join(parts)
        places = ",".join(f"{study_id}@{at}" for study_id, at in self._positions.items())
        return b"".join(parts)[:-1] + f"id: {places}\n\n".encode()
