"""What a cohort may know of the trials before it, and how they rank."""

import random
from datetime import UTC, datetime
from math import inf, isfinite, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.records import Trial
from service.domain.states import TrialState
from service.engine.told import Told, comparable_scores, ranked, told_and_running, window
from tests.engine.specs import resolved


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
    assert [trial.number for trial in ranked(trials, "minimize")] == [1, 4, 2, 5, 0, 3]
    assert [trial.number for trial in ranked(trials, "maximize")] == [2, 5, 4, 1, 0, 3]


@given(st.integers(0, 900), st.integers(0, 99))
@settings(max_examples=20)
def test_the_window_holds_the_best_and_the_newest(count: int, seed: int) -> None:
    generator = random.Random(seed)
    values = [generator.random() for _ in range(count)]
    trials = [told(number, value=value) for number, value in enumerate(values)]
    kept = {trial.number for trial in window(trials, "minimize")}
    assert len(kept) == min(count, 300)
    assert set(sorted(range(count), key=lambda n: values[n])[:150]) <= kept
    assert set(range(count)[-150:]) <= kept


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_every_score_is_finite_and_the_diverged_come_after_the_worst(direction: str) -> None:
    trials = [
        told(0, value=1.0),
        told(1, value=3.0),
        told(2, value=nan),
        told(3, value=inf),
        told(4, TrialState.DIVERGED, value=-5.0),
    ]
    beyond = pytest.approx(3.2 if direction == "minimize" else 0.8)
    assert comparable_scores(trials, direction) == {0: 1, 1: 3, 2: beyond, 3: beyond, 4: beyond}


def test_scores_stay_finite_at_the_edge_of_what_floats_can_say() -> None:
    trials = [told(0, value=-1.7e308), told(1, value=1.7e308), told(2, value=inf)]
    assert all(map(isfinite, comparable_scores(trials, "minimize").values()))
    assert comparable_scores(trials[2:], "maximize") == {2: -1.0}


def test_clipping_leaves_the_better_half_alone() -> None:
    trials = [told(number, value=value) for number, value in enumerate([1.0, 2.0, 3.0, 4.0, 1e30])]
    assert list(comparable_scores(trials, "minimize", clip=True).values()) == [1, 2, 3, 4, 9]
    turned = [told(number, value=-value) for number, value in enumerate([1.0, 2.0, 3.0, 4.0, 1e30])]
    assert list(comparable_scores(turned, "maximize", clip=True).values()) == [-1, -2, -3, -4, -9]


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
    assert Told.of(trial) == Told(5, 1, {"depth": 1}, TrialState.PRUNED, 0.2)
