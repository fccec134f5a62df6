from collections.abc import Callable

import pytest

from service.domain.records import Array, ArrayState, Failure, Trial
from service.domain.states import TrialState
from service.errors import Conflict, NotFound, Stale
from service.storage.database import Database
from service.storage.trials import NewArray, NewTrial, TrialRepository
from tests.storage.driving import DrivenStudy, drive

CRASH = Failure(kind="crash", message="signal 9")


def array(driven: DrivenStudy, index: int = 0) -> Array:
    found: Array = driven.look(lambda trials: trials.arrays(driven.id))[index]
    return found


def trial(driven: DrivenStudy, number: int) -> Trial:
    found: Trial = driven.look(lambda trials: trials.get(driven.id, number))
    return found


def test_a_cohort_its_arrays_and_trials_are_read_back(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 2], [1]], start=False)
    (cohort,) = driven.look(lambda trials: trials.cohorts(driven.id))
    first, second = driven.look(lambda trials: trials.arrays(driven.id))
    assert (cohort.index, cohort.trials, cohort.told) == (0, [0, 1, 2], False)
    assert (first.trials, first.signature, first.state) == ([0, 2], "shape-0", "QUEUED")
    assert (second.trials, second.attempt, second.saved_epoch) == ([1], 1, 0)
    one = trial(driven, 1)
    assert (one.params, one.seed, one.array) == ({"latent_dim": 1}, 1001, 1)
    assert (one.state, one.attempt, one.epochs) == (TrialState.QUEUED, 1, 0)
    assert driven.study().progress.queued == 3


@pytest.mark.parametrize(
    ("numbers", "homes"),
    [([1, 2], [1, 2]), ([0, 2], [0, 2]), ([0, 0], [0, 0]), ([0, 1], [0]), ([0, 1], [0, 1, 2])],
)
def test_a_cohort_that_skips_or_doubles_a_trial_is_refused(
    driven: DrivenStudy, numbers: list[int], homes: list[int]
) -> None:
    new = [NewTrial(number, 0, "vae", {}, 0) for number in numbers]
    with pytest.raises(Conflict), driven.trials() as trials:
        trials.write_cohort(driven.id, driven.fence, 0, new, [NewArray(0, "", homes)])
    assert driven.look(lambda trials: trials.all(driven.id)) == []


def test_a_cohort_is_the_next_one(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    for index in (0, 2):
        with pytest.raises(Conflict):
            driven.add_cohort(index, [[1]])
    driven.add_cohort(1, [[1]])
    assert [trial.cohort for trial in driven.look(lambda trials: trials.all(driven.id))] == [0, 1]


def test_an_array_goes_from_segment_to_segment(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1]])
    assert array(driven).state == ArrayState.RUNNING
    assert trial(driven, 0).state is TrialState.RUNNING
    started = trial(driven, 0).started_at
    for number in (0, 1):
        driven.report(number, [1, 2, 3])
    with driven.trials() as trials:
        trials.record_saved(driven.id, driven.fence, 0, 0, 3, "state-3")
        trials.array_at_rung(driven.id, driven.fence, 0, 0)
    assert array(driven).state == ArrayState.AT_RUNG
    assert trial(driven, 0).state is TrialState.QUEUED
    assert driven.study().progress.running == 0
    driven.finish(1, TrialState.PRUNED, 0.9)
    with driven.trials() as trials:
        trials.continue_array(driven.id, driven.fence, 0, 0, 3)
    at_rest = array(driven)
    assert (at_rest.state, at_rest.rung, at_rest.state_path) == ("QUEUED", 3, "state-3")
    with driven.trials() as trials:
        trials.start_array(driven.id, driven.fence, 0, 0)
    assert trial(driven, 0).started_at == started is not None
    assert trial(driven, 1).state is TrialState.PRUNED
    driven.finish(0, TrialState.COMPLETE, 0.1)
    assert array(driven).state == ArrayState.DONE


STEPS: dict[str, tuple[set[str], Callable[[TrialRepository, DrivenStudy], None]]] = {
    "start": (
        {"QUEUED", "AT_RUNG"},
        lambda trials, study: trials.start_array(study.id, study.fence, 0, 0),
    ),
    "requeue": (
        {"RUNNING"},
        lambda trials, study: trials.requeue_array(study.id, study.fence, 0, 0, None),
    ),
    "rung": ({"RUNNING"}, lambda trials, study: trials.array_at_rung(study.id, study.fence, 0, 0)),
    "continue": (
        {"AT_RUNG"},
        lambda trials, study: trials.continue_array(study.id, study.fence, 0, 0, 3),
    ),
}


def bring_array(driven: DrivenStudy, state: str) -> None:
    driven.add_cohort(0, [[0]], start=state != "QUEUED")
    if state == "AT_RUNG":
        with driven.trials() as trials:
            trials.array_at_rung(driven.id, driven.fence, 0, 0)
    if state == "DONE":
        driven.finish(0, TrialState.COMPLETE, 1.0)


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING", "AT_RUNG", "DONE"])
@pytest.mark.parametrize("step", STEPS)
def test_an_array_takes_only_steps_that_its_state_allows(
    sqlite_database: Database, step: str, state: str
) -> None:
    driven = drive(sqlite_database)
    bring_array(driven, state)
    allowed, take = STEPS[step]
    if state in allowed:
        with driven.trials() as trials:
            take(trials, driven)
        assert array(driven).state != state
    else:
        with pytest.raises(Conflict), driven.trials() as trials:
            take(trials, driven)
        assert array(driven).state == state


@pytest.mark.parametrize("step", STEPS)
def test_a_step_under_a_stale_fence_or_of_no_array_is_refused(
    sqlite_database: Database, step: str
) -> None:
    driven = drive(sqlite_database)
    with pytest.raises(NotFound), driven.trials() as trials:
        STEPS[step][1](trials, driven)
    driven.fence -= 1
    with pytest.raises(Stale), driven.trials() as trials:
        STEPS[step][1](trials, driven)


def test_requeueing_drops_what_came_after_the_saved_state(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1, 2]])
    for number, last in ((0, 5), (1, 4), (2, 6)):
        driven.report(number, range(1, last + 1))
    with driven.trials() as trials:
        trials.record_saved(driven.id, driven.fence, 0, 0, 4, "state-4")
        for epoch in (3, 5):
            trials.record_rung(driven.id, driven.fence, 0, 1, epoch, 1.0 / epoch)
    driven.finish(2, TrialState.COMPLETE, 0.5)
    with driven.trials() as trials:
        trials.requeue_array(driven.id, driven.fence, 0, 0, CRASH)
    queued = array(driven)
    assert (queued.state, queued.attempt, queued.saved_epoch) == ("QUEUED", 2, 4)
    zero, one, two = driven.look(lambda trials: trials.all(driven.id))
    assert (zero.state, zero.attempt, zero.epochs) == (TrialState.QUEUED, 2, 4)
    assert zero.rungs == {"3": 1.0 / 3}
    assert zero.failure == CRASH
    assert (one.attempt, one.epochs) == (2, 4)
    assert (two.state, two.attempt, two.epochs) == (TrialState.COMPLETE, 1, 6)
    for number, last in ((0, 4), (1, 4), (2, 6)):
        reports = driven.look(lambda trials, n=number: trials.epochs(driven.id, n))
        assert [report.epoch for report in reports] == list(range(1, last + 1))
    progress = driven.study().progress
    assert (progress.queued, progress.running, progress.complete) == (2, 0, 1)
    assert progress.epochs == 14


def test_the_next_attempt_goes_on_where_the_saved_state_ends(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    driven.report(0, [1, 2, 3])
    with driven.trials() as trials:
        trials.record_saved(driven.id, driven.fence, 0, 0, 2, "state-2")
        trials.requeue_array(driven.id, driven.fence, 0, 0, CRASH)
        trials.start_array(driven.id, driven.fence, 0, 0)
    assert driven.report(0, [4], attempt=1) == 0
    assert driven.report(0, [3, 4], attempt=2) == 2
    assert driven.finish(0, TrialState.COMPLETE, 0.5, attempt=2)
    ended = trial(driven, 0)
    assert (ended.epochs, ended.failure) == (4, None)


def test_a_state_saved_before_its_epochs_are_recorded_is_refused(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1]])
    driven.report(0, [1, 2])
    driven.report(1, [1])
    with pytest.raises(Conflict), driven.trials() as trials:
        trials.record_saved(driven.id, driven.fence, 0, 0, 2, "state-2")


def test_an_older_saved_state_does_not_replace_a_newer_one(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    driven.report(0, [1, 2, 3])
    with driven.trials() as trials:
        for epoch in (3, 2):
            trials.record_saved(driven.id, driven.fence, 0, 0, epoch, f"state-{epoch}")
    assert (array(driven).saved_epoch, array(driven).state_path) == (3, "state-3")


def test_arrays_are_found_by_state(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0], [1]], start=False)
    with driven.trials() as trials:
        trials.start_array(driven.id, driven.fence, 0, 1)
    running = driven.look(lambda trials: trials.arrays(driven.id, [ArrayState.RUNNING]))
    assert [array.index for array in running] == [1]
