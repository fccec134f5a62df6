"""Where summaries are computed: from one look at the records, and seldom enough."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
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
CAPACITY = 64


class _Kept(NamedTuple):
    study: Study
    summary: StudySummary
    until: float


class SummaryDesk:
    """The newest summary of each study, shared by all requests; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._computing = threading.Lock()

    def get(self, study: Study, compute: Callable[[], StudySummary]) -> StudySummary:
        """The summary as of the study's newest event, or of a moment ago while it runs."""
        found = self._find(study)
        if found is not None:
            return found
        with self._computing:
            found = self._find(study)
            if found is not None:
                return found
            begin = self._clock()
            summary = compute()
            now = self._clock()
            with self._lock:
                self._kept[study.id] = _Kept(study, summary, now + REST * (now - begin))
                self._kept.move_to_end(study.id)
                while len(self._kept) > CAPACITY:
                    self._kept.popitem(last=False)
            return summary

    def _find(self, study: Study) -> StudySummary | None:
        with self._lock:
            kept = self._kept.get(study.id)
        if kept is None:
            return None
        if kept.summary.event == study.event:
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
    """What the study says."""
    cache = frame_cache(request)
    return summary_desk(request).get(study, lambda: summarise(load_facts(container, cache, study)))


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
