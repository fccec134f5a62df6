"""The child process that writes an Optuna storage: `python -I -m service.engine.export_optuna`.

A SQLite file with one study, which `optuna.load_study` and optuna-dashboard open. The HTTP process
never loads Optuna.
"""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial

from service.domain.records import Study, Trial
from service.engine.optuna_rows import reads_as, write_rows
from service.engine.optuna_trials import frozen_trials
from service.engine.quiet import quiet_log
from service.exports.feed import answer_one

VERSION = 1
"""Of the attributes that we give study and trials (docs/exports.md)."""


def write_storage(request: dict[str, Any], records: Iterator[Any], file: Path) -> dict[str, Any]:
    """The study of the request and its trials, each with its curve, in a new storage.

    A running study is exported as it is at the moment: its trials stay RUNNING and WAITING there.
    """
    quiet_log()
    study = Study.model_validate(request["study"])
    trials = frozen_trials(
        study, [(Trial.model_validate(trial), curve) for trial, curve in records]
    )
    fast = write_study(study, trials, file, request["exported_at"])
    return {"trials": len(trials), "fast": fast}


def write_study(
    study: Study, trials: Sequence[FrozenTrial], file: Path, exported_at: str, fast: bool = True
) -> bool:
    """Write the storage; whether the fast way did it (see optuna_rows)."""
    storage, made = _make(study, file, exported_at)
    try:
        if fast and write_rows(file, made._study_id, trials) and reads_as(made, trials):
            return True
        if fast:
            _close(storage)
            file.unlink()
            storage, made = _make(study, file, exported_at)
        made.add_trials(trials)
        return False
    finally:
        _close(storage)


def _make(
    study: Study, file: Path, exported_at: str
) -> tuple[optuna.storages.RDBStorage, optuna.Study]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    aims = study.resolved.aims
    made = optuna.create_study(
        study_name=study.name,
        storage=storage,
        directions=[objective.direction for objective in aims.objectives],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        made.set_metric_names([objective.metric for objective in aims.objectives])
    for name, value in _attributes(study, exported_at).items():
        made.set_user_attr(name, value)
    return storage, made


def _attributes(study: Study, exported_at: str) -> dict[str, Any]:
    aims = study.resolved.aims
    found = {
        "hifitune_export": VERSION,
        "study_id": study.id,
        "state": study.state.value,
        "aims": str(aims),
        "intermediate_values": f"{aims.ranking.metric} on validation, by epoch",
        "constraints": [str(constraint) for constraint in aims.constraints] or None,
        "best_trial": study.best.trial if study.best else None,
        "selected_trial": (study.summary or {}).get("trial"),
        "families": study.resolved.families,
        "data_hash": study.data_hash,
        "spec_hash": study.spec_hash,
        "versions": study.versions,
        "exported_at": exported_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def _close(storage: optuna.storages.RDBStorage) -> None:
    storage.remove_session()
    storage.engine.dispose()


if __name__ == "__main__":
    answer_one(write_storage)
