"""A search that brings nothing any more ends, at the same place on every machine."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.objectives import Constraint, Objective
from service.domain.spec import Extension, ResolvedSpec
from service.domain.states import StudyState, TrialState
from service.domain.strategies import Budget, NoImprovement
from service.engine.stagnation import stagnation
from service.engine.told import Told
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.migration import migrate
from tests.engine.harness import SMALL, House, fingerprint
from tests.engine.specs import resolved

COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED


def spec_of(trials: int = 8, at_least: float = 0.0, **changes: Any) -> ResolvedSpec:
    rule = NoImprovement(trials=trials, at_least=at_least)
    return resolved(budget=Budget(trials=100, stop_when_no_improvement=rule), **changes)


def told(values: list[float | None], state: TrialState = COMPLETE) -> list[Told]:
    """Trials in cohorts of four; what has no value diverged."""
    return [
        Told(n, n // 4, {}, TrialState.DIVERGED if value is None else state, value)
        for n, value in enumerate(values)
    ]


def ends_at(spec: ResolvedSpec, history: list[Told]) -> int | None:
    """The first cohort that is not proposed any more."""
    cohorts = range(3 + max(trial.cohort for trial in history))
    return next((c for c in cohorts if stagnation(spec, history, c)), None)


def test_the_search_ends_when_the_newest_trials_brought_nothing() -> None:
    history = told([5, 4, 3, 2, *[2.5] * 20])
    found = stagnation(spec_of(8), history, 4)
    assert ends_at(spec_of(8), history) == 4  # W = 2: it sees cohorts 0 to 2
    assert found is not None
    assert found.detail() == {
        "cohort": 4,
        "first": 4,
        "last": 11,
        "trials": 8,
        "before": {"trial": 3, "value": 2},
        "best": {"trial": 3, "value": 2},
        "improvement": 0,
        "at_least": 0.0,
    }


def test_any_improvement_counts_unless_a_share_is_asked_for() -> None:
    history = told([2.0] * 4 + [1.99] + [2.0] * 7)
    assert ends_at(spec_of(8), history) is None
    assert ends_at(spec_of(8, at_least=0.01), history) == 4
    assert ends_at(spec_of(8, at_least=0.004), history) is None


def test_the_share_is_of_the_size_of_the_value_whatever_its_sign() -> None:
    history = told([-100.0] * 4 + [-100.5] + [-90.0] * 7)
    assert ends_at(spec_of(8, at_least=0.01), history) == 4
    assert ends_at(spec_of(8, at_least=0.004), history) is None
    upwards = spec_of(8, at_least=0.01, direction="maximize")
    assert ends_at(upwards, history) is None  # -90 is better
    assert ends_at(upwards, told([-100.0] * 4 + [-99.5] * 8)) == 4


def test_only_trials_that_may_be_best_count_as_improvements() -> None:
    history = told([2.0] * 12)
    better = [Told(t.number, t.cohort, {}, PRUNED, 1.0) for t in history[4:]]
    assert ends_at(spec_of(8), history[:4] + better) == 4
    assert ends_at(spec_of(8), told([2.0] * 4 + [None] * 8)) == 4


def test_a_trial_beyond_the_constraints_is_no_improvement() -> None:
    objective = Objective(metric="mse", subject_to=[Constraint(metric="kl", at_most=10.0)])
    spec = spec_of(8, objective=objective)
    history = [Told(n, n // 4, {}, COMPLETE, 2.0 - n / 100, {"kl": 5.0}) for n in range(4)]
    history += [Told(n, n // 4, {}, COMPLETE, 1.0, {"kl": 50.0}) for n in range(4, 12)]
    assert ends_at(spec, history) == 4


def test_nothing_is_said_before_there_is_a_best_trial_to_compare_with() -> None:
    assert ends_at(spec_of(13), told([None] * 24)) is None
    assert ends_at(spec_of(8), told([2.0] * 8)) is None
    assert ends_at(spec_of(4), told([None] * 4 + [2.0] * 4)) is None


def test_twice_as_many_that_may_not_win_end_a_search_that_has_nothing() -> None:
    history = told([None] * 24)
    found = stagnation(spec_of(8), history, 5)
    assert ends_at(spec_of(8), history) == 5  # W = 2: it sees cohorts 0 to 3
    assert found is not None
    numbers = {"first": 8, "last": 15, "before": None, "best": None, "improvement": None}
    assert numbers.items() <= found.detail().items()
    objective = Objective(metric="mse", subject_to=[Constraint(metric="kl", at_most=10.0)])
    beyond = [Told(n, n // 4, {}, COMPLETE, 1.0, {"kl": 50.0}) for n in range(24)]
    assert ends_at(spec_of(8, objective=objective), beyond) == 5
    again = spec_of(8).model_copy(update={"extensions": [Extension(trials=40, first=12)]})
    assert ends_at(again, told([None] * 40)) == 8  # its own sixteen: cohorts 3 to 6


def test_failures_of_ours_are_not_counted() -> None:
    history = told([2.0] * 12)
    lost = [Told(t.number, t.cohort, {}, TrialState.FAILED, None) for t in history[4:8]]
    assert ends_at(spec_of(8), history[:4] + lost + history[8:]) is None


def test_an_extension_counts_its_own_trials_against_the_best_of_all() -> None:
    spec = spec_of(8).model_copy(update={"extensions": [Extension(trials=40, first=12)]})
    history = told([2.0] * 40)
    assert stagnation(spec, history[:12], 4) is None
    assert stagnation(spec, history, 5) is None  # it sees four trials of the extension
    found = stagnation(spec, history, 6)
    assert found is not None and found.before is not None
    assert (found.first, found.last, found.before.number) == (12, 19, 0)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.lists(st.one_of(st.none(), st.floats(-10, 10)), min_size=12, max_size=40),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.05]),
    st.randoms(use_true_random=False),
)
def test_it_depends_on_what_the_rule_lets_be_seen_and_on_nothing_else(
    values: list[float | None], trials: int, at_least: float, chance: random.Random
) -> None:
    spec, history = spec_of(trials, at_least), told(values)
    for cohort in range(len(values) // 4):
        seen = [trial for trial in history if trial.cohort <= cohort - 2]
        assert stagnation(spec, seen, cohort) == stagnation(
            spec, chance.sample(history, len(history)), cohort
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    house = House(tmp_path, Database(url))
    yield house
    house.database.close()


def test_a_study_ends_early_once_and_for_all_and_says_why(house: House) -> None:
    rule = {"trials": 4, "at_least": 0.9}
    spec = SMALL | {
        "budget": {"trials": 40, "stop_when_no_improvement": rule},
        "training": {"epochs": 3},
        "pruner": {"type": "none"},
        "selection": {"top_k": 0},
    }
    for study_id, slots in (("a", 1), ("b", 3)):
        house.submit(study_id, spec)
        study = house.run(study_id, InProcessExecutor(slots))
        assert study.state is StudyState.COMPLETE, study.failure
        with house.database.read() as session:
            (decision,) = DecisionRepository(session).all(study_id, "no_improvement")
        # Cohort 3 sees cohorts 0 and 1: four trials and four more. Cohort 2 was under way.
        assert decision.detail["cohort"] == 3
        assert (decision.detail["first"], decision.detail["last"]) == (4, 7)
        assert study.progress.trials == study.progress.done == 12
        assert study.progress.seconds_left == 0.0
        assert study.summary is not None and study.best is not None
    assert fingerprint(house.trials("a")) == fingerprint(house.trials("b"))
