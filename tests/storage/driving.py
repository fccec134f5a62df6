"""A study as its engine holds it: created, leased, RUNNING, with a cohort to write into."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from service.domain.records import EpochReport, Study
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import StudyState, TrialState
from service.storage.database import Database
from service.storage.leases import LeaseRepository
from service.storage.studies import StudyRepository
from service.storage.trials import NewArray, NewTrial, TrialRepository

OWNER = "engine-1"


def make_spec(name: str = "a study", **fields: Any) -> tuple[StudySpec, ResolvedSpec]:
    """A wish and what it resolves to; `fields` go into both."""
    wish = StudySpec.model_validate(
        {"name": name, "dataset": {"name": "digits"}, "family": "vae", "budget": {"trials": 40}}
        | fields
    )
    resolved = ResolvedSpec.model_validate(
        {**wish.model_dump(), "defaults": {"vae": {"beta": 1.0}}, "rungs": [3, 9]}
    )
    return wish, resolved


def create_study(database: Database, study_id: str, name: str = "a study", **fields: Any) -> Study:
    """A QUEUED study."""
    wish, resolved = make_spec(name, **fields)
    with database.transaction() as session:
        return StudyRepository(session).create(study_id, wish, resolved, "0" * 64, [], {"us": "1"})


def make_report(epoch: int, validation: float | None = None, **fields: Any) -> EpochReport:
    """An epoch whose validation mse is 1/epoch unless it is given."""
    mse = 1.0 / epoch if validation is None else validation
    return EpochReport.model_validate(
        {
            "epoch": epoch,
            "train": {"mse": mse / 2, "kl": 3.0},
            "validation": {"mse": mse, "kl": 4.0},
            "effective_beta": None,
            "learning_rate": 0.001,
            "gradient_norm": 0.5,
            "seconds": 0.25,
        }
        | fields
    )


@dataclass
class DrivenStudy:
    """A leased study; `fence` is the one that writes are accepted under."""

    database: Database
    id: str
    fence: int

    @contextmanager
    def trials(self) -> Iterator[TrialRepository]:
        """The trials in a transaction."""
        with self.database.transaction() as session:
            yield TrialRepository(session)

    def study(self) -> Study:
        """The record now."""
        with self.database.read() as session:
            study = StudyRepository(session).get(self.id)
        assert study is not None
        return study

    def look(self, read: Callable[[TrialRepository], Any]) -> Any:
        """What a read of the trials gives now."""
        with self.database.read() as session:
            return read(TrialRepository(session))

    def add_cohort(self, index: int, arrays: Sequence[Sequence[int]], start: bool = True) -> None:
        """A cohort whose arrays hold these trials; started unless told otherwise."""
        new = [
            NewTrial(number, home, "vae", {"latent_dim": number}, 1000 + number)
            for home, numbers in enumerate(arrays)
            for number in numbers
        ]
        with self.trials() as trials:
            trials.write_cohort(
                self.id, self.fence, index, new,
                [NewArray(home, f"shape-{home}", numbers) for home, numbers in enumerate(arrays)],
            )  # fmt: skip
            for home in range(len(arrays) if start else 0):
                trials.start_array(self.id, self.fence, index, home)

    def report(self, trial: int, epochs: Sequence[int], attempt: int = 1) -> int:
        """Append these epochs of a trial in one batch; how many were accepted."""
        with self.trials() as trials:
            return trials.append_epochs(
                self.id, self.fence, [(trial, attempt, make_report(epoch)) for epoch in epochs]
            )

    def finish(
        self, trial: int, state: TrialState, value: float | None = None, attempt: int = 1
    ) -> bool:
        """End a trial; whether that was accepted."""
        with self.trials() as trials:
            return trials.finish(self.id, self.fence, trial, attempt, state, value=value)

    def move(self, *states: StudyState) -> None:
        """Move the study from state to state."""
        with self.database.transaction() as session:
            for state in states:
                StudyRepository(session).transition(self.id, state, self.fence)


def drive(database: Database, study_id: str = "driven", **fields: Any) -> DrivenStudy:
    """Create a study, lease it and set it RUNNING."""
    create_study(database, study_id, **fields)
    with database.transaction() as session:
        leases = LeaseRepository(session).acquire_any(OWNER, 30, 100)
        fence = next(lease.fence for lease in leases if lease.study_id == study_id)
        StudyRepository(session).transition(study_id, StudyState.RUNNING, fence)
    return DrivenStudy(database, study_id, fence)


PATHS = {
    StudyState.QUEUED: (),
    StudyState.RUNNING: (StudyState.RUNNING,),
    StudyState.PAUSED: (StudyState.PAUSED,),
    StudyState.SELECTING: (StudyState.RUNNING, StudyState.SELECTING),
    StudyState.COMPLETE: (StudyState.RUNNING, StudyState.SELECTING, StudyState.COMPLETE),
    StudyState.STOPPED: (StudyState.STOPPED,),
    StudyState.FAILED: (StudyState.FAILED,),
}
"""How to bring a QUEUED study into each state."""


def bring(database: Database, study_id: str, state: StudyState) -> None:
    """Move a QUEUED study to a state without a lease."""
    with database.transaction() as session:
        for step in PATHS[state]:
            StudyRepository(session).transition(study_id, step)
