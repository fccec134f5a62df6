"""What a study is told to try first, it tries first, and the sampler chooses the rest."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.space import contains, is_active
from service.engine.proposals import propose
from tests.engine.specs import CONDITIONAL, FLAT, run_search
from tests.engine.test_proposals import diverse_end, spec_of

ENQUEUED: list[dict[str, object]] = [
    {"learning_rate": 0.003, "dropout": 0.3, "hidden_width": 77, "latent_dim": 12},
    {},
    {"learning_rate": 1e-4, "batch_size": 128},
    {"norm": "none", "hidden_width": 256},
    {"latent_dim": 4},
]


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
def test_what_is_enqueued_comes_first_and_the_sampler_chooses_the_rest(sampler: str) -> None:
    spec = spec_of(sampler, enqueue=ENQUEUED)
    told = run_search(spec, end=diverse_end)
    for trial, entry in zip(told, ENQUEUED, strict=False):
        assert entry.items() <= trial.params.items()
        assert sorted(trial.params) == sorted(set(FLAT) - {"depth"})
        assert all(contains(spec.space[name], value) for name, value in trial.params.items())
    assert all(type(trial.params["hidden_width"]) is int for trial in told)


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
def test_an_enqueued_trial_keeps_to_the_conditions(sampler: str) -> None:
    entries = [
        {"family": "vae", "beta": 0.5, "optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adam"},
        {"family": "autoencoder", "weight_decay": 0.01},
        {"family": "vae", "optimizer": "sgd"},
    ]
    spec = spec_of(
        sampler, space=CONDITIONAL, families=["autoencoder", "vae"], enqueue=entries, trials=16
    )
    told = run_search(spec)
    for trial, entry in zip(told, entries, strict=False):
        assert entry.items() <= trial.params.items()
    for trial in told:
        active = {name for name in CONDITIONAL if is_active(name, spec.space, trial.params)}
        assert set(trial.params) == active | {"family"}


@settings(deadline=None, max_examples=12, derandomize=True)
@given(
    st.sampled_from(["random", "tpe", "gp"]),
    st.lists(st.sampled_from(ENQUEUED), max_size=10),
    st.randoms(use_true_random=False),
)
def test_enqueued_or_not_the_order_of_the_history_does_not_matter(
    sampler: str, entries: list[dict[str, object]], chance: random.Random
) -> None:
    spec = spec_of(sampler, enqueue=entries)
    whole = run_search(spec, end=diverse_end)
    for cohort in (1, 2):
        shuffled = chance.sample(whole, len(whole))
        proposed = [p.params for p in propose(spec, shuffled, cohort)]
        assert proposed == [trial.params for trial in whole if trial.cohort == cohort]
