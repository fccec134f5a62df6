"""propose() is a function, and it searches."""

import json
import random
import subprocess
import sys
import warnings
from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.model import derive_seed
from service.domain.space import contains, is_active
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.engine.proposals import Proposal, Told, propose
from tests.engine.specs import BOWL, CONDITIONAL, FLAT, bowl, mixed_loss, resolved, run_search

GRID = {
    "hidden_width": {"type": "categorical", "choices": [32, 64, 128]},
    "dropout": {"type": "float", "low": 0.0, "high": 0.3, "step": 0.1},
    "depth": {"type": "int", "low": 0, "high": 1},
}
SAMPLERS = ["grid", "random", "tpe", "gp"]


def spec_of(sampler: str, **changes: object) -> ResolvedSpec:
    space = GRID if sampler == "grid" else FLAT
    return resolved(**{"sampler": {"type": sampler}, "space": space, "trials": 12, **changes})


def diverse_end(proposal: Proposal, value: float) -> tuple[TrialState, float | None]:
    """Every way in which a trial can end, by number."""
    return [
        (TrialState.COMPLETE, value),
        (TrialState.PRUNED, value + 1),
        (TrialState.DIVERGED, None),
        (TrialState.COMPLETE, value),
        (TrialState.STOPPED, value),
        (TrialState.FAILED, None),
        (TrialState.STOPPED, None),
        (TrialState.COMPLETE, value),
    ][proposal.number % 8]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_proposal_lies_in_the_space_and_survives_json(sampler: str) -> None:
    spec = spec_of(sampler)
    for trial in run_search(spec, end=diverse_end):
        assert list(trial.params) == sorted(trial.params)
        assert json.loads(json.dumps(trial.params)) == trial.params
        for name, value in trial.params.items():
            assert type(value) in (bool, int, float, str)
            assert contains(spec.space[name], value)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_study_is_proposed_again(sampler: str) -> None:
    spec = spec_of(sampler)
    assert run_search(spec, end=diverse_end) == run_search(spec, end=diverse_end)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_restart_in_the_middle_changes_nothing(sampler: str) -> None:
    spec = spec_of(sampler)
    whole = run_search(spec, end=diverse_end)
    for kept in (4, 8):
        assert run_search(spec, end=diverse_end, history=whole[:kept]) == whole


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
def test_another_seed_gives_another_study(sampler: str) -> None:
    first, second = spec_of(sampler, seed=1), spec_of(sampler, seed=2)
    assert [t.params for t in run_search(first)] != [t.params for t in run_search(second)]


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
def test_cohorts_do_not_repeat_one_another(sampler: str) -> None:
    rates = [t.params["learning_rate"] for t in run_search(spec_of(sampler))]
    assert len(set(rates)) == len(rates)


@given(
    sampler=st.sampled_from(["random", "tpe"]),
    conditional=st.booleans(),
    in_flight=st.integers(1, 3),
    shuffle=st.integers(0, 2**16),
    noise=st.floats(-10, 10),
)
@settings(max_examples=25, deadline=None)
def test_a_proposal_depends_on_what_the_rule_lets_it_see_and_on_nothing_else(
    sampler: str, conditional: bool, in_flight: int, shuffle: int, noise: float
) -> None:
    spec = resolved(
        sampler={"type": sampler},
        space=CONDITIONAL if conditional else FLAT,
        families=["autoencoder", "vae"] if conditional else ["autoencoder"],
        in_flight=in_flight,
        trials=24,
    )
    history = run_search(spec, end=diverse_end)
    cohort = 4
    expected = propose(spec, [t for t in history if t.cohort < cohort], cohort)
    mangled = [
        replace(trial, state=TrialState.RUNNING, value=noise)
        if trial.cohort > cohort - in_flight
        else trial
        for trial in history
    ]
    random.Random(shuffle).shuffle(mangled)
    assert propose(spec, mangled, cohort) == expected


def test_the_gaussian_process_sees_no_more_than_the_rule_allows() -> None:
    spec = spec_of("gp", space=BOWL, trials=14)
    history = run_search(spec, bowl)
    mangled = [replace(t, value=-9.0) if t.cohort == 2 else t for t in reversed(history)]
    assert propose(spec, mangled, 3) == propose(spec, history, 3)


def test_results_that_are_told_do_change_a_proposal() -> None:
    spec = spec_of("tpe", trials=24)
    history = run_search(spec)
    turned = [replace(t, value=-t.value) for t in history if t.value is not None]
    assert propose(spec, turned, 4) != propose(spec, history, 4)


def test_params_of_cohorts_in_flight_keep_others_away() -> None:
    spec = spec_of("tpe", trials=24)
    history = run_search(spec)
    moved = [
        replace(t, params={**t.params, "learning_rate": 1e-2}) if t.cohort == 3 else t
        for t in history
    ]
    assert propose(spec, moved, 4) != propose(spec, history, 4)


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
@given(seed=st.integers(0, 2**63 - 1))
@settings(max_examples=5, deadline=None)
def test_conditions_are_respected_in_startup_and_after(sampler: str, seed: int) -> None:
    spec = resolved(
        sampler={"type": sampler, **({"startup_trials": 5} if sampler != "random" else {})},
        space=CONDITIONAL,
        families=["autoencoder", "vae"],
        trials=8 if sampler == "gp" else 20,
        in_flight=1,
        seed=seed,
    )
    for trial in run_search(spec):
        assert trial.params["family"] in ("autoencoder", "vae")
        searched = {name for name in CONDITIONAL if is_active(name, spec.space, trial.params)}
        assert set(trial.params) == searched | {"family"}


def test_a_choice_between_look_alikes_keeps_its_type() -> None:
    spec = resolved(
        space={"odd": {"type": "categorical", "choices": [1, True, "1", 0, False]}}, trials=40
    )
    seen = {(type(t.params["odd"]), t.params["odd"]) for t in run_search(spec)}
    assert seen == {(int, 1), (bool, True), (str, "1"), (int, 0), (bool, False)}


def test_a_wide_stepped_range_gives_its_own_values() -> None:
    space = {
        "hidden_width": {"type": "int", "low": 8, "high": 1000, "step": 8},
        "dropout": {"type": "float", "low": 0.0, "high": 0.95, "step": 0.01},
        "noise": {"type": "float", "low": 0.0, "high": 1.0, "step": 0.3},
    }
    for trial in run_search(resolved(space=space, trials=24)):
        assert int(trial.params["hidden_width"]) % 8 == 0
        assert str(trial.params["dropout"]) == f"{float(trial.params['dropout']):.2f}".rstrip(
            "0"
        ).ljust(3, "0")
        assert trial.params["noise"] in (0.0, 0.3, 0.6, 0.9)


def test_trial_seeds_come_from_the_study_seed_or_from_the_spec() -> None:
    spec = spec_of("random", seed=7)
    assert [p.seed for p in propose(spec, [], 0)] == [derive_seed(7, "trial", n) for n in range(4)]
    fixed = spec_of("random", trial_seed=11)
    assert {p.seed for p in propose(fixed, [], 0)} == {11}


def test_a_space_without_anything_to_search_gives_empty_params() -> None:
    spec = resolved(space={"depth": 1}, trials=2)
    assert [p.params for p in propose(spec, [], 0)] == [{}, {}]


def test_a_cohort_is_refused_while_one_that_it_must_see_is_open() -> None:
    spec = spec_of("tpe")
    history = [
        replace(t, state=TrialState.RUNNING) if t.number == 2 else t for t in run_search(spec)
    ]
    with pytest.raises(ValueError, match="while trial 2 of cohort 0 is RUNNING"):
        propose(spec, history, 2)
    propose(spec, history, 1)


def test_a_cohort_is_refused_while_a_trial_is_missing() -> None:
    spec = spec_of("tpe")
    history = [t for t in run_search(spec) if t.number != 3]
    with pytest.raises(ValueError, match="without trial 3"):
        propose(spec, history, 2)


def test_the_last_cohort_holds_what_is_left_of_the_budget() -> None:
    spec = spec_of("random", trials=10)
    assert [t.number for t in run_search(spec) if t.cohort == 2] == [8, 9]
    assert propose(spec, run_search(spec), 3) == []


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_model_based_sampler_beats_random_at_equal_trials(sampler: str, seed: int) -> None:
    common = {"space": BOWL, "trials": 24, "cohort_size": 2, "in_flight": 2}
    best: dict[str, list[float]] = {sampler: [], "random": []}
    for name, found in best.items():
        for repeat in range(3 if sampler == "tpe" else 1):
            spec = resolved(sampler={"type": name}, seed=10 * seed + repeat, **common)
            found.append(mean(sorted(bowl(t.params) for t in run_search(spec, bowl))[:5]))
    assert mean(best[sampler]) < mean(best["random"])


def test_maximizing_climbs() -> None:
    spec = resolved(space=BOWL, trials=40, direction="maximize")
    history = run_search(spec, lambda params: -bowl(params))
    early = mean(bowl(t.params) for t in history[:8])
    assert mean(bowl(t.params) for t in history[-8:]) < early / 2


def test_tpe_stays_away_from_where_trials_diverge() -> None:
    def end(proposal: Proposal, value: float) -> tuple[TrialState, float | None]:
        if float(proposal.params["x"]) > 3:
            return TrialState.DIVERGED, None
        return TrialState.PRUNED, value

    late = [
        trial
        for seed in range(4)
        for trial in run_search(resolved(space=BOWL, trials=60, seed=seed), bowl, end)[30:]
    ]
    share_of_space = 0.2
    assert sum(t.state is TrialState.DIVERGED for t in late) / len(late) < 0.6 * share_of_space


def test_the_gaussian_process_is_not_blinded_by_one_enormous_loss() -> None:
    spec = resolved(sampler={"type": "gp"}, space=BOWL, trials=20, cohort_size=2, in_flight=1)
    history = run_search(spec, lambda params: 1e30 if params["x"] > 4 else bowl(params))
    history = [replace(t, value=1e30) if t.number == 0 else t for t in history[:12]]
    history = run_search(spec, bowl, history=history)
    assert min(bowl(t.params) for t in history[12:]) < 0.5


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_history_of_nothing_but_divergence_is_no_obstacle(sampler: str) -> None:
    spec = spec_of(sampler)
    run_search(spec, end=lambda proposal, value: (TrialState.DIVERGED, None))


def test_startup_counts_all_told_trials_and_not_those_in_the_window() -> None:
    spec = resolved(
        sampler={"type": "tpe", "startup_trials": 400},
        space=BOWL,
        trials=500,
        cohort_size=50,
        in_flight=1,
    )
    history = [
        Told(n, n // 50, {"x": 1.0 + n % 7 / 100, "y": -2.0}, TrialState.COMPLETE, float(n % 7))
        for n in range(450)
    ]
    started = propose(spec, history, 9)
    assert mean(abs(float(p.params["x"]) - 1.0) for p in started) < 1.0
    waiting = propose(spec, history, 7)
    assert mean(abs(float(p.params["x"]) - 1.0) for p in waiting) > 1.5


def test_the_result_does_not_depend_on_pythons_hash_seed() -> None:
    program = (
        "from tests.engine.specs import *\n"
        "spec = resolved(space=CONDITIONAL, families=['autoencoder', 'vae'], trials=16)\n"
        "print([trial.params for trial in run_search(spec)])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_optuna_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_search(resolved(space=CONDITIONAL, families=["autoencoder", "vae"]), mixed_loss)
    assert capfd.readouterr() == ("", "")
