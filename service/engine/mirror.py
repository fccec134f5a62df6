"""What a conductor knows of its study: the records, kept in memory and re-read where it wrote."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from service.domain.records import Array, ArrayState, Study, Trial
from service.domain.states import TERMINAL_TRIAL_STATES, TrialState
from service.engine.told import Told
from service.engine.verdicts import RungResult
from service.storage.database import Database
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository


class StudyGone(Exception):
    """The study was deleted while it was being driven."""


class StudyMirror:
    """The records of one study. Only `load` and `refresh` change it, and both read the database.

    A refresh that the database did not answer is made up for by the next one.
    """

    def __init__(self, database: Database, study_id: str) -> None:
        self._database = database
        self._study_id = study_id
        self.load()

    def load(self) -> None:
        """Read everything."""
        self._dirty: set[int] = set()
        with self._database.read() as session:
            self.study = self._read_study(session)
            repository = TrialRepository(session)
            self.trials: dict[int, Trial] = {t.number: t for t in repository.all(self._study_id)}
            self.cohorts: dict[int, list[int]] = {
                cohort.index: cohort.trials for cohort in repository.cohorts(self._study_id)
            }
            self._arrays: dict[int, list[Array]] = {}
            for array in repository.arrays(self._study_id):
                self._arrays.setdefault(array.cohort, []).append(array)
        self._told = {index for index in self.cohorts if self._is_told(index)}

    def refresh(self, cohorts: Iterable[int] = ()) -> None:
        """Read the study again, and the trials and arrays of the cohorts named."""
        self._dirty.update(cohorts)
        with self._database.read() as session:
            self.study = self._read_study(session)
            repository = TrialRepository(session)
            for index in sorted(self._dirty):
                trials = repository.of_cohort(self._study_id, index)
                self.trials.update({trial.number: trial for trial in trials})
                self.cohorts[index] = [trial.number for trial in trials]
                self._arrays[index] = repository.arrays(self._study_id, cohort=index)
        self._told.update(index for index in self._dirty if self._is_told(index))
        self._dirty.clear()

    def _read_study(self, session: Session) -> Study:
        study = StudyRepository(session).get(self._study_id)
        if study is None:
            raise StudyGone(self._study_id)
        return study

    def _is_told(self, cohort: int) -> bool:
        return all(
            self.trials[number].state in TERMINAL_TRIAL_STATES for number in self.cohorts[cohort]
        )

    @property
    def told(self) -> set[int]:
        """Cohorts whose every trial is terminal."""
        return self._told

    @property
    def open_cohorts(self) -> list[int]:
        """Cohorts with a trial still under way, ascending."""
        return sorted(set(self.cohorts) - self._told)

    def arrays_in(self, *states: str) -> list[Array]:
        """Arrays of open cohorts in one of the states, by (cohort, index)."""
        return [
            array
            for cohort in self.open_cohorts
            for array in self.arrays_of(cohort)
            if array.state in states
        ]

    def arrays_of(self, cohort: int) -> list[Array]:
        """The arrays of one cohort, by index."""
        return self._arrays.get(cohort, [])

    def saved_epoch(self, cohort: int, index: int) -> int:
        """The epoch of an array's newest saved state as last read."""
        return next(a.saved_epoch for a in self.arrays_of(cohort) if a.index == index)

    def live_trials(self, array: Array) -> list[Trial]:
        """The trials of an array that are not over, ascending by number."""
        return [
            self.trials[number]
            for number in array.trials
            if self.trials[number].state not in TERMINAL_TRIAL_STATES
        ]

    def history(self) -> list[Told]:
        """Every trial as the proposer sees it, by number."""
        aims = self.study.resolved.aims
        return [Told.of(trial, aims) for _, trial in sorted(self.trials.items())]

    def waiting_rung(self, cohort: int) -> int | None:
        """The rung at which every live trial of a cohort waits for its verdict, or None."""
        arrays = [array for array in self.arrays_of(cohort) if array.state != ArrayState.DONE]
        if not arrays or any(array.state != ArrayState.AT_RUNG for array in arrays):
            return None
        rungs = {array.saved_epoch for array in arrays}
        return rungs.pop() if len(rungs) == 1 else None

    def rung_results(self, cohorts: Iterable[int], rung: int) -> list[RungResult]:
        """The trials of some cohorts as rivals at a rung, by number (rule R2)."""
        earlier = max((other for other in self.study.resolved.rungs if other < rung), default=0)
        results = []
        for index in sorted(set(cohorts)):
            for number in self.cohorts[index]:
                result = _rival(self.trials[number], rung, earlier)
                if result is not None:
                    results.append(result)
        return results


def _rival(trial: Trial, rung: int, earlier: int) -> RungResult | None:
    """A trial at a rung; None when it does not rank there.

    One that diverged ranks last at the first rung that it did not live to see, and no more
    after that: like a pruned one, it is out of the race.
    """
    if str(rung) in trial.rungs:
        return RungResult(trial.number, trial.rungs[str(rung)], ended=False)
    if trial.state is TrialState.COMPLETE:
        return RungResult(trial.number, trial.value, ended=True)
    if trial.state is TrialState.DIVERGED and max(1, trial.epochs) > earlier:
        return RungResult(trial.number, None, ended=True)
    return None
