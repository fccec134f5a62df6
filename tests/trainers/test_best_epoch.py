"""The best epoch on the median of three, and early stopping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.base import EarlyStopping
from trainers.best_epoch import BestEpoch, Patience


def chosen(values: list[float], first: int = 1, sign: float = 1.0) -> tuple[int, float] | None:
    best = BestEpoch(first, sign)
    for epoch, value in enumerate(values, start=1):
        best.add(epoch, value)
    choice = best.current()
    return (choice.epoch, choice.value) if choice else None


def test_one_lucky_epoch_does_not_win() -> None:
    assert chosen([9, 8, 1, 8, 5, 4.5, 4.6, 5]) == (6, 4.5)


def test_a_lucky_last_epoch_does_not_win() -> None:
    assert chosen([9, 5, 4, 5, 6, 1]) == (3, 4)


def test_a_steady_improvement_ends_at_the_last_epoch() -> None:
    assert chosen([5, 4, 3, 2]) == (4, 2)


def test_the_only_epoch_is_the_best_one() -> None:
    assert chosen([3.5]) == (1, 3.5)


def test_of_two_epochs_the_better_raw_value_wins() -> None:
    assert chosen([3, 2]) == (2, 2)
    assert chosen([2, 3]) == (1, 2)


def test_epochs_before_the_first_eligible_one_do_not_count_not_even_as_neighbours() -> None:
    assert chosen([0.1, 0.1, 5, 4, 4.5], first=3) == (4, 4)
    assert chosen([0.1, 0.1], first=3) is None


def test_maximizing_turns_the_order_round() -> None:
    assert chosen([1, 2, 9, 2, 4, 5, 4], sign=-1.0) == (6, 5)


@given(st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30), st.integers(1, 6))
def test_the_running_choice_is_the_choice_over_the_whole_series(
    values: list[float], first: int
) -> None:
    eligible = values[first - 1 :]
    best = BestEpoch(first, 1.0)
    for epoch, value in enumerate(values, start=1):
        best.add(epoch, value)
    choice = best.current()
    if not eligible:
        assert choice is None
        return

    def score(index: int) -> tuple[float, float, int]:
        window = eligible[max(0, index - 1) : index + 2]
        ranked = sorted(window)
        return (ranked[1] if len(window) == 3 else ranked[-1], eligible[index], index)

    expected = min(range(len(eligible)), key=score)
    assert choice is not None
    assert choice.epoch == expected + first
    assert choice.value == eligible[expected]
    assert choice.latest == (choice.epoch == len(values))


@given(st.lists(st.floats(0, 9, allow_subnormal=False), min_size=1, max_size=12))
def test_a_choice_survives_json(values: list[float]) -> None:
    best = BestEpoch(2, -1.0)
    for epoch, value in enumerate(values, start=1):
        best.add(epoch, value)
    assert BestEpoch.from_json(best.to_json()) == best


def stopped_at(
    values: list[float], rule: EarlyStopping | None, first: int = 1, sign: float = 1.0
) -> int | None:
    patience = Patience(rule, first, sign)
    for epoch, value in enumerate(values, start=1):
        if patience.exhausted(epoch, value):
            return epoch
    return None


FALLING_THEN_FLAT = [5.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0]


def test_patience_counts_epochs_since_the_last_improvement() -> None:
    assert stopped_at(FALLING_THEN_FLAT, EarlyStopping(2, 0.0, 1)) == 5


def test_nothing_stops_before_the_minimum_of_epochs() -> None:
    assert stopped_at(FALLING_THEN_FLAT, EarlyStopping(2, 0.0, 7)) == 7


def test_an_improvement_below_min_delta_does_not_count() -> None:
    slowly = [5.0, 4.95, 4.9, 4.85, 4.8]
    assert stopped_at(slowly, EarlyStopping(2, 0.2, 1)) == 3
    assert stopped_at(slowly, EarlyStopping(2, 0.01, 1)) is None


def test_patience_starts_at_the_first_eligible_epoch() -> None:
    warm_up = [0.1, 0.1, 0.1, 0.1, 5.0, 4.0, 4.0, 4.0]
    assert stopped_at(warm_up, EarlyStopping(2, 0.0, 1), first=5) == 8


def test_maximizing_waits_for_rises() -> None:
    assert stopped_at([1.0, 2.0, 2.0, 2.0], EarlyStopping(2, 0.0, 1), sign=-1.0) == 4


@pytest.mark.parametrize("values", [[1.0, 2.0], [2.0, 1.0]])
def test_without_a_rule_nothing_stops(values: list[float]) -> None:
    assert stopped_at(values * 50, None) is None


def test_patience_survives_json() -> None:
    patience = Patience(EarlyStopping(3, 0.0, 1), 1, 1.0)
    fresh = patience.to_json()
    patience.exhausted(1, 2.0)
    other = Patience(EarlyStopping(3, 0.0, 1), 1, 1.0)
    other.restore(fresh)
    assert other.exhausted(1, 5.0) is False
    other.restore(patience.to_json())
    assert other == patience
