"""Parameters that need a value of another one: a condition, or an error."""

from typing import Any

import pytest

from service.domain.catalog import Catalog
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec
from service.errors import InvalidSpec
from tests.domain.catalog import CATALOG, among, parameter, spec
from tests.domain.catalog import DIGITS as HEADER

DIGITS = HEADER.model_copy(update={"kind": "image"})
ARCHITECTURE = parameter("architecture", "optimisation", "mlp", among("mlp", "conv"))
CHANNELS = parameter("channels", "optimisation", 16, among(8, 16, 32), among(8, 16)).model_copy(
    update={"needs": {"architecture": ["conv"]}}
)


def catalog() -> Catalog:
    families = {}
    for name, family in CATALOG.families.items():
        width = family.parameters["hidden_width"].model_copy(
            update={"needs": {"architecture": ["mlp"]}}
        )
        more = {"architecture": ARCHITECTURE, "channels": CHANNELS, "hidden_width": width}
        families[name] = family.model_copy(update={"parameters": family.parameters | more})
    return Catalog(**{**vars(CATALOG), "families": families})


def resolved(**space: Any) -> ResolvedSpec:
    return resolve(spec(space=space), catalog(), DIGITS)


def test_default_ranges_that_would_never_take_part_are_not_searched() -> None:
    assert "channels" not in resolved().space
    assert "hidden_width" in resolved().space


def test_a_searched_parent_becomes_a_condition() -> None:
    both = {"type": "categorical", "choices": ["mlp", "conv"]}
    width = {"type": "int", "low": 32, "high": 64}
    channels = {"type": "categorical", "choices": [8, 16]}
    space = resolved(architecture=both, hidden_width=width, channels=channels).space
    assert space["channels"].when == {"architecture": ["conv"]}  # type: ignore[union-attr]
    assert space["hidden_width"].when == {"architecture": ["mlp"]}  # type: ignore[union-attr]


def test_a_fixed_parent_that_fits_needs_no_condition() -> None:
    channels = {"type": "categorical", "choices": [8, 16]}
    space = resolved(architecture="conv", channels=channels).space
    assert space["channels"].when is None  # type: ignore[union-attr]


def test_a_searched_parameter_that_can_never_take_part_is_refused() -> None:
    with pytest.raises(InvalidSpec) as caught:
        resolved(channels={"type": "categorical", "choices": [8, 16]})
    (error,) = caught.value.errors
    assert error.pointer == "/space/channels"
    assert "needs architecture to be conv" in error.reason
    assert "architecture: conv" in error.remedy


def test_a_fixed_value_that_has_no_effect_is_let_through() -> None:
    assert resolved(channels=16).space["channels"] == 16


def test_resolving_twice_changes_nothing() -> None:
    both = {"type": "categorical", "choices": ["mlp", "conv"]}
    once = resolved(architecture=both, channels={"type": "categorical", "choices": [8, 16]})
    assert resolve(once, catalog(), DIGITS) == once
