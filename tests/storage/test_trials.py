import base64
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.aims import Aims
from service.domain.objectives import Objective
from service.domain.records import Artifact, Failure, TrialMetrics, Verdict
from service.domain.states import TERMINAL_TRIAL_STATES, TRIAL_TRANSITIONS, TrialState
from service.errors import Conflict, InvalidRequest, NotFound, Stale
from service.storage.best_notes import note_best
from service.storage.database import Database
from service.storage.tables import StudyRow, TrialRow
from service.storage.trials import TrialRepository
from tests.storage.driving import DrivenStudy, drive
from tests.storage.racing import race

VERDICT = Verdict(kind="overfit", sentence="It overfits.", numbers={"gap": 0.1, "best_epoch": 3})
ENDS = sorted(TERMINAL_TRIAL_STATES)


def test_everything_about_the_end_of_a_trial_is_read_back(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    metrics = TrialMetrics(train={"mse": 0.1, "kl": math.nan}, validation={"mse": 0.2})
    files = [
        Artifact(
            study_id=driven.id, trial=0, kind=kind, path=f"p/{kind}", sha256="0" * 64, bytes=2**40
        )
        for kind in ("checkpoint", "reconstructions")
    ]
    with driven.trials() as trials:
        assert trials.finish(
            driven.id, driven.fence, 0, 1, TrialState.COMPLETE, value=0.2, best_epoch=3,
            metrics=metrics, verdict=VERDICT, failure=None, artifacts=files,
        )  # fmt: skip
    trial = driven.look(lambda trials: trials.get(driven.id, 0))
    assert (trial.state, trial.value, trial.best_epoch) == (TrialState.COMPLETE, 0.2, 3)
    assert trial.metrics.train == {"mse": 0.1, "kl": None}
    assert trial.verdict == VERDICT
    assert trial.finished_at >= trial.started_at >= trial.created_at
    assert driven.look(lambda trials: trials.artifacts(driven.id, 0)) == files
    (cohort,) = driven.look(lambda trials: trials.cohorts(driven.id))
    assert cohort.told


def test_a_failure_is_kept_whatever_its_text(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    failure = Failure(kind="crash", message="\x00 \ud800 é", traceback_tail="line\nline")
    with driven.trials() as trials:
        trials.finish(driven.id, driven.fence, 0, 1, TrialState.FAILED, failure=failure)
    assert driven.look(lambda trials: trials.get(driven.id, 0)).failure == failure


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_terminal_state_never_changes(
    sqlite_database: Database, first: TrialState, second: TrialState
) -> None:
    driven = drive(sqlite_database)
    driven.add_cohort(0, [[0]])
    assert driven.finish(0, first, 0.5)
    before = driven.look(lambda trials: trials.get(driven.id, 0)), driven.study()
    assert not driven.finish(0, second, 0.1)
    assert (driven.look(lambda trials: trials.get(driven.id, 0)), driven.study()) == before


@pytest.mark.parametrize("target", list(TrialState))
@pytest.mark.parametrize("origin", [TrialState.QUEUED, TrialState.RUNNING])
def test_a_trial_ends_only_as_the_table_of_states_allows(
    sqlite_database: Database, origin: TrialState, target: TrialState
) -> None:
    driven = drive(sqlite_database)
    driven.add_cohort(0, [[0]], start=origin is TrialState.RUNNING)
    if target in TERMINAL_TRIAL_STATES & TRIAL_TRANSITIONS[origin]:
        assert driven.finish(0, target)
    else:
        with pytest.raises(Conflict):
            driven.finish(0, target)


def test_one_result_is_accepted_however_many_come(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    accepted = race(6, lambda index: driven.finish(0, TrialState.COMPLETE, float(index)))
    assert accepted.count(True) == 1
    trial = driven.look(lambda trials: trials.get(driven.id, 0))
    assert trial.value == accepted.index(True)
    assert driven.study().progress.complete == 1


def test_results_of_another_attempt_or_fence_are_refused(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    assert not driven.finish(0, TrialState.COMPLETE, 0.5, attempt=2)
    with driven.trials() as trials:
        assert not trials.record_rung(driven.id, driven.fence, 0, 2, 3, 0.5)
        assert trials.record_rung(driven.id, driven.fence, 0, 1, 3, math.nan)
    driven.fence += 1
    with pytest.raises(Stale):
        driven.finish(0, TrialState.COMPLETE, 0.5)
    trial = driven.look(lambda trials: trials.get(driven.id, 0))
    assert (trial.state, trial.rungs) == (TrialState.RUNNING, {"3": None})


def test_a_trial_that_does_not_exist_cannot_end(driven: DrivenStudy) -> None:
    with pytest.raises(NotFound):
        driven.finish(0, TrialState.COMPLETE)
    assert driven.look(lambda trials: trials.get(driven.id, 0)) is None


Ends = list[tuple[TrialState, float | None]]


def recomputed_best(ends: Ends, direction: str) -> int | None:
    sign = 1 if direction == "minimize" else -1
    for wanted in (TrialState.COMPLETE, TrialState.STOPPED):
        ranked = sorted(
            (sign * value, number)
            for number, (state, value) in enumerate(ends)
            if state is wanted and value is not None and math.isfinite(value)
        )
        if ranked:
            return ranked[0][1]
    return None


@given(
    ends=st.lists(
        st.tuples(st.sampled_from(ENDS), st.none() | st.sampled_from([0.5, 1.0, 2.0])), max_size=10
    ),
    order=st.randoms(use_true_random=False),
    direction=st.sampled_from(["minimize", "maximize"]),
)
def test_the_best_is_the_recomputed_optimum_in_whatever_order_trials_end(
    ends: Ends, order: Any, direction: str
) -> None:
    study = StudyRow(direction=direction, best_complete=False)
    aims = Aims((Objective.model_validate({"metric": "mse", "direction": direction}),))
    numbers = list(range(len(ends)))
    order.shuffle(numbers)
    for number in numbers:
        state, value = ends[number]
        note_best(study, aims, TrialRow(number=number, state=state, value=value))
    assert study.best_trial == recomputed_best(ends, direction)
    assert study.best_trial is None or study.best_value == ends[study.best_trial][1]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_progress_and_best_follow_every_end(database: Database, direction: str) -> None:
    driven = drive(database, objective={"metric": "mse", "direction": direction})
    ends: Ends = [
        (TrialState.STOPPED, 9.0),
        (TrialState.STOPPED, 0.1),
        (TrialState.PRUNED, 0.01),
        (TrialState.COMPLETE, math.inf),
        (TrialState.COMPLETE, 0.5),
        (TrialState.COMPLETE, 0.3),
        (TrialState.DIVERGED, None),
        (TrialState.COMPLETE, 0.3),
        (TrialState.FAILED, math.nan),
    ]
    driven.add_cohort(0, [list(range(len(ends)))])
    for number, (state, value) in enumerate(ends):
        assert driven.finish(number, state, value)
        study = driven.study()
        best = recomputed_best(ends[: number + 1], direction)
        assert (study.best.trial if study.best else None) == best
        assert study.progress.done == number + 1
        assert study.progress.running == len(ends) - number - 1
    assert study.best is not None
    assert study.best.params == {"latent_dim": study.best.trial}


@pytest.fixture
def ended(driven: DrivenStudy) -> DrivenStudy:
    """Eight trials: values with ties, and some without a value."""
    driven.add_cohort(0, [list(range(8))])
    for number, value in enumerate([0.3, None, 0.1, 0.3, 0.2, None, 0.1]):
        state = TrialState.COMPLETE if value is not None else TrialState.DIVERGED
        driven.finish(number, state, value)
    return driven


@pytest.mark.parametrize(
    ("order_by", "numbers"),
    [
        ("number", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("-number", [7, 6, 5, 4, 3, 2, 1, 0]),
        ("value", [2, 6, 4, 0, 3, 1, 5, 7]),
        ("-value", [3, 0, 4, 6, 2, 7, 5, 1]),
        ("epochs", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 8])
def test_pages_of_trials_follow_one_another_in_order(
    ended: DrivenStudy, order_by: str, numbers: list[int], size: int
) -> None:
    seen: list[int] = []
    token = None
    while True:
        page = ended.look(
            lambda trials, token=token: trials.page(ended.id, size, token, order_by=order_by)
        )
        assert len(page.items) <= size
        seen += [trial.number for trial in page.items]
        token = page.next_page_token
        if token is None:
            break
    assert seen == numbers


def test_trials_are_filtered_by_state(ended: DrivenStudy) -> None:
    states = [TrialState.DIVERGED, TrialState.RUNNING]
    page = ended.look(lambda trials: trials.page(ended.id, 10, states=states))
    assert [trial.number for trial in page.items] == [1, 5, 7]


@pytest.mark.parametrize(
    "token",
    ["x", "WyJudW1iZXIiLG51bGwsM10", "WyJudW1iZXIiLDEsMWUzMDBd", "WyJudW1iZXIiLHRydWUsMV0",
     "WyJudW1iZXIiLE5hTiwxXQ",
     "WyJudW1iZXIiLDEsMTAwMDAwMDAwMDAwMDAwMDAwMDAwMDBd",
     "WyJudW1iZXIiLDEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAsMV0"],
)  # fmt: skip
def test_a_trial_token_that_is_not_ours_is_refused(driven: DrivenStudy, token: str) -> None:
    with pytest.raises(InvalidRequest):
        driven.look(lambda trials: trials.page(driven.id, 10, token))


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Infinity", "true", '"x"', "[]", "1" * 400])
def test_a_token_with_a_value_that_no_trial_has_is_refused(driven: DrivenStudy, value: str) -> None:
    token = base64.urlsafe_b64encode(f'["value",{value},1]'.encode()).decode().rstrip("=")
    with pytest.raises(InvalidRequest):
        driven.look(lambda trials: trials.page(driven.id, 10, token, order_by="value"))


def test_an_order_that_trials_do_not_have_is_refused(driven: DrivenStudy) -> None:
    def read(trials: TrialRepository) -> object:
        return trials.page(driven.id, 10, order_by="params")

    with pytest.raises(InvalidRequest) as refused:
        driven.look(read)
    assert "-value" in str(refused.value.remedy)
