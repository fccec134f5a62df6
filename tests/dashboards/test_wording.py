"""Numbers, durations and ages read well."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboards.wording import draw_sparkline, say_age, say_duration, say_number, say_setting

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not known yet"),
        (0, "0 s"),
        (0.3, "under a second"),
        (42, "42 s"),
        (60, "1 min"),
        (190, "3 min 10 s"),
        (7_500, "2 h 5 min"),
        (7_200, "2 h"),
        (350_000, "4 d 1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, words: str) -> None:
    assert say_duration(seconds) == words


@pytest.mark.parametrize(
    ("ago", "words"),
    [(5, "just now"), (300, "5 min ago"), (7_300, "2 h ago"), (200_000, "2 d ago")],
)
def test_ages_have_one_unit(ago: int, words: str) -> None:
    assert say_age(NOW - timedelta(seconds=ago), NOW) == words


def test_numbers_have_four_significant_digits() -> None:
    assert [say_number(value) for value in (0.0123456, 12345, None, True, "relu")] == [
        "0.01235", "12,345", "–", "true", "relu",
    ]  # fmt: skip


def test_settings_are_written_as_a_spec_has_them() -> None:
    assert say_setting(2048) == "2048"
    assert say_setting(0.00021) == "0.00021"


def test_a_sparkline_steps_down_and_ends_at_the_right_edge() -> None:
    corners = [
        corner.split(",") for corner in draw_sparkline([(0, 2.0), (5, 1.0)], 10, 100, 20).split()
    ]
    xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
    assert xs == [0.0, 50.0, 50.0, 100.0]
    assert ys[0] == ys[1] < ys[2] == ys[3]


def test_a_sparkline_of_nothing_is_empty() -> None:
    assert draw_sparkline([], 10, 100, 20) == ""
