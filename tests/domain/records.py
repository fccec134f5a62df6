"""Records for the tests of the domain, with everything that does not matter filled in."""

from datetime import UTC, datetime
from typing import Any

from service.domain.records import Baselines, Dataset, Progress, Study, Trial
from service.domain.resolve import family_of
from service.domain.spec import ResolvedSpec
from service.domain.states import Intent, StudyState, TrialState

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def study(resolved: ResolvedSpec) -> Study:
    return Study(
        id="s1",
        name=resolved.name,
        state=StudyState.COMPLETE,
        intent=Intent.RUN,
        spec=resolved,
        resolved=resolved,
        spec_hash="0",
        warnings=[],
        progress=Progress(trials=resolved.trials),
        best=None,
        data_hash=None,
        failure=None,
        summary=None,
        versions={},
        created_at=THEN,
        started_at=None,
        finished_at=None,
        event=0,
    )


def trial(resolved: ResolvedSpec, number: int = 0, **fields: Any) -> Trial:
    params = fields.pop("params", {})
    return Trial.model_validate(
        {
            "study_id": "s1",
            "number": number,
            "cohort": 0,
            "array": 0,
            "state": TrialState.COMPLETE,
            "family": family_of(resolved, params),
            "params": params,
            "value": float(number),
            "best_epoch": 1,
            "epochs": 1,
            "rungs": {},
            "metrics": None,
            "verdict": None,
            "seed": 17 + number,
            "attempt": 1,
            "failure": None,
            "created_at": THEN,
            "started_at": None,
            "finished_at": None,
            **fields,
        }
    )


def dataset(**fields: Any) -> Dataset:
    baselines = Baselines(
        mean_train=0.07,
        mean_validation=0.07,
        mean_test=None,
        pca=[],
        eigenvalues=fields.pop("eigenvalues", [0.7, 0.6, 0.5]),
    )
    return Dataset.model_validate(
        {
            "data_hash": "0",
            "folder": "0",
            "shape": [8, 8],
            "dtype": "float64",
            "train": 1258,
            "validation": 269,
            "test": 270,
            "low": 0.0,
            "high": 1.0,
            "duplicates_across": 0,
            "scaling": {"kind": "unit"},
            "baselines": baselines,
            "created_at": THEN,
            **fields,
        }
    )
