"""All of a study at once, in steps: what exports read."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.domain.records import Artifact, EpochReport, Trial
from service.storage.tables import ArtifactRow, EpochRow, TrialRow
from service.storage.trial_records import artifact_record, epoch_record, trial_record

TRIALS_AT_A_TIME = 500


class WholeTrial(NamedTuple):
    """A trial with everything that belongs to it."""

    trial: Trial
    reports: list[EpochReport]
    artifacts: list[Artifact]


class DumpRepository:
    """Reads through the trials of studies in a session, some hundred at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def trials(self, study_id: str) -> Iterator[list[Trial]]:
        """Every trial by number, in lists."""
        for rows in self._rows(study_id):
            yield [trial_record(row) for row in rows]

    def curves(self, study_id: str) -> Iterator[list[tuple[Trial, list[tuple[int, float]]]]]:
        """Every trial with (epoch, what ranks its epochs on validation), where that is finite."""
        for rows in self._rows(study_id):
            points: dict[int, list[tuple[int, float]]] = {row.key: [] for row in rows}
            found = self._session.execute(
                select(EpochRow.trial_key, EpochRow.epoch, EpochRow.objective_validation)
                .where(EpochRow.trial_key.in_(list(points)))
                .order_by(EpochRow.trial_key, EpochRow.epoch)
            )
            for key, epoch, value in found:
                if value is not None:
                    points[key].append((epoch, value))
            yield [(trial_record(row), points[row.key]) for row in rows]

    def whole_trials(self, study_id: str) -> Iterator[WholeTrial]:
        """Every trial with its epochs and files, by number."""
        for rows in self._rows(study_id):
            keys = [row.key for row in rows]
            reports: dict[int, list[EpochReport]] = {key: [] for key in keys}
            for epoch in self._session.scalars(
                select(EpochRow)
                .where(EpochRow.trial_key.in_(keys))
                .order_by(EpochRow.trial_key, EpochRow.epoch)
                .execution_options(yield_per=TRIALS_AT_A_TIME)
            ):
                reports[epoch.trial_key].append(epoch_record(epoch))
            files: dict[int, list[ArtifactRow]] = {key: [] for key in keys}
            for file in self._session.scalars(
                select(ArtifactRow)
                .where(ArtifactRow.trial_key.in_(keys))
                .order_by(ArtifactRow.trial_key, ArtifactRow.kind)
            ):
                files[file.trial_key].append(file)
            for row in rows:
                left = [artifact_record(study_id, row.number, file) for file in files[row.key]]
                yield WholeTrial(trial_record(row), reports[row.key], left)

    def _rows(self, study_id: str) -> Iterator[Sequence[TrialRow]]:
        last = -1
        while True:
            rows = self._session.scalars(
                select(TrialRow)
                .where(TrialRow.study_id == study_id, TrialRow.number > last)
                .order_by(TrialRow.number)
                .limit(TRIALS_AT_A_TIME)
            ).all()
            if not rows:
                return
            yield rows
            last = rows[-1].number
