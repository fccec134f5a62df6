"""What a study's row keeps of its best is what all its trials' records say."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.aims import Aims, best_trials, eligible_trials
from service.domain.objectives import Constraint, Objective
from service.domain.pareto import box_share
from service.domain.records import Trial, TrialMetrics
from service.domain.states import TrialState
from service.storage.best_notes import best_so_far, note_best
from service.storage.database import Database
from service.storage.tables import StudyRow, TrialRow
from tests.domain.records import THEN
from tests.storage.driving import drive

MSE, KL = Objective(metric="mse"), Objective(metric="kl")
ELBO = Objective(metric="elbo", direction="maximize")
SIZE = Objective(metric="parameters")
BOUND = Constraint(metric="kl", at_most=3)
AIMS = [
    Aims((MSE.model_copy(update={"subject_to": [BOUND]}),)),
    Aims((MSE, KL)),
    Aims((ELBO, SIZE.model_copy(update={"subject_to": [BOUND]}))),
    Aims((MSE, KL, SIZE)),
]
figures = st.none() | st.integers(0, 6).map(float)
ends = st.lists(
    st.tuples(
        st.sampled_from([TrialState.COMPLETE, TrialState.STOPPED, TrialState.PRUNED]),
        st.fixed_dictionaries({"mse": figures, "kl": figures, "elbo": figures}),
        figures,
    ),
    max_size=20,
)


def record(aims: Aims, number: int, end: Any) -> Trial:
    state, validation, parameters = end
    complexity = {"parameters": parameters}
    scores = aims.scores(validation, complexity)
    return Trial(
        study_id="s", number=number, cohort=0, array=0, state=state, family="vae",
        params={"latent_dim": number}, value=scores[aims.objectives[0].metric], best_epoch=1,
        epochs=1, rungs={}, metrics=TrialMetrics(train={}, validation=validation),
        complexity=complexity, verdict=None, seed=1, attempt=1, failure=None, created_at=THEN,
        feasible=aims.is_feasible(scores) if aims.constraints else None, started_at=None,
        finished_at=None,
    )  # fmt: skip


@given(aims=st.sampled_from(AIMS), ends=ends, chance=st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_the_best_and_the_front_are_recomputed_in_whatever_order_trials_end(
    aims: Aims, ends: list[Any], chance: random.Random
) -> None:
    trials = [record(aims, number, end) for number, end in enumerate(ends)]
    study = StudyRow(best_complete=False)
    for trial in chance.sample(trials, len(trials)):
        assert trial.metrics is not None
        row = TrialRow(
            number=trial.number, state=trial.state, value=trial.value, feasible=trial.feasible,
            metrics={"train": {}, "validation": trial.metrics.validation},
            complexity=trial.complexity,
        )  # fmt: skip
        note_best(study, aims, row)
    best = best_so_far(study, aims, {})
    expected = best_trials(aims, trials)
    assert (best and best.trial) == (expected[0].number if expected else None)
    if best is None or not aims.is_pareto:
        return
    assert best.front == sorted(trial.number for trial in expected)
    assert best.values == {o.metric: aims.scores_of(expected[0])[o.metric] for o in aims.objectives}
    losses = [
        found
        for trial in eligible_trials(aims, trials)
        if (found := aims.losses(aims.scores_of(trial))) is not None
    ]
    columns = list(zip(*losses, strict=True))
    lows, highs = tuple(map(min, columns)), tuple(map(max, columns))
    share = box_share([losses[0], *losses], lows, highs)
    assert best.hypervolume == (None if share is None else pytest.approx(share))


def test_a_trial_beyond_a_bound_is_recorded_so_and_never_the_best(database: Database) -> None:
    driven = drive(database, objective={"metric": "mse", "subject_to": [BOUND.model_dump()]})
    driven.add_cohort(0, [[0, 1, 2, 3]])
    for number, (mse, kl) in enumerate([(0.1, 4.0), (0.3, 3.0), (0.2, 2.0), (0.05, None)]):
        with driven.trials() as trials:
            metrics = TrialMetrics(train={}, validation={"mse": mse, "kl": kl})
            trials.finish(
                driven.id, driven.fence, number, 1, TrialState.COMPLETE, value=mse, metrics=metrics
            )
    records = driven.look(lambda trials: trials.all(driven.id))
    assert [trial.feasible for trial in records] == [False, True, True, False]
    best = driven.study().best
    assert best is not None and (best.trial, best.value, best.front) == (2, 0.2, [])


def test_the_front_of_a_study_is_in_its_record(database: Database) -> None:
    driven = drive(database, objective=[{"metric": "mse"}, {"metric": "parameters"}])
    driven.add_cohort(0, [[0, 1, 2, 3]])
    for number, (mse, size) in enumerate([(0.1, 400), (0.2, 100), (0.3, 300), (0.4, 50)]):
        with driven.trials() as trials:
            metrics = TrialMetrics(train={}, validation={"mse": mse})
            trials.finish(
                driven.id, driven.fence, number, 1, TrialState.COMPLETE, value=mse,
                metrics=metrics, complexity={"parameters": float(size)},
            )  # fmt: skip
    best = driven.study().best
    assert best is not None
    assert best.front == [0, 1, 3]
    assert (best.trial, best.values) == (1, {"mse": 0.2, "parameters": 100.0})
    assert best.params == {"latent_dim": 1}
    assert best.hypervolume == pytest.approx(0.2 * 300 / (0.3 * 350))
