"""Cohorts and arrays: written together, then moved along as their segments run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from service.domain.records import Array, ArrayState, Cohort, Failure
from service.domain.space import Params
from service.domain.states import TERMINAL_TRIAL_STATES, TrialState
from service.errors import Conflict, NotFound
from service.storage import clock
from service.storage.locking import append_event, lock_study
from service.storage.study_records import count, proposed
from service.storage.tables import ArrayRow, CohortRow, EpochRow, StudyRow, TrialRow
from service.storage.trial_records import array_record, cohort_record


@dataclass(frozen=True)
class NewTrial:
    """A proposed trial; `array` is the index of its array inside the cohort."""

    number: int
    array: int
    family: str
    params: Params
    seed: int


@dataclass(frozen=True)
class NewArray:
    """An array of a new cohort; `trials` are numbers, ascending."""

    index: int
    signature: str
    trials: Sequence[int]


class ArrayRepository:
    """Cohorts and arrays of studies in a session.

    Writes raise Stale for a fence that is not the study's, NotFound for an unknown array, and
    Conflict for a step that the array's state does not allow.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def cohorts(self, study_id: str) -> list[Cohort]:
        """The study's cohorts by index."""
        rows = self._session.scalars(
            select(CohortRow).where(CohortRow.study_id == study_id).order_by(CohortRow.index)
        )
        return [cohort_record(row) for row in rows]

    def arrays(
        self, study_id: str, states: Iterable[str] | None = None, cohort: int | None = None
    ) -> list[Array]:
        """The study's arrays by cohort and index: all, or those in some states or one cohort."""
        statement = select(ArrayRow).where(ArrayRow.study_id == study_id)
        if cohort is not None:
            statement = statement.where(ArrayRow.cohort == cohort)
        if states is not None:
            statement = statement.where(ArrayRow.state.in_(list(states)))
        rows = self._session.scalars(statement.order_by(ArrayRow.cohort, ArrayRow.index))
        return [array_record(row) for row in rows]

    def write_cohort(
        self,
        study_id: str,
        fence: int,
        index: int,
        trials: Sequence[NewTrial],
        arrays: Sequence[NewArray],
    ) -> None:
        """Write a cohort, its trials and its arrays, all QUEUED.

        Raises Conflict unless it is the next cohort, its trials are numbered on from the last
        one, and the arrays hold exactly these trials.
        """
        study = lock_study(self._session, study_id, fence)
        if index != self._count_cohorts(study_id):
            raise Conflict(f"cohort {index} is not the next one")
        first = proposed(study)
        numbers = sorted(trial.number for trial in trials)
        if numbers != list(range(first, first + len(trials))):
            raise Conflict(f"trials {numbers} do not follow trial {first - 1}")
        homes = sorted((trial.number, trial.array) for trial in trials)
        if homes != sorted((number, array.index) for array in arrays for number in array.trials):
            raise Conflict(f"the arrays of cohort {index} do not hold its trials")
        self._session.add(
            CohortRow(study_id=study_id, index=index, trials=numbers, live=len(numbers))
        )
        self._session.flush()
        self._insert_arrays(study_id, index, arrays)
        self._insert_trials(study_id, index, trials)
        count(study, TrialState.QUEUED, len(trials))
        data = {"cohort": index, "trials": numbers, "state": TrialState.QUEUED}
        append_event(self._session, study, "trials", data)

    def start_array(self, study_id: str, fence: int, cohort: int, index: int) -> None:
        """A segment of the array starts: it and its live trials are RUNNING."""
        study, array = self._lock_array(study_id, fence, cohort, index)
        _require(array, ArrayState.QUEUED, ArrayState.AT_RUNG)
        array.state = ArrayState.RUNNING
        now = clock.now(self._session)
        live = self._live_trials(array)
        for trial in live:
            _move(study, trial, TrialState.RUNNING)
            trial.started_at = trial.started_at or now
        self._append(study, live, TrialState.RUNNING)

    def requeue_array(
        self, study_id: str, fence: int, cohort: int, index: int, reason: Failure | None
    ) -> None:
        """An interrupted array goes back to its last saved state, and waits for a slot.

        Its live trials are QUEUED under the next attempt; epochs and rungs after the saved
        epoch are dropped (rule R5). `reason` stands in their `failure` until they end.
        """
        study, array = self._lock_array(study_id, fence, cohort, index)
        _require(array, ArrayState.RUNNING)
        array.state = ArrayState.QUEUED
        array.attempt += 1
        live = self._live_trials(array)
        for trial in live:
            _move(study, trial, TrialState.QUEUED)
            trial.attempt += 1
            study.epochs -= max(0, trial.epochs - array.saved_epoch)
            trial.epochs = min(trial.epochs, array.saved_epoch)
            trial.rungs = {
                epoch: value
                for epoch, value in trial.rungs.items()
                if int(epoch) <= array.saved_epoch
            }
            if reason is not None:
                trial.failure = reason.model_dump(mode="json")
        self._session.execute(
            delete(EpochRow).where(
                EpochRow.trial_key.in_([trial.key for trial in live]),
                EpochRow.epoch > array.saved_epoch,
            ),
            execution_options={"synchronize_session": False},
        )
        self._append(study, live, TrialState.QUEUED)

    def array_at_rung(self, study_id: str, fence: int, cohort: int, index: int) -> None:
        """The array's segment has ended at a rung; its live trials wait for the verdict."""
        study, array = self._lock_array(study_id, fence, cohort, index)
        _require(array, ArrayState.RUNNING)
        array.state = ArrayState.AT_RUNG
        live = self._live_trials(array)
        for trial in live:
            _move(study, trial, TrialState.QUEUED)
        self._append(study, live, TrialState.QUEUED)

    def continue_array(self, study_id: str, fence: int, cohort: int, index: int, rung: int) -> None:
        """The verdict at `rung` has fallen; the array waits for a slot for its next segment."""
        _, array = self._lock_array(study_id, fence, cohort, index)
        _require(array, ArrayState.AT_RUNG)
        array.state = ArrayState.QUEUED
        array.rung = rung

    def record_saved(
        self, study_id: str, fence: int, cohort: int, index: int, epoch: int, path: str
    ) -> None:
        """The array's full state after `epoch` is on disk; an older one changes nothing.

        Raises Conflict when a live trial's epochs up to there are not recorded yet: resuming
        from it would leave a gap in the series.
        """
        _, array = self._lock_array(study_id, fence, cohort, index)
        if epoch <= array.saved_epoch:
            return
        behind = [trial.number for trial in self._live_trials(array) if trial.epochs < epoch]
        if behind:
            raise Conflict(f"trials {behind} have no epoch {epoch} yet: append epochs first")
        array.saved_epoch = epoch
        array.state_path = path

    def _count_cohorts(self, study_id: str) -> int:
        found = select(func.count()).where(CohortRow.study_id == study_id)
        return self._session.execute(found).scalar_one()

    def _insert_arrays(self, study_id: str, cohort: int, arrays: Sequence[NewArray]) -> None:
        self._session.execute(
            insert(ArrayRow),
            [
                {
                    "study_id": study_id,
                    "cohort": cohort,
                    "index": array.index,
                    "state": ArrayState.QUEUED,
                    "signature": array.signature,
                    "trials": sorted(array.trials),
                    "live": len(array.trials),
                }
                for array in arrays
            ],
        )

    def _insert_trials(self, study_id: str, cohort: int, trials: Sequence[NewTrial]) -> None:
        now = clock.now(self._session)
        self._session.execute(
            insert(TrialRow),
            [
                {
                    "study_id": study_id,
                    "number": trial.number,
                    "cohort": cohort,
                    "array": trial.array,
                    "state": TrialState.QUEUED,
                    "family": trial.family,
                    "params": trial.params,
                    "rungs": {},
                    "seed": trial.seed,
                    "created_at": now,
                }
                for trial in sorted(trials, key=lambda trial: trial.number)
            ],
        )

    def _lock_array(
        self, study_id: str, fence: int, cohort: int, index: int
    ) -> tuple[StudyRow, ArrayRow]:
        study = lock_study(self._session, study_id, fence)
        array = self._session.get(ArrayRow, (study_id, cohort, index))
        if array is None:
            raise NotFound(f"study {study_id} has no array {index} in cohort {cohort}")
        return study, array

    def _live_trials(self, array: ArrayRow) -> Sequence[TrialRow]:
        return self._session.scalars(
            select(TrialRow)
            .where(
                TrialRow.study_id == array.study_id,
                TrialRow.cohort == array.cohort,
                TrialRow.array == array.index,
                TrialRow.state.not_in(TERMINAL_TRIAL_STATES),
            )
            .order_by(TrialRow.number)
        ).all()

    def _append(self, study: StudyRow, trials: Sequence[TrialRow], state: TrialState) -> None:
        if trials:
            data = {
                "cohort": trials[0].cohort,
                "trials": [trial.number for trial in trials],
                "state": state,
            }
            append_event(self._session, study, "trials", data)


def _require(array: ArrayRow, *states: str) -> None:
    if array.state not in states:
        raise Conflict(
            f"array {array.index} of cohort {array.cohort} is {array.state}, not {states[0]}"
        )


def _move(study: StudyRow, trial: TrialRow, state: TrialState) -> None:
    if trial.state is not state:
        count(study, trial.state, -1)
        count(study, state, +1)
        trial.state = state
