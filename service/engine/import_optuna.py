"""Configs out of an Optuna study that another program made, for a warm start."""

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from service.domain.space import Scalar
from service.engine.quiet import quiet_log

FILE = "sqlite:///"
MARKS = frozenset({"studies", "trials", "version_info"})
"""Tables of every Optuna storage; opening a database that is none would make them in it."""


class Imported(NamedTuple):
    """What a storage gave."""

    study: str
    trials: int
    """That finished with a value."""
    configs: list[dict[str, Scalar]]
    """Best first; the Pareto set where there are several objectives."""


def read_configs(storage: str, study: str | None, top: int, rename: Mapping[str, str]) -> Imported:
    """The best `top` configs of a study; `rename` from its parameter names to ours.

    `storage`: an SQLAlchemy URL, or the path of an SQLite file, which is only read. Raises
    ValueError with what is wrong and what to do.
    """
    quiet_log()
    url = storage if "://" in storage else FILE + storage
    file = Path(url.removeprefix(FILE))
    if not url.startswith(FILE):
        return _read(storage, url, study, top, rename)
    if not file.is_file():
        # SQLite would make an empty one.
        raise ValueError(f"there is no file {file}")
    with tempfile.TemporaryDirectory(prefix="hifitune-optuna-") as folder:
        copy = Path(folder) / "storage.db"
        _copy(file, copy)
        return _read(storage, f"{FILE}{copy}", study, top, rename)


def _copy(file: Path, copy: Path) -> None:
    """An Optuna storage as it is at this moment: Optuna writes into whatever it opens."""
    try:
        with (
            closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            rows = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            lacking = MARKS - {name for (name,) in rows}
            if not lacking:
                source.backup(target)
    except sqlite3.Error as error:
        raise ValueError(f"{file} cannot be read as an Optuna storage: {error}") from None
    if lacking:
        raise ValueError(
            f"{file} is no Optuna storage (no table {', '.join(sorted(lacking))}): "
            "give the file that optuna.create_study(storage=...) wrote"
        )


def _read(
    storage: str, url: str, study: str | None, top: int, rename: Mapping[str, str]
) -> Imported:
    try:
        opened = optuna.storages.RDBStorage(url)
        names = optuna.get_all_study_names(opened)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises
        raise ValueError(f"{storage} cannot be read as an Optuna storage: {error}") from None
    if study is None and len(names) != 1:
        listed = ", ".join(sorted(names)) or "none"
        raise ValueError(
            f"the storage holds {len(names)} studies ({listed}): name one with --study"
        )
    chosen = study or names[0]
    if chosen not in names:
        raise ValueError(f"there is no study {chosen!r}; there are {', '.join(sorted(names))}")
    loaded = optuna.load_study(study_name=chosen, storage=opened)
    finished = [
        trial
        for trial in loaded.get_trials(deepcopy=False, states=[OptunaState.COMPLETE])
        if trial.params
    ]
    if len(loaded.directions) > 1:
        front = {trial.number for trial in loaded.best_trials}
        ranked = [trial for trial in finished if trial.number in front]
    else:
        sign = 1.0 if loaded.direction == optuna.study.StudyDirection.MINIMIZE else -1.0
        ranked = sorted(finished, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
    configs: list[dict[str, Scalar]] = []
    for trial in ranked:
        config = _config(trial, rename)
        if config and config not in configs:
            configs.append(config)
    return Imported(chosen, len(finished), configs[:top])


def _config(trial: FrozenTrial, rename: Mapping[str, str]) -> dict[str, Scalar]:
    return {
        rename.get(name, name): value
        for name, value in trial.params.items()
        if isinstance(value, bool | int | float | str)
    }
