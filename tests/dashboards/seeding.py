"""Synthetic studies written into a database through the repositories, as the engine would."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.model import content_hash
from service.domain.records import Artifact, EpochReport, Trial
from service.domain.states import TERMINAL_TRIAL_STATES, StudyState
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository
from service.storage.leases import LeaseRepository
from service.storage.studies import StudyRepository
from service.storage.trials import NewArray, NewTrial, TrialRepository
from tests.dashboards.synthetic import SyntheticStudy

OWNER = "seeding"


@dataclass
class Seeded:
    """A study in the database, and the fence under which it may be written on."""

    database: Database
    study_id: str
    fence: int
    cohorts: int = 0

    def add_trials(
        self,
        trials: Sequence[Trial],
        reports: dict[int, list[EpochReport]],
        artifacts: dict[int, list[Artifact]] | None = None,
    ) -> None:
        """A cohort of trials, run as far as their records say."""
        with self.database.transaction() as session:
            repository = TrialRepository(session)
            cohort, self.cohorts = self.cohorts, self.cohorts + 1
            numbers = [trial.number for trial in trials]
            new = [
                NewTrial(trial.number, 0, trial.family, trial.params, trial.seed)
                for trial in trials
            ]
            array = NewArray(0, "vae-64-16", numbers)
            repository.write_cohort(self.study_id, self.fence, cohort, new, [array])
            repository.start_array(self.study_id, self.fence, cohort, 0)
            self._append(repository, {number: reports.get(number, []) for number in numbers})
            for trial in trials:
                for rung, value in trial.rungs.items():
                    repository.record_rung(
                        self.study_id, self.fence, trial.number, 1, int(rung), value
                    )
            for trial in trials:
                if trial.state in TERMINAL_TRIAL_STATES:
                    self._finish(repository, trial, (artifacts or {}).get(trial.number, []))

    def append_epochs(self, number: int, reports: Sequence[EpochReport]) -> None:
        """More epochs of a running trial."""
        with self.database.transaction() as session:
            self._append(TrialRepository(session), {number: list(reports)})

    def finish(self, trial: Trial) -> None:
        """Bring a running trial to the end that its record says."""
        with self.database.transaction() as session:
            self._finish(TrialRepository(session), trial, [])

    def transition(self, state: StudyState, **more: object) -> None:
        """Move the study on."""
        with self.database.transaction() as session:
            StudyRepository(session).transition(self.study_id, state, self.fence, **more)  # type: ignore[arg-type]

    def _append(self, repository: TrialRepository, reports: dict[int, list[EpochReport]]) -> None:
        batch = [(number, 1, report) for number in reports for report in reports[number]]
        if batch:
            repository.append_epochs(self.study_id, self.fence, batch)

    def _finish(
        self, repository: TrialRepository, trial: Trial, artifacts: Sequence[Artifact]
    ) -> None:
        assert repository.finish(
            self.study_id, self.fence, trial.number, 1, trial.state, value=trial.value,
            best_epoch=trial.best_epoch, metrics=trial.metrics, verdict=trial.verdict,
            failure=trial.failure, artifacts=artifacts, complexity=trial.complexity,
        )  # fmt: skip


def seed_study(
    database: Database,
    synthetic: SyntheticStudy,
    artifacts: dict[int, list[Artifact]] | None = None,
    cohort_size: int = 8,
) -> Seeded:
    """The whole synthetic study: spec, data set, trials, epochs, analyses, state."""
    study = synthetic.study
    with database.transaction() as session:
        StudyRepository(session).create(
            study.id, study.spec, study.resolved,
            content_hash(study.resolved.model_dump(mode="json")), study.warnings, study.versions,
        )  # fmt: skip
        DatasetRepository(session).put(synthetic.dataset)
    if study.state is StudyState.QUEUED:
        return Seeded(database, study.id, 0)
    seeded = Seeded(database, study.id, _lease(database, study.id))
    seeded.transition(StudyState.RUNNING)
    with database.transaction() as session:
        StudyRepository(session).set_data(study.id, seeded.fence, synthetic.dataset.data_hash)
        StudyRepository(session).add_seconds(study.id, seeded.fence, study.progress.seconds)
    for start in range(0, len(synthetic.trials), cohort_size):
        chunk = synthetic.trials[start : start + cohort_size]
        seeded.add_trials(chunk, synthetic.reports, artifacts)
    with database.transaction() as session:
        for analysis in synthetic.analyses:
            AnalysisRepository(session).put(
                study.id, seeded.fence, analysis.kind, analysis.cohort, analysis.data
            )
    if study.state is StudyState.COMPLETE:
        seeded.transition(StudyState.SELECTING)
        seeded.transition(StudyState.COMPLETE, summary=study.summary)
    return seeded


def _lease(database: Database, study_id: str) -> int:
    with database.transaction() as session:
        leases = LeaseRepository(session).acquire_any(OWNER, 86_400, 100)
    return next(lease.fence for lease in leases if lease.study_id == study_id)
