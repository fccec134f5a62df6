"""A study as one JSON document: everything that is recorded of it (docs/exports.md)."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import BaseModel

from service.domain.records import Array, Cohort, Decision, Revision, Study
from service.storage.dumps import WholeTrial

FORMAT = "hifitune.study"
VERSION = 1
"""Raised when a field changes its meaning or goes; new fields do not raise it."""


def dump_study(
    study: Study,
    revisions: Iterable[Revision],
    decisions: Iterable[Decision],
    cohorts: Iterable[Cohort],
    arrays: Iterable[Array],
    trials: Iterable[WholeTrial],
    exported_at: datetime,
) -> Iterator[str]:
    """The document in pieces, one line for every record."""
    head = {"format": FORMAT, "version": VERSION, "exported_at": exported_at.isoformat()}
    yield json.dumps(head)[:-1]
    yield f',\n"study": {study.model_dump_json()},\n"revisions": '
    yield from _listed(_text(revision) for revision in revisions)
    yield ',\n"decisions": '
    yield from _listed(_text(decision) for decision in decisions)
    yield ',\n"cohorts": '
    yield from _listed(_text(cohort) for cohort in cohorts)
    yield ',\n"arrays": '
    # Where a saved state lies on the server's disk is nothing to anybody else.
    yield from _listed(_text(array, "state_path") for array in arrays)
    yield ',\n"trials": '
    yield from _listed(_trial(study, whole) for whole in trials)
    yield "}\n"


def _trial(study: Study, whole: WholeTrial) -> str:
    aims = study.resolved.aims
    scores = aims.scores_of(whole.trial)
    values = json.dumps({each.metric: scores.get(each.metric) for each in aims.objectives})
    reports = ",".join(report.model_dump_json() for report in whole.reports)
    artifacts = ",".join(_text(artifact) for artifact in whole.artifacts)
    more = f'"values":{values},"reports":[{reports}],"artifacts":[{artifacts}]'
    return f"{_text(whole.trial)[:-1]},{more}}}"


def _text(record: BaseModel, *left_out: str) -> str:
    return record.model_dump_json(exclude={"study_id", *left_out})


def _listed(items: Iterator[str]) -> Iterator[str]:
    separator = "[\n"
    for item in items:
        yield separator + item
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"
