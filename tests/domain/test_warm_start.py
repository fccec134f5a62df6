"""What an earlier study's configs become in another space."""

from typing import Any

import pytest

from service.domain.records import DataHeader
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.warm_start import Earlier, fit_loosely, warmed
from service.errors import InvalidSpec
from trainers.registry import catalog

HEADER = DataHeader(samples=1000, shape=[8, 8], dtype="uint8", bytes=64_000)
SPACE: dict[str, Any] = {
    "learning_rate": {"type": "float", "low": 0.001, "high": 0.01, "log": True},
    "hidden_width": {"type": "categorical", "choices": [32, 64]},
    "latent_dim": 8,
}
GOOD = {"family": "autoencoder", "learning_rate": 0.003, "hidden_width": 64, "latent_dim": 16}


def resolved(**changes: Any) -> ResolvedSpec:
    wish = {
        "name": "x",
        "dataset": {"name": "digits"},
        "family": "autoencoder",
        "space": SPACE,
        "budget": {"trials": 40},
        "warm_start": {},
        **changes,
    }
    return resolve(StudySpec.model_validate(wish), catalog(), HEADER)


def test_what_the_space_contains_is_taken_and_the_rest_left_to_the_sampler() -> None:
    assert fit_loosely(GOOD, resolved(), catalog()) == {"hidden_width": 64, "learning_rate": 0.003}
    far = {**GOOD, "learning_rate": 0.5, "unheard_of": 1}
    assert fit_loosely(far, resolved(), catalog()) == {"hidden_width": 64}
    assert fit_loosely({**GOOD, "family": "vae"}, resolved(), catalog()) == {}
    assert fit_loosely({"latent_dim": 16}, resolved(), catalog()) == {}


def test_own_entries_come_first_then_configs_then_studies_in_turn() -> None:
    own = {"learning_rate": 0.002}
    spec = resolved(
        enqueue=[own], warm_start={"configs": [{"learning_rate": 0.004}], "studies": ["a", "b"]}
    )
    earlier = [
        Earlier("a", [{**GOOD, "learning_rate": rate} for rate in (0.005, 0.006, 0.007)]),
        Earlier("b", [{**GOOD, "learning_rate": rate} for rate in (0.008, 0.009)]),
    ]
    found, notices = warmed(spec, catalog(), earlier)
    rates = [entry["learning_rate"] for entry in found.enqueue]
    assert rates == [0.002, 0.004, 0.005, 0.008, 0.006, 0.009]
    assert notices == []


def test_earlier_studies_get_a_tenth_of_the_trials_and_one_at_least() -> None:
    many = [Earlier("a", [{**GOOD, "learning_rate": 0.001 + i / 1e4} for i in range(30)])]
    counts = [
        len(warmed(resolved(budget={"trials": trials}), catalog(), many)[0].enqueue)
        for trials in (4, 25, 1000)
    ]
    assert counts == [1, 2, 5]


def test_what_brings_nothing_is_named() -> None:
    spec = resolved(warm_start={"configs": [{"family": "vae"}], "studies": ["a"]})
    found, [notice] = warmed(spec, catalog(), [Earlier("a", [])])
    assert found.enqueue == []
    assert "config 0, study a" in notice.message


def test_the_same_config_is_not_tried_twice() -> None:
    spec = resolved(warm_start={"configs": [GOOD, dict(GOOD)]})
    assert len(warmed(spec, catalog(), [])[0].enqueue) == 1


def test_a_grid_has_no_first() -> None:
    space = {"hidden_width": {"type": "categorical", "choices": [32, 64]}}
    spec = resolved(space=space, sampler={"type": "grid"}, budget={})
    with pytest.raises(InvalidSpec) as caught:
        warmed(spec, catalog(), [])
    assert caught.value.errors[0].pointer == "/warm_start"


def test_without_a_wish_nothing_changes() -> None:
    spec = resolved(warm_start=None)
    assert warmed(spec, catalog(), []) == (spec, [])
