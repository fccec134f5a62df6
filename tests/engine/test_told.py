"""What a cohort may know of the trials before it, and how they rank."""

import random
from datetime import UTC, datetime
from math import inf, isfinite, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.aims import Aims
from service.domain.objectives import Constraint, Objective
from service.domain.records import Trial
from service.domain.states import TrialState
from service.engine.told import (
    Told,
    comparable_scores,
    comparable_violations,
    ranked,
    told_and_running,
    window,
)
from tests.engine.specs import resolved

DOWN = Aims((Objective(metric="mse"),))
UP = Aims((Objective(metric="elbo", direction="maximize"),))
PAIR = Aims((Objective(metric="mse"), Objective(metric="kl")))
BOUNDED = Aims((Objective(metric="mse", subject_to=[Constraint(metric="kl", at_most=10)]),))


def scores(trials: list[Told], aims: Aims, clip: bool = False) -> dict[int, float]:
    return {n: value for n, (value,) in comparable_scores(trials, aims, clip).items()}


def told(number: int, state: TrialState = TrialState.COMPLETE, **changes: object) -> Told:
    fields = {"cohort": number // 4, "params": {}, "value": float(number), **changes}
    return Told(number=number, state=state, **fields)  # type: ignore[arg-type]


@given(st.permutations(range(20)), st.integers(1, 4), st.integers(0, 4))
def test_told_and_running_divide_the_cohorts_before(
    order: list[int], in_flight: int, cohort: int
) -> None:
    spec = resolved(in_flight=in_flight)
    seen, running = told_and_running(spec, [told(number) for number in order], cohort)
    boundary = 4 * max(0, cohort - in_flight + 1)
    assert [trial.number for trial in seen] == list(range(boundary))
    assert [trial.number for trial in running] == list(range(boundary, 4 * cohort))


def test_trials_rank_by_value_and_the_diverged_last() -> None:
    trials = [
        told(0, TrialState.DIVERGED, value=None),
        told(1, TrialState.PRUNED, value=0.1),
        told(2, value=2.0),
        told(3, value=nan),
        told(4, TrialState.STOPPED, value=1.0),
        told(5, value=2.0),
    ]
    assert [trial.number for trial in ranked(trials, DOWN)] == [1, 4, 2, 5, 0, 3]
    assert [trial.number for trial in ranked(trials, UP)] == [2, 5, 4, 1, 0, 3]


@given(st.integers(0, 900), st.integers(0, 99))
@settings(max_examples=20)
def test_the_window_holds_the_best_and_the_newest(count: int, seed: int) -> None:
    generator = random.Random(seed)
    values = [generator.random() for _ in range(count)]
    trials = [told(number, value=value) for number, value in enumerate(values)]
    kept = {trial.number for trial in window(trials, DOWN)}
    assert len(kept) == min(count, 300)
    assert set(sorted(range(count), key=lambda n: values[n])[:150]) <= kept
    assert set(range(count)[-150:]) <= kept


@pytest.mark.parametrize("aims", [DOWN, UP])
def test_every_score_is_finite_and_the_diverged_come_after_the_worst(aims: Aims) -> None:
    trials = [
        told(0, value=1.0),
        told(1, value=3.0),
        told(2, value=nan),
        told(3, value=inf),
        told(4, TrialState.DIVERGED, value=-5.0),
    ]
    beyond = pytest.approx(3.2 if aims is DOWN else 0.8)
    assert scores(trials, aims) == {0: 1, 1: 3, 2: beyond, 3: beyond, 4: beyond}


def test_scores_stay_finite_at_the_edge_of_what_floats_can_say() -> None:
    trials = [told(0, value=-1.7e308), told(1, value=1.7e308), told(2, value=inf)]
    assert all(map(isfinite, scores(trials, DOWN).values()))
    assert scores(trials[2:], UP) == {2: -1.0}


def test_clipping_leaves_the_better_half_alone() -> None:
    trials = [told(number, value=value) for number, value in enumerate([1.0, 2.0, 3.0, 4.0, 1e30])]
    assert list(scores(trials, DOWN, clip=True).values()) == [1, 2, 3, 4, 9]
    turned = [told(number, value=-value) for number, value in enumerate([1.0, 2.0, 3.0, 4.0, 1e30])]
    assert list(scores(turned, UP, clip=True).values()) == [-1, -2, -3, -4, -9]


def test_what_failed_or_was_stopped_without_a_value_teaches_nothing() -> None:
    assert not told(0, TrialState.FAILED).is_informative
    assert not told(0, TrialState.STOPPED, value=None).is_informative
    assert told(0, TrialState.STOPPED).is_informative
    assert told(0, TrialState.DIVERGED, value=None).is_informative
    assert not told(0, TrialState.RUNNING).is_informative


def test_a_record_gives_what_a_sampler_may_see() -> None:
    trial = Trial(
        study_id="s",
        number=5,
        cohort=1,
        array=0,
        state=TrialState.PRUNED,
        family="vae",
        params={"depth": 1},
        value=0.2,
        best_epoch=7,
        epochs=9,
        rungs={"9": 0.2, "3": 0.4},
        metrics=None,
        verdict=None,
        seed=1,
        attempt=1,
        failure=None,
        created_at=datetime.now(UTC),
        started_at=None,
        finished_at=None,
    )
    assert Told.of(trial, DOWN) == Told(5, 1, {"depth": 1}, TrialState.PRUNED, 0.2)
    assert Told.of(trial, PAIR).scores == {"mse": None, "kl": None}


def pair(number: int, mse: float | None, kl: float | None, state: str = "COMPLETE") -> Told:
    seen = {"mse": mse, "kl": kl}
    return told(number, TrialState(state), value=mse, scores=seen)


def test_several_objectives_rank_by_fronts() -> None:
    trials = [
        pair(0, 3.0, 3.0),
        pair(1, 1.0, 9.0),
        pair(2, None, None, "DIVERGED"),
        pair(3, 9.0, 1.0),
        pair(4, 4.0, 4.0),
        pair(5, 2.0, 2.0),
    ]
    assert [trial.number for trial in ranked(trials, PAIR)] == [1, 3, 5, 0, 4, 2]


def test_what_keeps_the_bound_ranks_before_what_does_not_and_that_by_how_far() -> None:
    trials = [
        pair(0, 0.1, 30.0),
        pair(1, 0.5, 10.0),
        pair(2, 0.2, 11.0),
        pair(3, None, None, "DIVERGED"),
        pair(4, 0.4, 2.0),
        pair(5, 0.01, None),
    ]
    assert [trial.number for trial in ranked(trials, BOUNDED)] == [4, 1, 2, 0, 5, 3]


def test_a_diverged_trial_is_told_a_finite_worst_on_every_objective_and_bound() -> None:
    trials = [pair(0, 1.0, 5.0), pair(1, 3.0, 8.0), pair(2, None, None, "DIVERGED")]
    assert comparable_scores(trials, PAIR)[2] == [pytest.approx(3.2), pytest.approx(8.3)]
    violations = comparable_violations(trials, BOUNDED)
    assert [violations[n]["kl <= 10"] for n in range(3)] == [-0.5, pytest.approx(-0.2), 1.0]


def test_what_was_never_measured_is_no_violation_of_its_own() -> None:
    trials = [pair(0, 1.0, 5.0), pair(1, 3.0, 20.0), pair(2, 2.0, None, "PRUNED")]
    violations = comparable_violations(trials, BOUNDED)
    assert violations[2]["kl <= 10"] == pytest.approx((-0.5 + 1.0) / 2)


figures = st.none() | st.floats(allow_nan=True, allow_infinity=True)
told_pairs = st.lists(
    st.tuples(figures, figures, st.sampled_from(["COMPLETE", "PRUNED", "DIVERGED"])), max_size=12
).map(lambda ends: [pair(number, *end) for number, end in enumerate(ends)])


@given(told_pairs, st.booleans())
def test_everything_that_a_sampler_is_told_is_finite(trials: list[Told], clip: bool) -> None:
    for aims in (PAIR, BOUNDED):
        for values in comparable_scores(trials, aims, clip).values():
            assert len(values) == len(aims.objectives) and all(map(isfinite, values))
        for bounds in comparable_violations(trials, aims, clip).values():
            assert len(bounds) == len(aims.constraints) and all(map(isfinite, bounds.values()))


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=30))
def test_clipping_never_makes_a_violation_of_a_bound_a_kept_one(rates: list[float]) -> None:
    trials = [pair(number, 1.0, rate) for number, rate in enumerate(rates)]
    clipped = comparable_violations(trials, BOUNDED, clip=True)
    for number, rate in enumerate(rates):
        assert (clipped[number]["kl <= 10"] > 0) == (rate > 10)
