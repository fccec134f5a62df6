"""FrozenTrials into the SQLite file of an Optuna storage, a thousand of them in a second.

`Study.add_trial` asks the database three times for every value: 45 ms for a trial of 30 epochs.
Here the rows go at once into the tables that Optuna made, and are read back through Optuna.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import FrozenTrial

Rows: TypeAlias = Iterable[tuple[Any, ...]]


def write_rows(file: Path, study_id: int, trials: Sequence[FrozenTrial]) -> bool:
    """Write trials into an empty study; False where the tables are not those that we know."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN")
            for table, columns, rows in _tables(study_id, trials):
                marks = ", ".join("?" * len(columns.split(", ")))
                # Names of tables and columns are those below.
                connection.executemany(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608
                    rows,
                )
            connection.execute("COMMIT")
        except (sqlite3.OperationalError, sqlite3.IntegrityError) as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise
            return False
    return True


def reads_as(study: optuna.Study, trials: Sequence[FrozenTrial]) -> bool:
    """Whether Optuna finds exactly these trials in the study."""
    try:
        found = study.get_trials(deepcopy=False)
    except Exception:  # noqa: BLE001 -- whatever it stumbles over, it does not read them
        return False
    return found == list(trials)


def _tables(study_id: int, trials: Sequence[FrozenTrial]) -> Iterator[tuple[str, str, Rows]]:
    """Every table with its columns and rows, parents first."""
    yield (
        "trials",
        "trial_id, number, study_id, state, datetime_start, datetime_complete",
        (
            (t._trial_id, t.number, study_id, t.state.name, _utc(t.datetime_start),
             _utc(t.datetime_complete))
            for t in trials
        ),
    )  # fmt: skip
    yield (
        "trial_values",
        "trial_id, objective, value, value_type",
        (
            (t._trial_id, axis, value, "FINITE")
            for t in trials
            for axis, value in enumerate(t.values or ())
        ),
    )
    yield "trial_params", "trial_id, param_name, param_value, distribution_json", _params(trials)
    for table, attributes in (
        ("trial_user_attributes", "user_attrs"),
        ("trial_system_attributes", "system_attrs"),
    ):
        yield (
            table,
            "trial_id, key, value_json",
            (
                (t._trial_id, key, json.dumps(value))
                for t in trials
                for key, value in getattr(t, attributes).items()
            ),
        )
    yield (
        "trial_intermediate_values",
        "trial_id, step, intermediate_value, intermediate_value_type",
        (
            (t._trial_id, step, value, "FINITE")
            for t in trials
            for step, value in t.intermediate_values.items()
        ),
    )


def _params(trials: Sequence[FrozenTrial]) -> Rows:
    texts: dict[int, tuple[BaseDistribution, str]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            space = trial.distributions[name]
            if id(space) not in texts:
                # With the object itself, so that its id stays its own.
                texts[id(space)] = (space, distribution_to_json(space))
            yield trial._trial_id, name, space.to_internal_repr(value), texts[id(space)][1]


def _utc(moment: datetime | None) -> str | None:
    """As SQLAlchemy writes times into SQLite."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
