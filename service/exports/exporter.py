"""Exporter: a study as a file, from one snapshot of the records."""

import io
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session

from service.domain.exports import ExportFormat
from service.domain.records import Study
from service.errors import NotFound, Unavailable
from service.exports.child import Limits, run_child
from service.exports.columns import Names, row_of
from service.exports.csv_text import write_csv
from service.exports.dump import dump_study
from service.storage import clock
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.dumps import DumpRepository
from service.storage.revisions import RevisionRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository
from trainers.data.workspace import sweep, workspace

AT_A_TIME = 2
WAITING = 4
"""Each one holds a thread that answers requests."""
TURN_SECONDS = 3.0
SPOOL_BYTES = 8 << 20
PARQUET = "service.exports.parquet_file"
OPTUNA = "service.engine.export_optuna"


class Exporter:
    """Writes studies as files, at most two at a time; few wait, and not for long.

    Raises NotFound for a study that is gone, Unavailable when others are being written, and what
    `exports.child.run_child` raises.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        limits: Limits = Limits(),
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._database = database
        self._folder = folder
        self._limits = limits
        self._turn_seconds = turn_seconds
        self._turns = threading.BoundedSemaphore(AT_A_TIME)
        self._places = threading.BoundedSemaphore(AT_A_TIME + WAITING)

    def sweep(self) -> None:
        """Remove what killed processes left."""
        if self._folder.exists():
            sweep(self._folder)

    def write(self, study_id: str, form: ExportFormat) -> IO[bytes]:
        """The file, open at its beginning; it has no name and is gone when it is closed."""
        with self._turn(), self._database.read() as session:
            # Read here: the study must be of the same snapshot as its trials.
            study = StudyRepository(session).get(study_id)
            if study is None:
                raise NotFound("there is no such study", "list the studies with GET /v1/studies")
            match form:
                case "csv":
                    return self._csv(session, study)
                case "json":
                    return self._json(session, study)
                case "parquet":
                    return self._parquet(session, study)
                case "optuna":
                    return self._optuna(session, study)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        busy = Unavailable("other studies are being exported", "try again in a moment")
        if not self._places.acquire(blocking=False):
            raise busy
        try:
            if not self._turns.acquire(timeout=self._turn_seconds):
                raise busy
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()

    def _csv(self, session: Session, study: Study) -> IO[bytes]:
        dumps = DumpRepository(session)
        names = _names(dumps, study)
        columns = names.columns()
        with _spooled() as (file, stack):
            text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
            rows = (
                row_of(study, trial, columns)
                for trials in dumps.trials(study.id)
                for trial in trials
            )
            write_csv(text, [column.name for column in columns], rows)
            return _rewound(text, file, stack)

    def _json(self, session: Session, study: Study) -> IO[bytes]:
        trials = TrialRepository(session)
        pieces = dump_study(
            study,
            RevisionRepository(session).of(study.id),
            DecisionRepository(session).all(study.id),
            trials.cohorts(study.id),
            trials.arrays(study.id),
            DumpRepository(session).whole_trials(study.id),
            clock.now(session),
        )
        with _spooled() as (file, stack):
            text = io.TextIOWrapper(file, "utf-8")
            text.writelines(pieces)
            return _rewound(text, file, stack)

    def _parquet(self, session: Session, study: Study) -> IO[bytes]:
        dumps = DumpRepository(session)
        columns = _names(dumps, study).columns()
        request = {
            "columns": columns,
            "metadata": {
                "hifitune.study": study.id,
                "hifitune.name": study.name,
                "hifitune.resolved": study.resolved.model_dump_json(),
            },
        }
        times = [index for index, column in enumerate(columns) if column.kind == "time"]

        def rows() -> Iterator[list[Any]]:
            for trials in dumps.trials(study.id):
                for trial in trials:
                    row = row_of(study, trial, columns)
                    for index in times:
                        row[index] = row[index] and row[index].isoformat()
                    yield row

        return self._by_child(PARQUET, request, rows())

    def _optuna(self, session: Session, study: Study) -> IO[bytes]:
        request = {
            "study": study.model_dump(mode="json"),
            "exported_at": clock.now(session).isoformat(),
        }
        lines = (
            [trial.model_dump(mode="json"), curve]
            for trials in DumpRepository(session).curves(study.id)
            for trial, curve in trials
        )
        return self._by_child(OPTUNA, request, lines)

    def _by_child(self, module: str, request: dict[str, Any], records: Iterator[Any]) -> IO[bytes]:
        # The folder goes with all that is in it, and the open file stays.
        with workspace(self._folder) as folder:
            file = folder / "export"
            run_child(module, request, records, file, self._limits)
            return file.open("rb")


def _names(dumps: DumpRepository, study: Study) -> Names:
    names = Names(study)
    for trials in dumps.trials(study.id):
        names.see(trials)
    return names


@contextmanager
def _spooled() -> Iterator[tuple[IO[bytes], ExitStack]]:
    """A nameless file, in memory while it is small; closed when the block fails."""
    with ExitStack() as stack:
        yield stack.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES)), stack


def _rewound(text: io.TextIOWrapper, file: IO[bytes], stack: ExitStack) -> IO[bytes]:
    text.detach()
    file.seek(0)
    stack.pop_all()
    return file
