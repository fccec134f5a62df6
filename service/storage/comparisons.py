"""Comparisons: what several studies found and cost, computed in the database.

Sums and running best values over every epoch and trial; only the improvements leave it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Subquery, and_, case, func, or_, select
from sqlalchemy.orm import Session

from service.domain.comparability import compare
from service.domain.comparison import Comparison, ConvergencePoint, Costs, compared
from service.domain.states import TERMINAL_TRIAL_STATES, TrialState
from service.errors import NotFound
from service.storage.studies import StudyRepository
from service.storage.tables import EpochRow, StudyRow, TrialRow


class ComparisonRepository:
    """Reads across studies in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def compare(self, study_ids: Sequence[str]) -> Comparison:
        """The studies side by side, in this order. Raises NotFound, naming those that are not."""
        repository = StudyRepository(self._session)
        found = {each: repository.get(each) for each in study_ids}
        studies = [study for study in found.values() if study is not None]
        unknown = [each for each, study in found.items() if study is None]
        if unknown:
            raise NotFound(
                f"ids: there is no study {', '.join(unknown)}",
                "list the studies with GET /v1/studies; it may have been deleted",
            )
        costs = self._costs(study_ids)
        steps = self._steps(study_ids)
        ends = self._ends(study_ids)
        entries = [
            compared(
                study,
                costs.get(study.id, Costs()),
                steps.get(study.id, []),
                (ends.get(study.id, 0), costs.get(study.id, Costs()).own),
            )
            for study in studies
        ]
        return compare(studies, entries)

    def _costs(self, study_ids: Sequence[str]) -> dict[str, Costs]:
        """Trainer-seconds of each study and of its parts."""
        ids = list(study_ids)
        rows = self._session.execute(
            select(StudyRow.id, StudyRow.parent_id, func.sum(EpochRow.seconds))
            .join(TrialRow, TrialRow.study_id == StudyRow.id)
            .join(EpochRow, EpochRow.trial_key == TrialRow.key)
            .where(or_(StudyRow.id.in_(ids), StudyRow.parent_id.in_(ids)))
            .group_by(StudyRow.id, StudyRow.parent_id)
            .order_by(StudyRow.id)
        ).all()
        own = {study_id: seconds for study_id, _, seconds in rows}
        repetitions: dict[str, float] = {}
        for _, parent_id, seconds in rows:
            if parent_id is not None:
                repetitions[parent_id] = repetitions.get(parent_id, 0.0) + seconds
        return {each: Costs(own.get(each, 0.0), repetitions.get(each, 0.0)) for each in ids}

    def _ends(self, study_ids: Sequence[str]) -> dict[str, int]:
        """How many trials there are up to the last one that has ended."""
        rows = self._session.execute(
            select(TrialRow.study_id, func.max(TrialRow.number))
            .where(
                TrialRow.study_id.in_(list(study_ids)),
                TrialRow.state.in_(TERMINAL_TRIAL_STATES),
            )
            .group_by(TrialRow.study_id)
        )
        return {study_id: last + 1 for study_id, last in rows}

    def _steps(self, study_ids: Sequence[str]) -> dict[str, list[ConvergencePoint]]:
        """Each COMPLETE, feasible trial that was better than all before it, with the cost so far.

        None of a study with several objectives, which has no single best value.
        """
        trials = _trials(study_ids)
        before = func.min(trials.c.loss).over(
            partition_by=trials.c.study_id, order_by=trials.c.number, rows=(None, -1)
        )
        spent = func.sum(trials.c.seconds).over(
            partition_by=trials.c.study_id, order_by=trials.c.number, rows=(None, 0)
        )
        ranked = select(trials, before.label("before"), spent.label("spent")).subquery()
        rows = self._session.execute(
            select(ranked.c.study_id, ranked.c.number, ranked.c.spent, ranked.c.value)
            .where(
                ranked.c.loss.is_not(None),
                or_(ranked.c.before.is_(None), ranked.c.loss < ranked.c.before),
            )
            .order_by(ranked.c.study_id, ranked.c.number)
        )
        found: dict[str, list[ConvergencePoint]] = {}
        for study_id, number, seconds, value in rows:
            point = ConvergencePoint(trials=number + 1, seconds=seconds, value=value)
            found.setdefault(study_id, []).append(point)
        return found


def _trials(study_ids: Sequence[str]) -> Subquery:
    """Number, value, trainer-seconds and loss of every trial; no loss: it cannot be the best."""
    sign: Any = case((StudyRow.direction == "minimize", 1.0), else_=-1.0)
    eligible = and_(
        TrialRow.state == TrialState.COMPLETE,
        TrialRow.feasible.is_not(False),
        StudyRow.front.is_(None),
    )
    costs = (
        select(TrialRow.key, func.sum(EpochRow.seconds).label("seconds"))
        .join(EpochRow, EpochRow.trial_key == TrialRow.key)
        .where(TrialRow.study_id.in_(list(study_ids)))
        .group_by(TrialRow.key)
        .subquery()
    )
    return (
        select(
            TrialRow.study_id,
            TrialRow.number,
            TrialRow.value,
            func.coalesce(costs.c.seconds, 0.0).label("seconds"),
            case((eligible, TrialRow.value * sign)).label("loss"),
        )
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .outerjoin(costs, costs.c.key == TrialRow.key)
        .where(TrialRow.study_id.in_(list(study_ids)))
        .subquery()
    )
