"""A study as one JSON document: everything that is recorded of it (docs/exports.md)."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from service.domain.records import Array, Cohort, Decision, Study
from service.storage.dumps import WholeTrial

FORMAT = "hifitune.study"
VERSION = 1
"""Raised when a field changes its meaning or goes; new fields do not raise it."""


def dump_study(
    study: Study,
    decisions: Iterable[Decision],
    cohorts: Iterable[Cohort],
    arrays: Iterable[Array],
    trials: Iterable[WholeTrial],
    exported_at: datetime,
) -> Iterator[str]:
    """The document in pieces, one line for every record."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": exported_at.isoformat(),
        "study": _plain(study),
    }
    yield _text(head)[:-1] + ',\n"decisions": '
    yield from _listed(_text(_plain(decision)) for decision in decisions)
    yield ',\n"cohorts": '
    yield from _listed(_text(_plain(cohort)) for cohort in cohorts)
    yield ',\n"arrays": '
    # Where a saved state lies on the server's disk is nothing to anybody else.
    yield from _listed(_text(_plain(array, "state_path")) for array in arrays)
    yield ',\n"trials": '
    yield from _listed(_trial(study, whole) for whole in trials)
    yield "}\n"


def _trial(study: Study, whole: WholeTrial) -> str:
    aims = study.resolved.aims
    scores = aims.scores_of(whole.trial)
    more = {
        "values": {each.metric: scores.get(each.metric) for each in aims.objectives},
        "reports": [_plain(report) for report in whole.reports],
        "artifacts": [_plain(artifact) for artifact in whole.artifacts],
    }
    return _text(_plain(whole.trial) | more)


def _plain(record: BaseModel, *left_out: str) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude={"study_id", *left_out})


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _listed(items: Iterator[str]) -> Iterator[str]:
    separator = "[\n"
    for item in items:
        yield separator + item
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"
