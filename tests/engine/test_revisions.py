"""A study of 20 that is extended by 20 is the study of 40, however often it is restarted."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.best import best_record, read_best
from service.domain.spec import Extension, ExtensionSpec, ResolvedSpec
from service.domain.states import TERMINAL_STUDY_STATES, Intent, StudyState
from service.engine.cohorts import cohort_trials, planned_cohorts
from service.engine.confirming import recorded
from service.engine.proposals import propose
from service.engine.revisions import enqueued, revision_of, revisions
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.revisions import RevisionRepository
from service.storage.studies import StudyRepository
from tests.engine.harness import SMALL, House, fingerprint
from tests.engine.specs import resolved, run_search
from tests.engine.test_proposals import diverse_end
from tests.engine.test_restart import engine, open_house, wait_until

SAMPLERS = ["random", "tpe", "gp"]
WHOLE: dict[str, Any] = SMALL | {
    "training": {"epochs": 6, "early_stopping": None},
    "pruner": {"type": "halving", "min_epochs": 2},
    "sampler": {"type": "tpe", "startup_trials": 6},
    "budget": {"trials": 40},
    "parallel": {"cohort_size": 4},
    "selection": {"top_k": 0},
}
HALF: dict[str, Any] = WHOLE | {"budget": {"trials": 20}}


def extended(spec: ResolvedSpec, *extensions: Extension) -> ResolvedSpec:
    return spec.model_copy(update={"extensions": list(extensions)})


def go_on(house: House, study_id: str, trials: int, **fields: Any) -> None:
    """What the API does, for params that fit the space as they are."""
    asked = ExtensionSpec(trials=trials, **fields)
    with house.database.transaction() as session:
        RevisionRepository(session).extend(study_id, asked, asked.enqueue)


@pytest.mark.parametrize(("sampler", "count"), [("random", 20), ("tpe", 20), ("gp", 8)])
def test_twenty_and_twenty_more_are_proposed_as_forty_are(sampler: str, count: int) -> None:
    changes: dict[str, Any] = {"sampler": {"type": sampler}, "cohort_size": 4}
    half = resolved(trials=count, **changes)
    first = run_search(half, end=diverse_end)
    more = extended(half, Extension(trials=count, first=count))
    both = run_search(more, end=diverse_end, history=first)
    assert both == run_search(resolved(trials=2 * count, **changes), end=diverse_end)
    for kept in range(count, 2 * count, 4):
        assert run_search(more, end=diverse_end, history=both[:kept]) == both


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_extension_begins_a_cohort_of_its_own(sampler: str) -> None:
    half = resolved(trials=18, cohort_size=4, sampler={"type": sampler})
    first = run_search(half)
    entry = {"latent_dim": 12, "hidden_width": 99}
    spec = extended(half, Extension(trials=6, first=18, enqueue=[entry]))
    told = run_search(spec, history=first)
    assert told[:18] == first
    assert [(t.number, t.cohort) for t in told[16:]] == [
        (16, 4), (17, 4), (18, 5), (19, 5), (20, 5), (21, 5), (22, 6), (23, 6),
    ]  # fmt: skip
    assert entry.items() <= told[18].params.items()
    assert [p.params for p in propose(spec, reversed(told), 5)] == [t.params for t in told[18:22]]


@given(
    st.integers(1, 30),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 9)), max_size=4),
)
def test_every_trial_is_in_one_cohort_and_no_revision_changes_an_earlier_one(
    trials: int, size: int, later: list[tuple[int, int]]
) -> None:
    """Whatever the sizes, and wherever an earlier search was cut short between two cohorts."""
    spec = resolved(trials=trials, cohort_size=size)
    for more, cut in later:
        last = revisions(spec)[-1]
        there = min(last.trials, max(1, last.cohorts - cut) * size)
        before = {c: cohort_trials(spec, c) for c in range(last.first_cohort)}
        spec = extended(
            spec, *spec.extensions, Extension(trials=more, first=last.first_trial + there)
        )
        assert before == {c: cohort_trials(spec, c) for c in before}
        assert revisions(spec)[-1].cohort(revisions(spec)[-1].first_cohort).start == (
            last.first_trial + there
        )
    numbers = [n for c in range(planned_cohorts(spec)) for n in cohort_trials(spec, c)]
    assert numbers == list(range(spec.trials))
    assert not cohort_trials(spec, planned_cohorts(spec))
    for cohort in range(planned_cohorts(spec)):
        assert 1 <= len(cohort_trials(spec, cohort)) <= size
        revision = revision_of(spec, cohort)
        assert set(cohort_trials(spec, cohort)) <= set(
            range(revision.first_trial, revision.first_trial + revision.trials)
        )


def test_entries_belong_to_the_trials_that_there_are() -> None:
    """A search that was cut short does not hand its entries on to the extension."""
    spec = resolved(trials=20, enqueue=[{"latent_dim": 4}] * 10)
    spec = extended(spec, Extension(trials=8, first=8, enqueue=[{"latent_dim": 16}]))
    assert [enqueued(spec, n) for n in (7, 8, 9)] == [{"latent_dim": 4}, {"latent_dim": 16}, None]


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = open_house(tmp_path_factory.mktemp("forty") / "house")
    house.submit("s", WHOLE)
    house.run("s", InProcessExecutor(2))
    yield house
    house.database.close()


def assert_forty(house: House, forty: House) -> None:
    study, whole = house.study("s"), forty.study("s")
    assert study.state is StudyState.COMPLETE, study.failure
    assert study.resolved.cohort_size == 4
    assert fingerprint(house.trials("s")) == fingerprint(forty.trials("s"))
    assert study.best == whole.best
    assert study.progress.trials == study.progress.done == 40
    assert study.summary is not None and whole.summary is not None
    assert study.summary["test"] == whole.summary["test"]


def test_a_study_goes_on_as_if_it_had_never_ended(
    database: Database, tmp_path: Path, forty: House
) -> None:
    house = House(tmp_path, database)
    house.submit("s", HALF)
    first = house.run("s", InProcessExecutor(2))
    assert first.summary is not None
    go_on(house, "s", 20)
    again = house.run("s", InProcessExecutor(1))
    assert_forty(house, forty)
    assert again.revision == 2
    assert again.summary is not None
    # Once more for the new revision; other tests opened the same data set's seal before.
    assert again.summary["test_openings"] == first.summary["test_openings"] + 1
    with database.read() as session:
        (kept,) = RevisionRepository(session).of("s")
    assert kept.summary == first.summary
    assert first.best is not None
    assert (kept.best_trial, kept.best_value) == (first.best.trial, first.best.value)


def test_an_extension_is_restarted_again_and_again_and_comes_out_the_same(
    tmp_path: Path, forty: House
) -> None:
    house = open_house(tmp_path / "house")
    house.submit("s", HALF)
    house.run("s", InProcessExecutor(2))
    go_on(house, "s", 20)
    for more in (12, 40):
        goal = house.study("s").progress.epochs + more
        with engine(house) as process:
            family = psutil.Process(process.pid)
            wait_until(lambda goal=goal: house.study("s").progress.epochs >= goal)  # type: ignore[misc]
            tree = family.children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
            psutil.wait_procs(tree, timeout=10)
    assert house.study("s").state is StudyState.RUNNING
    with engine(house):
        wait_until(lambda: house.study("s").state in TERMINAL_STUDY_STATES)
    assert_forty(house, forty)
    house.database.close()


def test_every_revision_has_its_own_patience(tmp_path: Path) -> None:
    house = open_house(tmp_path / "house")
    rule = {"trials": 4, "at_least": 0.95}
    budget = {"trials": 40, "stop_when_no_improvement": rule}
    house.submit("s", HALF | {"budget": budget, "training": {"epochs": 2}, "pruner": None})
    assert house.run("s", InProcessExecutor(2)).progress.done == 12
    go_on(house, "s", 20, enqueue=[{"learning_rate": 0.005, "hidden_width": 32}])
    assert house.study("s").progress.trials == 32
    again = house.run("s", InProcessExecutor(2))
    assert again.state is StudyState.COMPLETE, again.failure
    assert again.progress.trials == again.progress.done == 20  # against the best of all
    assert house.trials("s")[12].params == {"learning_rate": 0.005, "hidden_width": 32}
    with house.database.read() as session:
        first, second = DecisionRepository(session).all("s", "no_improvement")
    assert (first.detail["cohort"], first.detail["first"]) == (3, 4)
    assert (second.detail["cohort"], second.detail["first"]) == (5, 12)
    house.database.close()


def test_the_seconds_of_one_revision_do_not_end_the_next(tmp_path: Path) -> None:
    house = open_house(tmp_path / "house")
    budget = {"trials": 4, "seconds": 900.0}
    house.submit("s", HALF | {"budget": budget, "training": {"epochs": 2}, "pruner": None})
    first = house.run("s", InProcessExecutor(2))
    go_on(house, "s", 5000, seconds=4.0)
    second = house.run("s", InProcessExecutor(2))
    assert second.state is StudyState.COMPLETE, second.failure
    assert 4 < second.progress.done == second.progress.trials < 5004
    go_on(house, "s", 8)
    third = house.run("s", InProcessExecutor(2))
    assert third.state is StudyState.COMPLETE, third.failure
    assert third.progress.done == second.progress.done + 8
    with house.database.read() as session:
        (spent,) = DecisionRepository(session).all("s", "time_budget")
        assert [each.number for each in RevisionRepository(session).of("s")] == [1, 2]
    assert first.progress.seconds + 4.0 <= spent.detail["seconds"] < 900.0
    house.database.close()


def test_selection_is_repeated_and_the_earlier_one_is_kept(tmp_path: Path) -> None:
    house = open_house(tmp_path / "house")
    wish = HALF | {"budget": {"trials": 8}, "training": {"epochs": 2}, "pruner": None}
    house.submit("s", wish | {"selection": {"top_k": 2, "seeds": 2}})
    first = house.run("s", InProcessExecutor(2))
    assert first.state is StudyState.COMPLETE, first.failure
    go_on(house, "s", 4, enqueue=[{"learning_rate": 0.03, "hidden_width": 32}])
    searched = min(house.trials("s"), key=lambda trial: (trial.value, trial.number))
    between = house.study("s")
    assert between.best is not None and between.best.seeds is None
    assert (between.best.trial, between.best.value) == (searched.number, searched.value)
    second = house.run("s", InProcessExecutor(2))
    assert second.state is StudyState.COMPLETE, second.failure
    assert first.summary is not None and second.summary is not None
    with house.database.read() as session:
        (kept,) = RevisionRepository(session).of("s")
    assert kept.summary == first.summary
    parts = [each.summary["selection"]["confirmations"] for each in (first, second)]  # type: ignore[index]
    assert not set(parts[0]) & set(parts[1])
    assert second.summary["test_openings"] == first.summary["test_openings"] + 1
    house.database.close()


def test_a_stopped_extension_answers_with_the_confirmed_result_before_it(tmp_path: Path) -> None:
    house = open_house(tmp_path / "house")
    wish = HALF | {"budget": {"trials": 8}, "training": {"epochs": 2}, "pruner": None}
    house.submit("s", wish | {"selection": {"top_k": 2, "seeds": 2}})
    first = house.run("s", InProcessExecutor(2))
    answered = best_record(read_best(house.database, first))
    go_on(house, "s", 4)
    with house.database.transaction() as session:
        stopped = StudyRepository(session).set_intent("s", Intent.STOP)
    assert stopped.state is StudyState.STOPPED and stopped.best == first.best
    again = best_record(read_best(house.database, stopped))
    note = "This is the result of revision 1: the extension after it is STOPPED. "
    note += answered.selection["note"]
    said = {**answered.selection, "revision": 1, "note": note}
    assert answered.selection["kind"] == "confirmed"
    assert again == answered.model_copy(update={"selection": said})
    detail = recorded(house.database, stopped)
    assert detail is not None and detail["revision"] == 1
    house.database.close()
