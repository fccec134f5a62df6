"""Where summaries are computed: from one look at the records, and seldom enough."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from fastapi import Request

from dashboards.best_model import best_model
from dashboards.figure_routes import frame_cache
from dashboards.figures.figure import Need
from dashboards.frames import FrameCache, load_frame
from dashboards.rivals import find_rival
from dashboards.summary import summarise
from dashboards.summary.facts import Facts
from dashboards.views import compare_with_baselines
from service.api.dependencies import Container, read_records
from service.domain.doing_nothing import DOING_NOTHING
from service.domain.states import StudyState
from service.domain.studies import Study
from service.domain.study_summary import StudySummary

NEEDS: frozenset[Need] = frozenset({"trials", "analyses", "baselines"})
REST = 19
"""A summary of a running study holds for so many times what it took: it costs a twentieth."""
SOON_SECONDS = 0.4
"""When to look again at what is being computed."""
PATIENCE_SECONDS = 0.15
"""How long a page waits for a summary before it shows an older one, or a place for it."""
CAPACITY = 64


class Look(NamedTuple):
    """What a page shows."""

    summary: StudySummary | None
    again_seconds: float | None
    """When another look is worth it: a newer one is being computed, or this one is held for so
    long; None: it is of the study's newest event."""


class _Kept(NamedTuple):
    study: Study
    summary: StudySummary
    until: float


class SummaryDesk:
    """The newest summary of each study, computed once for all requests; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._started: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._computing = threading.Lock()

    def get(self, study: Study, compute: Callable[[], StudySummary]) -> StudySummary:
        """The summary as of the study's newest event, or of a moment ago while it runs.

        Raises what `compute` raises.
        """
        while True:
            with self._lock:
                found = self._find(study)
                if found is not None:
                    return found
                started = self._start(study, compute)
            started.result()

    def look(
        self,
        study: Study,
        compute: Callable[[], StudySummary],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Look:
        """The same within a time; then the one before, if there is any."""
        with self._lock:
            found = self._find(study)
            if found is not None:
                return Look(found, self._held_for(study, found))
            started = self._start(study, compute)
        again: float | None
        try:
            started.result(patience_seconds)
            again = None
        except TimeoutError:
            again = SOON_SECONDS
        with self._lock:
            kept = self._kept.get(study.id)
            if kept is None:
                return Look(None, again)
            return Look(kept.summary, again or self._held_for(study, kept.summary))

    def _held_for(self, study: Study, summary: StudySummary) -> float | None:
        """Until when a summary of before stands in for the newest; the lock is held."""
        if summary.event >= study.event:
            return None
        return max(SOON_SECONDS, self._kept[study.id].until - self._clock())

    def _start(self, study: Study, compute: Callable[[], StudySummary]) -> "Future[None]":
        """The computation that is under way, or a new one; the lock is held."""
        started = self._started.get(study.id)
        if started is None or started.done():
            started = self._started[study.id] = Future()
            work = (started, study, compute)
            threading.Thread(target=self._compute, args=work, name="summary", daemon=True).start()
        return started

    def _compute(
        self, started: "Future[None]", study: Study, compute: Callable[[], StudySummary]
    ) -> None:
        """On a thread of its own; one study at a time, since they want the same processor."""
        try:
            with self._computing:
                begin = self._clock()
                summary = compute()
                took = self._clock() - begin
            with self._lock:
                until = self._clock() + REST * took
                self._kept[study.id] = _Kept(study, summary, until)
                self._kept.move_to_end(study.id)
                while len(self._kept) > CAPACITY:
                    self._kept.popitem(last=False)
            started.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            started.set_exception(error)

    def _find(self, study: Study) -> StudySummary | None:
        kept = self._kept.get(study.id)
        if kept is None:
            return None
        if kept.summary.event >= study.event:
            return kept.summary
        same = (kept.study.state, kept.study.intent) == (study.state, study.intent)
        running = study.state is StudyState.RUNNING
        return kept.summary if same and running and self._clock() < kept.until else None


def summary_desk(request: Request) -> SummaryDesk:
    """The app's desk; made by the first request that needs it."""
    state = request.app.state
    if not hasattr(state, "summary_desk"):
        state.summary_desk = SummaryDesk()
    desk = state.summary_desk
    assert isinstance(desk, SummaryDesk)
    return desk


def find_summary(request: Request, container: Container, study: Study) -> StudySummary:
    """What the study says; as long as it takes."""
    return summary_desk(request).get(study, partial(_summarise, request, container, study))


def look_at_summary(request: Request, container: Container, study: Study) -> Look:
    """What its page shows of that: it does not wait for long."""
    return summary_desk(request).look(study, partial(_summarise, request, container, study))


def _summarise(request: Request, container: Container, study: Study) -> StudySummary:
    return summarise(load_facts(container, frame_cache(request), study))


def load_facts(container: Container, cache: FrameCache, study: Study) -> Facts:
    """Everything that the sentences look at; the columns of trials are shared with the figures."""
    catalog = container.catalog
    with read_records(container.database) as records:
        study = records.studies.get(study.id) or study
        best = best_model(records, study)
        dataset = records.datasets.get(study.data_hash) if study.data_hash else None
        nothing = records.analyses.get(study.id, DOING_NOTHING)
        repeats = records.analyses.get(study.id, "selection")
        failures = records.overviews.failures(study.id) if study.progress.failed else {}
        revisions = records.revisions.of(study.id) if study.revision > 1 else []
    return Facts(
        study=study,
        frame=load_frame(container, cache, study, NEEDS),
        catalog=catalog,
        comparisons=compare_with_baselines(study, best, dataset),
        rival=find_rival(study, best, nothing, catalog),
        failures=failures,
        revisions=revisions,
        repeats=repeats,
    )
