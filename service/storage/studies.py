"""Studies: created, listed, moved from state to state, deleted."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.domain.datasets import UploadedDataset
from service.domain.model import canonical_json
from service.domain.records import Failure, Notice, Study, StudyPage
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import (
    STUDY_TRANSITIONS,
    TERMINAL_STUDY_STATES,
    Intent,
    StudyState,
)
from service.errors import Conflict, InvalidRequest
from service.storage import clock
from service.storage.kept_results import restore_result
from service.storage.locking import append_study_event, lock_study, missing, part_of
from service.storage.pages import (
    Ordering,
    check_page_size,
    check_text,
    list_key,
    paged,
    write_token,
)
from service.storage.part_intents import ask_parts, check_parts_over
from service.storage.study_records import dataset_id, study_record
from service.storage.tables import LeaseRow, StudyRow, TrialRow
from service.storage.uploads import hold

ORDERS = ("created_at", "-created_at", "name", "-name")


class Deleted(NamedTuple):
    """What went with a study."""

    studies: list[str]
    """Its id, and those of the studies that repeated its configs."""
    data: set[str]
    """Hashes of the data sets that they used."""


class StudyRepository:
    """Studies in a session. Every change of a study is also an entry in its live stream."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self,
        study_id: str,
        spec: StudySpec,
        resolved: ResolvedSpec,
        spec_hash: str,
        warnings: Sequence[Notice],
        versions: dict[str, str],
        idempotency_key: str | None = None,
        body_hash: str | None = None,
        parent_id: str | None = None,
    ) -> Study:
        """Store a new study as QUEUED; with a `parent_id` one that repeats configs of that.

        If the idempotency key is taken, also by a request that runs at this moment, the
        study that took it is returned instead: its id is then not `study_id`. Raises Conflict
        if that study was created from another body, NotFound for an upload that is gone.
        """
        session = self._session
        values: dict[str, Any] = {
            "id": study_id,
            "name": spec.name,
            "state": StudyState.QUEUED,
            "intent": Intent.RUN,
            "spec": spec.model_dump_json(),
            "resolved": resolved.model_dump_json(),
            "spec_hash": spec_hash,
            "families": f",{','.join(spec.families)},",
            "metric": resolved.aims.ranking.metric,
            "direction": resolved.aims.ranking.direction,
            "dataset_id": dataset_id(spec.dataset),
            "warnings": [warning.model_dump(mode="json") for warning in warnings],
            "versions": versions,
            "idempotency_key": idempotency_key,
            "body_hash": body_hash,
            "parent_id": parent_id,
            "planned": resolved.trials,
            "created_at": clock.now(session),
        }
        if isinstance(spec.dataset, UploadedDataset):
            hold(session, spec.dataset.id)
        # DO NOTHING waits for a concurrent insert of the same key to commit, and then yields.
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        inserted = session.execute(
            dialect.insert(StudyRow)
            .values(values)
            .on_conflict_do_nothing(index_elements=[StudyRow.idempotency_key])
            .returning(StudyRow.id)
        ).scalar_one_or_none()
        if inserted is None:
            return self._taken(str(idempotency_key), body_hash)
        study = lock_study(session, study_id)
        append_study_event(session, study)
        return self._current(study_id)

    def by_idempotency_key(self, key: str) -> tuple[Study, str] | None:
        """The study that was created under a key, and the hash of the body it came from."""
        rows = self._session.execute(_SELECT.where(StudyRow.idempotency_key == key)).all()
        if not rows:
            return None
        row, params = rows[0]
        return study_record(row, params), row.body_hash or ""

    def get(self, study_id: str) -> Study | None:
        """The study; None if there is none."""
        rows = self._session.execute(_SELECT.where(StudyRow.id == study_id)).all()
        return study_record(*rows[0]) if rows else None

    def page(
        self,
        page_size: int,
        page_token: str | None = None,
        state: StudyState | None = None,
        family: str | None = None,
        name: str | None = None,
        order_by: str = "-created_at",
        parent_id: str | None = None,
    ) -> StudyPage:
        """One page of the studies; `name` is a part of it, upper and lower case alike.

        Those that repeat another one's configs are left out, unless asked for by their parent.

        Raises InvalidRequest for an order, a size or a token that is not valid.
        """
        if order_by not in ORDERS:
            raise InvalidRequest(
                f"studies cannot be ordered by {order_by!r}", f"use one of {', '.join(ORDERS)}"
            )
        by_name = order_by.endswith("name")
        column = StudyRow.name if by_name else StudyRow.created_at
        ordering = Ordering(order_by, column, StudyRow.id)
        statement = _SELECT.where(StudyRow.parent_id.is_(None))
        if parent_id is not None:
            statement = _SELECT.where(StudyRow.parent_id == check_text(parent_id))
        if state is not None:
            statement = statement.where(StudyRow.state == state)
        if family is not None:
            listed = f",{check_text(family)},"
            statement = statement.where(StudyRow.families.contains(listed, autoescape=True))
        if name:
            part = check_text(name)
            statement = statement.where(StudyRow.name.icontains(part, autoescape=True))
        size = check_page_size(page_size)
        after = list_key(page_token, ordering, by_name)
        rows = self._session.execute(paged(statement, ordering, size, after)).all()
        items = [study_record(row, params) for row, params in rows[:size]]
        token = None
        if len(rows) > size:
            last = items[-1]
            token = write_token(
                ordering, last.name if by_name else last.created_at.isoformat(), last.id
            )
        return StudyPage(items=items, next_page_token=token)

    def set_intent(self, study_id: str, intent: Intent, fence: int | None = None) -> Study:
        """Record what is asked of a study; asking twice changes nothing.

        A study that has not begun obeys at once, engine or not: one that is just taking it up
        finds its fence gone. `fence`: an engine asks. RUN also reaches its parts. Raises Conflict
        when the study is over, was told to stop, is past pausing, or is part of another one.
        """
        study = lock_study(self._session, study_id, fence)
        if study.parent_id is not None and fence is None:
            raise part_of(study.parent_id)
        if study.state in TERMINAL_STUDY_STATES:
            raise Conflict(f"the study is {study.state}", "a study that is over cannot be changed")
        if study.intent is Intent.STOP and intent is not Intent.STOP:
            raise Conflict("the study is being stopped", "submit a new study")
        if study.state is StudyState.SELECTING and intent is Intent.PAUSE:
            raise Conflict("the search is over: the best trial is being scored", "wait, or stop it")
        if study.intent is not intent:
            study.intent = intent
            append_study_event(self._session, study)
        if intent is Intent.RUN:
            ask_parts(self._session, study_id, intent)
        if study.state is StudyState.QUEUED and intent is not Intent.RUN:
            study.fence += 1
            self._session.execute(delete(LeaseRow).where(LeaseRow.study_id == study_id))
            ends = {Intent.STOP: StudyState.STOPPED, Intent.PAUSE: StudyState.PAUSED}
            return self.transition(study_id, ends[intent])
        return self._current(study_id)

    def transition(
        self,
        study_id: str,
        state: StudyState,
        fence: int | None = None,
        failure: Failure | None = None,
        summary: dict[str, Any] | None = None,
    ) -> Study:
        """Move a study to another state. Raises Conflict if the table of states forbids it."""
        study = lock_study(self._session, study_id, fence)
        if state not in STUDY_TRANSITIONS[study.state]:
            raise Conflict(f"a study that is {study.state} cannot become {state}")
        now = clock.now(self._session)
        study.state = state
        if state is StudyState.RUNNING:
            study.started_at = study.started_at or now
            study.failure = None  # what a pause was for is over
        if state in TERMINAL_STUDY_STATES:
            study.finished_at = now
        if failure is not None:
            study.failure = failure.model_dump(mode="json")
        if summary is not None:
            study.summary = summary
        restore_result(self._session, study)
        append_study_event(self._session, study)
        return self._current(study_id)

    def set_data(self, study_id: str, fence: int, data_hash: str) -> None:
        """Record which data set (already put into DatasetRepository) the study trains on."""
        study = lock_study(self._session, study_id, fence)
        study.data_hash = data_hash
        append_study_event(self._session, study)

    def add_warnings(self, study_id: str, fence: int, notices: Sequence[Notice]) -> None:
        """Add what the linter says later; what it has said already is not said again."""
        study = lock_study(self._session, study_id, fence)
        known = {canonical_json(warning) for warning in study.warnings}
        new = [notice.model_dump(mode="json") for notice in notices]
        new = [notice for notice in new if canonical_json(notice) not in known]
        if new:
            study.warnings = [*study.warnings, *new]
            append_study_event(self._session, study)

    def add_seconds(self, study_id: str, fence: int, seconds: float) -> None:
        """Add wall-clock that the study spent RUNNING."""
        lock_study(self._session, study_id, fence).seconds += seconds

    def delete(self, study_id: str) -> Deleted:
        """Delete a study that is over, with everything that belongs to it.

        Raises Conflict while it or a part of it is not over, or it is part of another one. Files
        are the artifact store's affair, data that are needed no more DatasetRepository.discard's.
        """
        study = lock_study(self._session, study_id)
        if study.parent_id is not None:
            raise part_of(study.parent_id)
        if study.state not in TERMINAL_STUDY_STATES:
            raise Conflict(f"the study is {study.state}", "stop it first")
        check_parts_over(self._session, study_id)
        family = or_(StudyRow.id == study_id, StudyRow.parent_id == study_id)
        gone = self._session.execute(select(StudyRow.id, StudyRow.data_hash).where(family)).all()
        del self._session.info[study_id]
        self._session.execute(delete(StudyRow).where(family))
        return Deleted([row.id for row in gone], {row.data_hash for row in gone if row.data_hash})

    def _current(self, study_id: str) -> Study:
        self._session.flush()
        study = self.get(study_id)
        if study is None:
            raise missing(study_id)
        return study

    def _taken(self, key: str, body_hash: str | None) -> Study:
        found = self.by_idempotency_key(key)
        if found is None or found[1] != (body_hash or ""):
            raise Conflict("the Idempotency-Key was used before with another body", "use a new key")
        return found[0]


_SELECT: Select[tuple[StudyRow, dict[str, Any] | None]] = select(
    StudyRow, TrialRow.params
).outerjoin(
    TrialRow, and_(TrialRow.study_id == StudyRow.id, TrialRow.number == StudyRow.best_trial)
)
