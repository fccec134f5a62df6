from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from service.storage import clock
from service.storage.columns import Json, UtcDateTime, finite
from service.storage.database import Database


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_a_time_comes_back_as_the_same_moment_in_utc(dialect: object) -> None:
    there = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=5)))
    column = UtcDateTime()
    stored = column.process_bind_param(there, dialect)  # type: ignore[arg-type]
    back = column.process_result_value(stored, dialect)  # type: ignore[arg-type]
    assert back == there
    assert back.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None])
def test_numbers_that_are_not_finite_are_stored_as_null(value: float | None) -> None:
    assert finite(value) is None


def test_json_is_ascii_keeps_the_order_of_keys_and_every_kind_of_number() -> None:
    value = {"b": 1, "a": [1.0, 0.1 + 0.2, True, None, "\x00\ud800é"]}
    text = Json().process_bind_param(value, sqlite.dialect())
    assert text is not None
    assert text.isascii()
    assert "\x00" not in text
    back = Json().process_result_value(text, sqlite.dialect())
    assert (back, list(back)) == (value, ["b", "a"])
    assert isinstance(back["a"][0], float)


def test_json_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Json().process_bind_param({"a": float("nan")}, sqlite.dialect())


def test_database_time_is_utc(database: Database) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    with database.read() as session:
        assert before < database.now(session) < before + timedelta(seconds=60)
        assert clock.now(session).utcoffset() == timedelta(0)
