from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.space import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    contains,
    grid_values,
    is_active,
    topological_order,
    varies,
)


@st.composite
def stepped(draw: st.DrawFn) -> FloatDistribution:
    low = draw(st.floats(-1e6, 1e6))
    step = draw(st.floats(1e-3, 1e3))
    return FloatDistribution(low=low, high=low + step * draw(st.floats(0, 50)), step=step)


@st.composite
def whole(draw: st.DrawFn) -> IntDistribution:
    low = draw(st.integers(-1000, 1000))
    return IntDistribution(
        low=low, high=low + draw(st.integers(0, 300)), step=draw(st.integers(1, 40))
    )


@given(stepped() | whole())
def test_every_value_of_a_grid_lies_in_its_range(
    distribution: FloatDistribution | IntDistribution,
) -> None:
    values = grid_values(distribution)
    assert values == sorted(set(values))
    assert all(distribution.low <= value <= distribution.high for value in values)
    assert all(contains(distribution, value) for value in values)
    assert varies(distribution) == (len(values) > 1)


def test_a_decimal_step_gives_decimal_values() -> None:
    assert grid_values(FloatDistribution(low=0.1, high=0.5, step=0.1)) == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_range_with_a_step_does_not_contain_what_lies_between() -> None:
    assert not contains(IntDistribution(low=4, high=64, step=4), 6)
    assert not contains(FloatDistribution(low=0, high=1, step=0.25), 0.3)


def test_true_and_one_are_two_values() -> None:
    assert not contains(IntDistribution(low=0, high=1), True)
    assert not contains(CategoricalDistribution(choices=[1]), True)
    assert CategoricalDistribution(choices=[1, True, 1.0]).choices == [1, True, 1.0]


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(low=0, high=1),
        FloatDistribution(low=0, high=1, step=1e-9),
        FloatDistribution(low=-1e308, high=1e308, step=1e-3),
        IntDistribution(low=0, high=10**12),
    ],
)
def test_an_endless_grid_is_refused_without_building_it(distribution: Any) -> None:
    with pytest.raises(ValueError, match=r"more than 100000 values|no grid"):
        grid_values(distribution)


OPTIMIZER = CategoricalDistribution(choices=["sgd", "adam"])
MOMENTUM = IntDistribution(low=0, high=9, when={"optimizer": ["sgd"]})
NESTEROV = CategoricalDistribution(choices=[True, False], when={"momentum": [1, 2]})


def test_a_condition_on_an_inactive_parameter_does_not_hold() -> None:
    space = {"optimizer": OPTIMIZER, "momentum": MOMENTUM, "nesterov": NESTEROV}
    assert is_active("nesterov", space, {"optimizer": "sgd", "momentum": 1})
    assert not is_active("nesterov", space, {"optimizer": "sgd", "momentum": 3})
    assert not is_active("nesterov", space, {"optimizer": "adam"})


def test_a_condition_on_a_fixed_value_is_settled_by_it() -> None:
    assert is_active("momentum", {"optimizer": "sgd", "momentum": MOMENTUM}, {})
    assert not is_active("momentum", {"optimizer": "adam", "momentum": MOMENTUM}, {})


def test_parents_come_before_their_children() -> None:
    space = {"a_child": NESTEROV, "momentum": MOMENTUM, "optimizer": OPTIMIZER, "z": 3}
    assert topological_order(space) == ["optimizer", "momentum", "a_child"]
