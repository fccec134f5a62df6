"""Column types that mean the same on SQLite and PostgreSQL."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text, TypeDecorator

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""A generated key: only a column declared INTEGER is SQLite's row id."""


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def finite(value: float | None) -> float | None:
    """A number as it is stored: NaN and infinity become null."""
    return value if value is not None and math.isfinite(value) else None


def finite_values(values: dict[str, float | None]) -> dict[str, float | None]:
    """Metrics as they are stored: NaN and infinity become null."""
    return {name: finite(value) for name, value in values.items()}


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Converts to UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no timezone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value as compact ASCII text.

    Text, because PostgreSQL's jsonb reorders keys and its text refuses NUL: ASCII escapes
    both that and lone surrogates. None is SQL's NULL. NaN and infinity are refused.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Value to text."""
        if value is None:
            return None
        return _encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Text to value."""
        return None if value is None else json.loads(value)
