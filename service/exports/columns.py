"""The table of a study's trials: one row a trial, columns by name and kind."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Literal, NamedTuple, TypeAlias

from service.domain.records import Study, Trial
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    distributions,
)

Kind: TypeAlias = Literal["int", "float", "bool", "text", "time"]


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind


FACTS: tuple[Column, ...] = (
    Column("number", "int"),
    Column("state", "text"),
    Column("family", "text"),
    Column("value", "float"),
    Column("best_epoch", "int"),
    Column("epochs", "int"),
    Column("seed", "int"),
    Column("verdict", "text"),
    Column("feasible", "bool"),
    Column("cohort", "int"),
    Column("attempt", "int"),
    Column("created_at", "time"),
    Column("started_at", "time"),
    Column("finished_at", "time"),
    Column("seconds", "float"),
    Column("failure.kind", "text"),
    Column("failure.message", "text"),
)
"""What every study has; then come the columns of its objectives, params and metrics."""


class Names:
    """Which params and metrics the trials of a study have: what its columns depend on."""

    def __init__(self, study: Study) -> None:
        self._types: dict[str, set[type]] = {
            name: _types_of(entry) for name, entry in distributions(study.resolved.space).items()
        }
        self._metrics: dict[str, set[str]] = {"train": set(), "validation": set()}
        self._costs: set[str] = set()
        self._objectives = [objective.metric for objective in study.resolved.aims.objectives]

    def see(self, trials: Iterable[Trial]) -> None:
        """Take note of what some trials have."""
        for trial in trials:
            for name, value in trial.params.items():
                if name != FAMILY:
                    self._types.setdefault(name, set()).add(type(value))
            if trial.metrics is not None:
                self._metrics["train"] |= trial.metrics.train.keys()
                self._metrics["validation"] |= trial.metrics.validation.keys()
            self._costs |= (trial.complexity or {}).keys()

    def columns(self) -> list[Column]:
        """The columns: facts, objectives, params, metrics, complexity; each by sorted name."""
        found = [Column(f"objective.{name}", "float") for name in self._objectives]
        found += [Column(f"param.{name}", _kind(self._types[name])) for name in sorted(self._types)]
        for part, names in self._metrics.items():
            found += [Column(f"{part}.{name}", "float") for name in sorted(names)]
        found += [Column(f"complexity.{name}", "float") for name in sorted(self._costs)]
        return [*FACTS, *found]


Row: TypeAlias = list[Any]
"""Values in the order of the columns: int, float, bool, text, datetime, or None."""


def row_of(study: Study, trial: Trial, columns: Iterable[Column]) -> Row:
    """A trial's values; None for what it does not have, and for what is not finite."""
    values = _values(study, trial)
    return [_as(column.kind, values.get(column.name)) for column in columns]


def _values(study: Study, trial: Trial) -> dict[str, Any]:
    aims = study.resolved.aims
    scores = aims.scores_of(trial)
    values: dict[str, Any] = {
        **trial.model_dump(
            include={
                "number", "family", "value", "best_epoch", "epochs", "seed", "feasible", "cohort",
                "attempt", "created_at", "started_at", "finished_at",
            }
        ),
        "state": trial.state.value,
        "verdict": trial.verdict.kind if trial.verdict else None,
        "seconds": _seconds(trial.started_at, trial.finished_at),
        "failure.kind": trial.failure.kind if trial.failure else None,
        "failure.message": trial.failure.message if trial.failure else None,
    }  # fmt: skip
    values |= {f"objective.{each.metric}": scores.get(each.metric) for each in aims.objectives}
    if trial.value is not None:
        values[f"objective.{aims.objectives[0].metric}"] = trial.value
    values |= _prefixed("param", trial.params)
    if trial.metrics is not None:
        values |= _prefixed("train", trial.metrics.train)
        values |= _prefixed("validation", trial.metrics.validation)
    return values | _prefixed("complexity", trial.complexity or {})


def _prefixed(prefix: str, values: Mapping[str, Scalar | None]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _types_of(entry: object) -> set[type]:
    if isinstance(entry, CategoricalDistribution):
        return {type(choice) for choice in entry.choices}
    if isinstance(entry, IntDistribution):
        return {int}
    return {float} if isinstance(entry, FloatDistribution) else set()


def _kind(types: set[type]) -> Kind:
    """Of a param's column; values of several types stand in it as text."""
    if types == {bool}:
        return "bool"
    if types == {int}:
        return "int"
    return "float" if types and types <= {int, float} else "text"


def _as(kind: Kind, value: Any) -> Any:
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return None
    if kind == "float":
        return float(value)
    if kind == "text" and not isinstance(value, str):
        return json.dumps(value)
    return value
