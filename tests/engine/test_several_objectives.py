"""propose() with several objectives and with constraints: still a function, and it searches."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.domain.aims import Aims
from service.domain.pareto import Member, hypervolume, pareto_front
from service.domain.space import Params
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.engine.cohorts import planned_cohorts
from service.engine.proposals import Proposal, Told, propose, trial_seed
from tests.engine.specs import BOWL, FLAT, resolved

PAIR = [{"metric": "mse"}, {"metric": "kl"}]
BOUNDED = {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 4}]}
BOTH = [{"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 30}]}, {"metric": "kl"}]
OBJECTIVES = {"pair": PAIR, "bounded": BOUNDED, "both": BOTH}
GRID = {
    "hidden_width": {"type": "categorical", "choices": [32, 64, 128]},
    "depth": {"type": "int", "low": 0, "high": 2},
}

Score = Callable[[Params], dict[str, float | None]]


def two_bowls(params: Params) -> dict[str, float | None]:
    """Quadratics with their minima of 0 at (1, -2) and at (-3, 2): the front joins the two."""
    x, y = float(params["x"]), float(params["y"])
    return {"mse": (x - 1) ** 2 + (y + 2) ** 2, "kl": (x + 3) ** 2 + (y - 2) ** 2}


def mixed(params: Params) -> dict[str, float | None]:
    """Something deterministic of whatever there is."""
    total = sum(float(value) for value in params.values() if not isinstance(value, str))
    return {"mse": total % 7, "kl": (3 * total) % 11}


def spec_of(sampler: str, objective: Any, **changes: Any) -> ResolvedSpec:
    space = GRID if sampler == "grid" else BOWL
    startup = {} if sampler in ("grid", "random") else {"startup_trials": 3}
    fields = {"sampler": {"type": sampler, **startup}, "space": space, "trials": 12}
    if sampler == "gp":  # it takes a second an ask: two of its own are enough
        fields |= {"trials": 8, "cohort_size": 2}
    spec = resolved(**fields | changes)
    return ResolvedSpec.model_validate({**spec.model_dump(), "objective": objective})


def search(
    spec: ResolvedSpec, score: Score, history: list[Told] | None = None, calm: bool = False
) -> list[Told]:
    """A whole study without training; every seventh trial diverges, every fifth is pruned.

    All of them are complete where it is calm.
    """
    told = list(history or [])
    first = 1 + max((trial.cohort for trial in told), default=-1)
    for cohort in range(first, planned_cohorts(spec)):
        told += [_end(spec.aims, cohort, each, score, calm) for each in propose(spec, told, cohort)]
    return told


def _end(aims: Aims, cohort: int, proposal: Proposal, score: Score, calm: bool) -> Told:
    scores = score(proposal.params)
    state = TrialState.COMPLETE
    if calm:
        pass
    elif proposal.number % 7 == 6:
        state, scores = TrialState.DIVERGED, dict.fromkeys(scores)
    elif proposal.number % 5 == 4:
        state = TrialState.PRUNED
    value = scores[aims.objectives[0].metric]
    return Told(proposal.number, cohort, proposal.params, state, value, scores)


each_objective = pytest.mark.parametrize("kind", OBJECTIVES)


@each_objective
@pytest.mark.parametrize("sampler", ["grid", "random", "tpe", "gp"])
def test_the_same_study_is_proposed_again_also_after_a_restart(sampler: str, kind: str) -> None:
    spec = spec_of(sampler, OBJECTIVES[kind])
    score = mixed if sampler == "grid" else two_bowls
    whole = search(spec, score)
    assert len(whole) == spec.trials
    assert search(spec, score, history=whole[: spec.cohort_size]) == whole


@each_objective
@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_proposal_sees_no_more_than_the_rule_allows(sampler: str, kind: str) -> None:
    spec = spec_of(sampler, OBJECTIVES[kind])
    cohort = spec.trials // spec.cohort_size - 1
    history = search(spec, two_bowls)
    wrong = {"mse": -9.0, "kl": -9.0}
    hidden = [
        replace(trial, value=-9.0, scores=wrong) if trial.cohort >= cohort - 1 else trial
        for trial in reversed(history)
    ]
    assert propose(spec, hidden, cohort) == [
        Proposal(trial.number, dict(trial.params), trial_seed(spec, trial.number))
        for trial in history[-spec.cohort_size :]
    ]


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_what_is_told_of_the_second_objective_matters(sampler: str) -> None:
    spec = spec_of(sampler, PAIR)
    cohort = spec.trials // spec.cohort_size - 1
    history = search(spec, two_bowls)
    turned = [
        replace(trial, scores={**trial.scores, "kl": -kl})
        if (kl := trial.scores["kl"]) is not None
        else trial
        for trial in history
    ]
    again = propose(spec, turned, cohort)
    assert [p.params for p in again] != [t.params for t in history[-spec.cohort_size :]]


def front_volume(trials: list[Told]) -> float:
    members = [
        Member(trial.number, (mse, kl))
        for trial in trials
        if (mse := trial.scores["mse"]) is not None and (kl := trial.scores["kl"]) is not None
    ]
    return hypervolume([m.losses for m in pareto_front(members)], (30.0, 30.0))


def test_tpe_finds_a_better_front_than_chance() -> None:
    wins = 0
    for seed in range(3):
        found = {
            sampler: front_volume(search(spec_of(sampler, PAIR, trials=60, seed=seed), two_bowls))
            for sampler in ("tpe", "random")
        }
        wins += found["tpe"] > found["random"]
    assert wins == 3


@pytest.mark.parametrize(("sampler", "trials", "least"), [("tpe", 80, 18.0), ("gp", 20, 20.0)])
def test_a_bounded_search_goes_where_the_bound_is_kept(
    sampler: str, trials: int, least: float
) -> None:
    spec = spec_of(sampler, BOUNDED, trials=trials, cohort_size=4)
    late = search(spec, two_bowls, calm=True)[trials // 2 :]
    kept = [trial for trial in late if (trial.scores["kl"] or 99.0) <= 4]
    assert len(kept) >= len(late) / 3  # 12 % of the space keep it
    # Next to the bound towards (1, -2): (sqrt(32) - 2)^2 = 13.4 is the least there is.
    assert min(trial.scores["mse"] or 99.0 for trial in kept) < least


def test_conditional_spaces_take_several_objectives_too() -> None:
    momentum = {"type": "float", "low": 0.5, "high": 0.9, "when": {"batch_size": [64]}}
    spec = spec_of("tpe", PAIR, space=FLAT | {"momentum": momentum}, trials=24)
    assert len(search(spec, mixed)) == 24
