"""A COMPLETE study goes on, and what it had found is kept."""

from typing import Any

import pytest
from sqlalchemy import func, select

from service.domain.model import content_hash
from service.domain.records import Failure, Study
from service.domain.spec import Extension, ExtensionSpec
from service.domain.states import Intent, StudyState, TrialState
from service.errors import Conflict, NotFound, Stale
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.leases import LeaseRepository
from service.storage.locking import lock_study
from service.storage.revisions import RevisionRepository
from service.storage.studies import StudyRepository
from service.storage.tables import LeaseRow, RevisionRow
from tests.storage.driving import OWNER, DrivenStudy, bring, create_study, make_spec

MORE = ExtensionSpec(trials=10, seconds=60.0)


def extend(
    database: Database, study_id: str, asked: ExtensionSpec = MORE, **options: Any
) -> tuple[Study, bool]:
    with database.transaction() as session:
        return RevisionRepository(session).extend(study_id, asked, [{"beta": 2.0}], **options)


def complete(driven: DrivenStudy) -> dict[str, Any]:
    """Four trials, then a selection that finds another one the best; the summary."""
    driven.add_cohort(0, [[0, 1, 2, 3]])
    for number, value in enumerate([3.0, 2.0, 4.0]):
        driven.report(number, [1, 2])
        assert driven.finish(number, TrialState.COMPLETE, value)
    assert driven.finish(3, TrialState.DIVERGED)
    driven.move(StudyState.SELECTING)
    summary = {"trial": 0, "test": {"mse": 3.5}, "test_openings": 1}
    with driven.database.transaction() as session:
        studies = StudyRepository(session)
        studies.add_seconds(driven.id, driven.fence, 12.5)
        row = lock_study(session, driven.id)
        row.best_trial, row.best_value = 0, 3.25
        studies.transition(driven.id, StudyState.COMPLETE, driven.fence, summary=summary)
    return summary


def test_the_old_result_is_kept_and_the_study_is_queued_with_more_trials(
    driven: DrivenStudy,
) -> None:
    summary = complete(driven)
    before = driven.study()
    study, replayed = extend(driven.database, driven.id)
    assert not replayed and study == driven.study()
    assert (study.state, study.intent, study.revision) == (StudyState.QUEUED, Intent.RUN, 2)
    assert study.resolved.extensions == [
        Extension(trials=10, enqueue=[{"beta": 2.0}], seconds=60.0, first=4, spent=12.5)
    ]
    assert study.spec_hash == content_hash(study.resolved.model_dump(mode="json"))
    assert study.progress.trials == study.resolved.trials == 14
    assert study.resolved.seconds_limit == 72.5
    assert (study.summary, study.failure, study.finished_at) == (None, None, None)
    assert study.started_at == before.started_at
    assert study.best is not None  # of the search, not the one that a selection put there
    assert (study.best.trial, study.best.value) == (1, 2.0)
    with driven.database.read() as session:
        (kept,) = RevisionRepository(session).of(driven.id)
        (decision,) = DecisionRepository(session).all(driven.id, "extend")
    assert (kept.number, kept.trials, kept.best_trial, kept.best_value) == (1, 4, 0, 3.25)
    assert (kept.summary, kept.finished_at) == (summary, before.finished_at)
    numbers = {"revision": 2, "first": 4, "trials": 10, "enqueued": 1, "spent": 12.5}
    assert numbers.items() <= decision.detail.items()
    assert decision.detail["spec_hash"] == before.spec_hash


def test_who_held_the_lease_cannot_write_any_more(driven: DrivenStudy) -> None:
    complete(driven)
    extend(driven.database, driven.id)
    with driven.database.transaction() as session:
        with pytest.raises(Stale):
            StudyRepository(session).transition(driven.id, StudyState.RUNNING, driven.fence)
        leases = LeaseRepository(session)
        assert not leases.release(driven.id, OWNER, driven.fence)
        assert [lease.study_id for lease in leases.acquire_any("other", 30, 5)] == [driven.id]
        assert session.scalars(select(LeaseRow.owner)).all() == ["other"]


@pytest.mark.parametrize("state", [state for state in StudyState if state != "COMPLETE"])
def test_only_a_complete_study_is_extended(database: Database, state: StudyState) -> None:
    create_study(database, "s")
    bring(database, "s", state)
    with pytest.raises(Conflict) as caught:
        extend(database, "s")
    assert state.value in caught.value.detail
    assert caught.value.remedy
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(RevisionRow)) == 0


def test_a_part_of_another_study_is_not_extended(database: Database) -> None:
    create_study(database, "s")
    wish, resolved = make_spec()
    with database.transaction() as session:
        StudyRepository(session).create("part", wish, resolved, "0", [], {}, parent_id="s")
    with pytest.raises(Conflict, match="part of it"):
        extend(database, "part")


def test_there_is_no_study_that_was_not_created(database: Database) -> None:
    with pytest.raises(NotFound):
        extend(database, "none")


def test_a_key_makes_it_safe_to_ask_twice(driven: DrivenStudy) -> None:
    complete(driven)
    first, _ = extend(driven.database, driven.id, key="k", body_hash="a")
    assert extend(driven.database, driven.id, key="k", body_hash="a") == (first, True)
    with pytest.raises(Conflict, match="another body"):
        extend(driven.database, driven.id, key="k", body_hash="b")
    assert driven.study().revision == 2


def test_decisions_of_the_clock_count_for_their_revision(driven: DrivenStudy) -> None:
    with driven.database.transaction() as session:
        DecisionRepository(session).append(driven.id, driven.fence, "time_budget", {"seconds": 1})
    complete(driven)
    with driven.database.read() as session:
        assert len(DecisionRepository(session).current(driven.id, "time_budget")) == 1
    extend(driven.database, driven.id)
    with driven.database.read() as session:
        assert DecisionRepository(session).current(driven.id, "time_budget") == []
        assert len(DecisionRepository(session).all(driven.id, "time_budget")) == 1


def test_a_search_that_ends_early_plans_what_there_is(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1, 2, 3]])
    driven.report(0, [1])
    driven.finish(0, TrialState.COMPLETE, 1.0)
    with driven.database.transaction() as session:
        StudyRepository(session).add_seconds(driven.id, driven.fence, 2.0)
        RevisionRepository(session).end_search(driven.id, driven.fence)
    progress = driven.study().progress
    assert (progress.trials, progress.done) == (4, 1)
    assert progress.seconds_left == pytest.approx(6.0)


def test_earlier_results_go_with_the_study(driven: DrivenStudy) -> None:
    complete(driven)
    extend(driven.database, driven.id)
    with driven.database.transaction() as session:
        studies = StudyRepository(session)
        studies.set_intent(driven.id, Intent.STOP)
        studies.delete(driven.id)
    with driven.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RevisionRow)) == 0


CONFIRMED = {
    "trial": 0,
    "test": {"mse": 3.5},
    "test_openings": 1,
    "selection": {"winner": 0, "seeds": 3, "pooled_sd": 0.1},
}


@pytest.mark.parametrize("end", [StudyState.STOPPED, StudyState.FAILED])
@pytest.mark.parametrize("begun", [False, True])
def test_an_extension_that_came_to_nothing_leaves_the_result_before_it(
    driven: DrivenStudy, end: StudyState, begun: bool
) -> None:
    complete(driven)
    with driven.database.transaction() as session:
        lock_study(session, driven.id).summary = CONFIRMED
    extend(driven.database, driven.id)
    with driven.database.transaction() as session:
        studies = StudyRepository(session)
        if begun:
            studies.transition(driven.id, StudyState.RUNNING)
        failure = Failure(kind="data", message="x") if end is StudyState.FAILED else None
        study = studies.transition(driven.id, end, failure=failure)
    assert study == driven.study()
    assert study.summary == {**CONFIRMED, "revision": 1}
    assert study.best is not None
    assert (study.best.trial, study.best.value, study.best.seeds) == (0, 3.25, 3)


@pytest.mark.parametrize("better", [False, True])
def test_what_was_never_confirmed_gives_way_to_a_better_trial(
    driven: DrivenStudy, better: bool
) -> None:
    complete(driven)
    with driven.database.transaction() as session:
        row = lock_study(session, driven.id)
        row.best_trial, row.best_value, row.summary = 1, 2.0, {"trial": 1, "test": {"mse": 2.5}}
    extend(driven.database, driven.id)
    with driven.database.transaction() as session:
        row = lock_study(session, driven.id)
        if better:
            row.best_trial, row.best_value, row.best_complete = 2, 1.0, True
        study = StudyRepository(session).transition(driven.id, StudyState.STOPPED)
    assert study.best is not None
    found = (study.best.trial, study.best.value, (study.summary or {}).get("revision"))
    assert found == ((2, 1.0, None) if better else (1, 2.0, 1))
