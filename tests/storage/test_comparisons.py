"""Comparisons are those of the records, on both databases."""

from typing import Any

import pytest

from service.domain.comparison import Comparison
from service.domain.states import StudyState, TrialState
from service.errors import NotFound
from service.storage.comparisons import ComparisonRepository
from service.storage.database import Database
from service.storage.leases import LeaseRepository
from service.storage.studies import StudyRepository
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.storage import driving
from tests.storage.driving import DrivenStudy, create_study, drive


def compare(database: Database, *ids: str) -> Comparison:
    with database.read() as session:
        return ComparisonRepository(session).compare(ids)


def expected_steps(synthetic: SyntheticStudy, sign: int) -> list[tuple[int, float, float]]:
    """(trials, seconds, value) of each improvement, from the records."""
    found: list[tuple[int, float, float]] = []
    spent = 0.0
    for trial in synthetic.trials:
        spent += sum(report.seconds for report in synthetic.reports[trial.number])
        if trial.state is not TrialState.COMPLETE or trial.value is None:
            continue
        if not found or sign * trial.value < sign * found[-1][2]:
            found.append((trial.number + 1, pytest.approx(spent), trial.value))
    return found


def test_steps_and_costs_are_those_of_the_records(database: Database) -> None:
    down = make_study(count=20, running=3, planned=30, study_id="down")
    upward = {"metric": "elbo", "direction": "maximize"}
    up = make_study(
        count=8, study_id="up", seed=3, spec=make_spec("up", trials=8, objective=upward)
    )
    for synthetic in (down, up):
        seed_study(database, synthetic)
    found = compare(database, "up", "down")
    assert [study.id for study in found.studies] == ["up", "down"]
    for study, synthetic, sign in zip(found.studies, (up, down), (-1, 1), strict=True):
        points = [(each.trials, each.seconds, each.value) for each in study.convergence]
        steps = expected_steps(synthetic, sign)
        assert points[: len(steps)] == steps
        seconds = sum(report.seconds for each in synthetic.reports.values() for report in each)
        assert study.cost.trainer_seconds == pytest.approx(seconds)
        assert study.cost.wall_seconds == synthetic.study.progress.seconds
        ended = max(t.number for t in synthetic.trials if t.finished_at is not None) + 1
        assert study.convergence[-1].trials == ended
        assert study.convergence[-1].seconds == pytest.approx(seconds)
        assert study.trials_done == synthetic.study.progress.done
    assert not found.comparable and found.leader is None
    assert [notice.code for notice in found.notices] == ["different-objective"]


def add_part(database: Database, study_id: str, parent: DrivenStudy) -> DrivenStudy:
    wish, resolved = driving.make_spec(study_id)
    with database.transaction() as session:
        StudyRepository(session).create(
            study_id, wish, resolved, "0" * 64, [], {}, parent_id=parent.id
        )
    with database.transaction() as session:
        leases = LeaseRepository(session).acquire_any("engine-1", 30, 100)
        fence = next(lease.fence for lease in leases if lease.study_id == study_id)
        StudyRepository(session).transition(study_id, StudyState.RUNNING, fence)
    return DrivenStudy(database, study_id, fence)


def test_repetitions_cost_apart_and_a_part_may_be_compared(database: Database) -> None:
    parent = drive(database, "parent")
    parent.add_cohort(0, [[0, 1]])
    parent.report(0, [1, 2, 3])
    parent.report(1, [1])
    for number in (1, 2):
        part = add_part(database, f"part{number}", parent)
        part.add_cohort(0, [[0]])
        part.report(0, [1, 2])
    found = compare(database, "parent", "part1")
    costs = [study.cost for study in found.studies]
    assert (costs[0].trainer_seconds, costs[0].repetition_seconds) == (1.0, 1.0)
    assert (costs[1].trainer_seconds, costs[1].repetition_seconds) == (0.5, 0.0)
    assert found.studies[1].parent == "parent"
    assert {notice.code: notice.studies for notice in found.notices} == {
        "data-not-prepared": ["parent", "part1"],
        "part-of-a-study": ["part1"],
    }


def test_a_study_without_a_trial_is_compared_too(database: Database) -> None:
    create_study(database, "empty")
    seed_study(database, make_study(count=6, study_id="full"))
    empty, full = compare(database, "empty", "full").studies
    assert (empty.best, empty.convergence, empty.cost.trainer_seconds) == (None, [], 0.0)
    assert full.convergence


def test_infeasible_trials_and_several_objectives_have_no_steps(database: Database) -> None:
    goals: list[dict[str, Any]] = [{"metric": "mse"}, {"metric": "kl"}]
    bound = {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 1e-9}]}
    for study_id, objective in (("front", goals), ("bound", bound)):
        spec = make_spec(study_id, trials=6, objective=objective)
        seed_study(database, make_study(count=6, study_id=study_id, spec=spec))
    found = compare(database, "front", "bound")
    assert [study.convergence for study in found.studies] == [[], []]
    assert "several-objectives" in {notice.code for notice in found.notices}


def test_unknown_studies_are_named(database: Database) -> None:
    create_study(database, "known")
    with pytest.raises(NotFound, match="no study nobody, none"):
        compare(database, "known", "nobody", "none")
