"""Frames of studies for the figures: only the parts that are needed, each read once per event.

A study's newest event numbers its state: as long as it stays, so do the columns of its trials.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

import numpy as np
import safetensors
import safetensors.numpy

from dashboards.figures.figure import Need
from dashboards.figures.frame import (
    CurveColumns,
    Picture,
    Pictures,
    StudyFrame,
    TrialColumns,
    TrialFacts,
    build_analyses,
    build_baselines,
    build_study_facts,
    build_trial_columns,
    build_trial_facts,
)
from dashboards.figures.learning_curves import choose_trials
from service.api.dependencies import Container, Records, read_records
from service.domain.records import Dataset, Study, Trial
from service.errors import NotFound

ANALYSES = ("importance",)
MAX_PICTURE_BYTES = 64 * 2**20
REQUIRED = ("input", "best")
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
        facts = build_study_facts(study, _unit(container, study))
        trials = TrialColumns()
        if "trials" in needs:
            trials = cache.get(study, "trials", lambda: _columns(records, study))
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
            trial = _trial(container, records, study, number, dataset, "pictures" in needs)
    return StudyFrame(
        study=facts,
        trials=trials,
        curves=curves,
        analyses=build_analyses([analysis for analysis in analyses if analysis is not None]),
        baselines=build_baselines(dataset) if dataset is not None else None,
        trial=trial,
    )


def _unit(container: Container, study: Study) -> str:
    entry = container.catalog.metrics.get(study.resolved.aims.objectives[0].metric)
    return entry.unit if entry is not None else ""


def _columns(records: Records, study: Study) -> TrialColumns:
    return build_trial_columns(study, records.overviews.summaries(study.id))


def _curves(records: Records, study: Study, frame: StudyFrame) -> dict[int, CurveColumns]:
    found = records.overviews.curves(study.id, choose_trials(frame))
    return {
        number: CurveColumns(curve.epochs, curve.train, curve.validation)
        for number, curve in found.items()
    }


def _trial(
    container: Container,
    records: Records,
    study: Study,
    number: int,
    dataset: Dataset | None,
    with_pictures: bool,
) -> TrialFacts:
    trial = records.trials.get(study.id, number)
    if trial is None:
        raise NotFound("the study has no such trial", "see the study's list of trials")
    reports = records.trials.epochs(study.id, number)
    pictures = None
    if with_pictures and dataset is not None:
        pictures = _pictures(container, records, trial, dataset)
    return build_trial_facts(trial, reports, pictures)


def _pictures(
    container: Container, records: Records, trial: Trial, dataset: Dataset
) -> Pictures | None:
    """The trial's reconstructions; None when it left none, or none that fit its data."""
    artifacts = records.trials.artifacts(trial.study_id, trial.number)
    found = next((artifact for artifact in artifacts if artifact.kind == "reconstructions"), None)
    if found is None or found.bytes > MAX_PICTURE_BYTES:
        return None
    try:
        with container.artifacts.open(found.path) as file:
            return read_pictures(file.read(MAX_PICTURE_BYTES), dataset)
    except NotFound:
        return None


def read_pictures(content: bytes, dataset: Dataset) -> Pictures | None:
    """Pictures from the bytes of reconstructions.safetensors; None if they do not fit the data."""
    try:
        tensors = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError):
        return None
    shape = tuple(dataset.shape)
    features = int(np.prod(shape))
    indices = tensors.pop("worst_index", np.zeros(0))
    samples: dict[str, Picture] = {
        name: np.nan_to_num(tensor.astype(np.float64)).reshape(len(tensor), features)
        for name, tensor in tensors.items()
        if tensor.ndim > 1 and tensor.size == len(tensor) * features
    }
    if any(name not in samples or len(samples[name]) == 0 for name in REQUIRED):
        return None
    return Pictures(
        shape=shape,
        low=dataset.low,
        high=dataset.high,
        input=samples["input"],
        best=samples["best"],
        last=samples.get("last"),
        worst_input=samples.get("worst_input"),
        worst_best=samples.get("worst_best"),
        worst_index=tuple(int(index) for index in indices.ravel()),
        given=samples.get("given"),
        worst_given=samples.get("worst_given"),
        tokens=tuple(dataset.tokens),
        tokenizer=dataset.tokenizer or "",
    )
