"""What the study page says of fresh seeds and of luck."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.selection_view import selection_view
from dashboards.wording import say_share
from service.domain.confirmations import Repeat, candidates, confirm, with_test
from service.domain.records import Analysis
from service.domain.states import StudyState, TrialState
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository
from service.storage.parts import PartRepository
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_study
from tests.dashboards.test_routes import serve


@pytest.fixture
def client(sqlite_database: Database, tmp_path: Path) -> Iterator[TestClient]:
    url = sqlite_database.url.render_as_string(hide_password=False)
    with serve(url, tmp_path) as client:
        yield client


def summary_of(synthetic: SyntheticStudy) -> dict[str, Any]:
    """Of a selection in which the second best of the search wins."""
    aims = synthetic.study.resolved.aims
    chosen = candidates(aims, synthetic.trials, 3)
    repeats = [
        Repeat(trial.number, seed, {"mse": mean + 0.0001 * seed}, "part", 3 * seed + place)
        for seed in range(3)
        for place, (trial, mean) in enumerate(zip(chosen, (0.03, 0.02, 0.0201), strict=True))
    ]
    by_number = {trial.number: trial for trial in synthetic.trials}
    found = confirm(aims, by_number, repeats, ["part"], chosen[0].number)
    test = {"mse": 0.022}
    found = with_test(found, aims, test)
    return {
        "trial": found.winner,
        "test": test,
        "test_openings": 1,
        "interval": {"mse": [0.021, 0.0235]},
        "selection": found.model_dump(mode="json"),
    }


def test_the_page_names_the_winner_its_luck_and_its_equals(
    client: TestClient, sqlite_database: Database
) -> None:
    synthetic = make_study(count=12, planned=13)
    seeded = seed_study(sqlite_database, synthetic)
    summary = summary_of(synthetic)
    seeded.transition(StudyState.SELECTING)
    seeded.transition(StudyState.COMPLETE, summary=summary)
    shown = client.get(f"/studies/{synthetic.study.id}").text
    assert "On fresh seeds" in shown
    assert summary["selection"]["note"].split(".")[0] in shown
    assert "Seed optimism +" in shown and "worse than it had looked" in shown
    assert "Split optimism +0.00" in shown
    assert "0.021" in shown and "bootstrap" in shown
    assert '<a href="/studies/part">part</a>' in shown


def test_while_it_goes_on_it_says_how_far() -> None:
    study = make_study(count=12).study.model_copy(update={"state": StudyState.SELECTING})
    data = {"done": 4, "planned": 9, "parts": ["part"]}
    view = selection_view(study, Analysis(study_id=study.id, kind="selection", cohort=1, data=data))
    assert view is not None
    assert (view.done, view.planned, view.rows) == (4, 9, [])


def test_a_repetition_that_is_held_up_is_named_on_its_study_with_a_way_on(
    client: TestClient, sqlite_database: Database
) -> None:
    seeded = seed_study(sqlite_database, make_study(count=12, planned=13))
    seeded.transition(StudyState.SELECTING)
    failure = {"kind": "storage-full", "message": "No space left on device"}
    for held_up in (failure, None):
        data = {"done": 4, "planned": 9, "parts": ["part"], "failure": held_up}
        with sqlite_database.transaction() as session:
            AnalysisRepository(session).put(seeded.study_id, seeded.fence, "selection", 1, data)
        shown = client.get(f"/studies/{seeded.study_id}").text
        assert ("No space left on device" in shown) is (held_up is not None)
        assert (">Resume<" in shown) is (held_up is not None)


def test_there_is_nothing_to_say_before_the_search_ends_or_without_a_selection() -> None:
    running = make_study(count=4).study
    assert selection_view(running, None) is None
    done = running.model_copy(update={"state": StudyState.COMPLETE, "summary": {"trial": 1}})
    assert selection_view(done, None) is None


def test_the_baselines_stand_beside_the_model_that_is_given_away(
    client: TestClient, sqlite_database: Database
) -> None:
    """Not beside the search value, which the page does not call the best any more."""
    synthetic = make_study(count=12, planned=13)
    seeded = seed_study(sqlite_database, synthetic)
    part = make_study(count=9, study_id="part", seed=3)
    seed_study(sqlite_database, part)
    summary = summary_of(synthetic)
    model = next(trial for trial in part.trials if trial.state is TrialState.COMPLETE)
    summary["selection"]["model"] = {"study": "part", "trial": model.number}
    seeded.transition(StudyState.SELECTING)
    with sqlite_database.transaction() as session:
        PartRepository(session).set_winner(seeded.study_id, seeded.fence, summary["trial"], 0.0201)
    seeded.transition(StudyState.COMPLETE, summary=summary)
    assert model.metrics is not None
    mse = model.metrics.validation["mse"]
    assert mse is not None
    mean = synthetic.dataset.baselines.mean_validation
    assert mean is not None
    shown = client.get(f"/studies/{synthetic.study.id}").text
    searched = next(t for t in synthetic.trials if t.number == summary["trial"])
    assert searched.metrics is not None and searched.metrics.validation["mse"] != mse
    assert say_share(mse / mean) in shown
