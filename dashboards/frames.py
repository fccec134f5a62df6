"""Frames of studies for the figures: only the parts that are needed, each read once per event.

A study's newest event numbers its state: as long as it stays, so do the columns of its trials.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

from dashboards.figures.aims import score_names
from dashboards.figures.figure import Need
from dashboards.figures.frame import (
    CurveColumns,
    StudyFrame,
    TrialColumns,
    TrialFacts,
    build_analyses,
    build_baselines,
    build_study_facts,
    build_trial_columns,
    build_trial_facts,
)
from dashboards.figures.gap_over_epochs import choose_gap_trials
from dashboards.figures.learning_curves import choose_trials
from dashboards.rivals import keep_rivals
from dashboards.trial_files import evidence_of, pictures_of
from service.api.dependencies import Container, Records, read_records
from service.domain.aims import Scores
from service.domain.records import Dataset, Study
from service.errors import NotFound

ANALYSES = ("importance",)
Part = TypeVar("Part")


class FrameCache:
    """The newest parts of frames, shared by all requests; thread-safe."""

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._parts: OrderedDict[tuple[str, int, str], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def get(self, study: Study, part: str, load: Callable[[], Part]) -> Part:
        """A part of the study's frame as of its newest event, loaded if it is not here."""
        key = (study.id, study.event, part)
        found = self._find(key)
        if found is not None:
            return cast(Part, found)
        # One load at a time: a page asks for several figures at once, and they share their parts.
        with self._loading:
            found = self._find(key)
            if found is None:
                found = load()
                self._keep(key, found)
            return cast(Part, found)

    def _find(self, key: tuple[str, int, str]) -> object | None:
        with self._lock:
            if key not in self._parts:
                return None
            self._parts.move_to_end(key)
            return cast(object, self._parts[key])

    def _keep(self, key: tuple[str, int, str], part: object) -> None:
        study_id, event, name = key
        with self._lock:
            for old in [
                k for k in self._parts if (k[0], k[2]) == (study_id, name) and k[1] < event
            ]:
                del self._parts[old]
            self._parts[key] = part
            while len(self._parts) > self._capacity:
                self._parts.popitem(last=False)


def load_frame(
    container: Container,
    cache: FrameCache,
    study: Study,
    needs: Collection[Need],
    number: int | None = None,
) -> StudyFrame:
    """The parts of a study's frame in `needs`; `number` is the trial of a trial's figure.

    Raises NotFound for a trial that is not there.
    """
    with read_records(container.database) as records:
        # Read again: what follows must be of one snapshot.
        study = records.studies.get(study.id) or study
        facts = build_study_facts(study, units_of(container))
        trials = TrialColumns()
        if "trials" in needs:
            trials = cache.get(study, "trials", lambda: _columns(records, study))
        scores: dict[int, Scores] = {}
        if "scores" in needs or facts.aims.is_pareto:
            names = score_names(study)
            scores = cache.get(study, "scores", lambda: records.overviews.scores(study.id, names))
        curves: dict[int, CurveColumns] = {}
        if "curves" in needs:
            frame = StudyFrame(study=facts, trials=trials)
            curves = cache.get(study, "curves", lambda: _curves(records, study, frame))
        dataset = records.datasets.get(study.data_hash) if study.data_hash else None
        analyses = (
            [records.analyses.get(study.id, kind) for kind in ANALYSES]
            if "analyses" in needs
            else []
        )
        trial = None
        if "trial" in needs and number is not None:
            trial = load_trial(container, records, study, number, dataset, needs)
    return StudyFrame(
        study=facts,
        trials=trials,
        curves=curves,
        analyses=build_analyses([analysis for analysis in analyses if analysis is not None]),
        baselines=build_baselines(keep_rivals(dataset, study)) if dataset is not None else None,
        trial=trial,
        scores=scores,
    )


def units_of(container: Container) -> dict[str, str]:
    """Of every metric of the catalog; empty where it has none."""
    return {name: entry.unit for name, entry in container.catalog.metrics.items()}


def _columns(records: Records, study: Study) -> TrialColumns:
    return build_trial_columns(study, records.overviews.summaries(study.id))


def _curves(records: Records, study: Study, frame: StudyFrame) -> dict[int, CurveColumns]:
    numbers = {*choose_trials(frame), *choose_gap_trials(frame)}
    found = records.overviews.curves(study.id, sorted(numbers))
    return {
        number: CurveColumns(curve.epochs, curve.train, curve.validation)
        for number, curve in found.items()
    }


def load_trial(
    container: Container,
    records: Records,
    study: Study,
    number: int,
    dataset: Dataset | None,
    needs: Collection[Need],
) -> TrialFacts:
    """One trial with what its figures need of it. Raises NotFound."""
    trial = records.trials.get(study.id, number)
    if trial is None:
        raise NotFound("the study has no such trial", "see the study's list of trials")
    reports = records.trials.epochs(study.id, number)
    pictures, evidence = None, None
    if "pictures" in needs and dataset is not None:
        pictures = pictures_of(container, records, trial, dataset)
    if "evidence" in needs and dataset is not None:
        evidence = evidence_of(container, records, trial, dataset)
    return build_trial_facts(trial, reports, pictures, evidence)
