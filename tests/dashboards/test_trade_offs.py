"""What the figures and pages of studies with several objectives or bounds say."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.figures import FIGURES
from dashboards.figures.figure import as_json
from dashboards.figures.frame import StudyFrame
from dashboards.figures.hypervolume import trace_hypervolume
from dashboards.figures.pareto import has_rate, has_trade_off
from dashboards.figures.trade_offs import prepare_panels
from service.domain.states import TrialState
from service.storage.database import Database
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_resolved, make_spec, make_study
from tests.dashboards.test_routes import serve
from trainers.registry import catalog

PAIR = [{"metric": "mse"}, {"metric": "kl"}]
THREE = [*PAIR, {"metric": "parameters"}]
BOUNDED = {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 8}]}


@pytest.fixture
def client(sqlite_database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """A server over the test's `sqlite_database`."""
    url = sqlite_database.url.render_as_string(hide_password=False)
    with serve(url, tmp_path) as client:
        yield client


def study_of(objective: Any, count: int = 24, **changes: Any) -> SyntheticStudy:
    return make_study(count=count, spec=make_spec(trials=count, objective=objective, **changes))


def say(name: str, frame: StudyFrame) -> str:
    entry = FIGURES[name]
    return str(as_json(name, entry, entry.render(frame))["summary"])


def test_the_front_of_the_figure_is_that_of_the_study() -> None:
    study = study_of(PAIR).study
    assert study.best is not None
    frame = study_of(PAIR).frame()
    aims = frame.study.aims
    data = prepare_panels(frame, [(aims.objectives[1], aims.objectives[0])])
    assert data is not None
    [panel] = data.panels
    assert sorted(trial for _, _, trial in panel.front) == study.best.front
    assert panel.knee is not None and panel.knee[2] == study.best.trial
    xs = [x for x, _, _ in panel.front]
    ys = [y for _, y, _ in panel.front]
    assert xs == sorted(xs) and ys == sorted(ys, reverse=True)


def test_of_texts_the_rate_is_set_against_their_cross_entropy() -> None:
    """They have no mse."""
    frame = study_of(PAIR).frame()
    renamed = {
        number: {"token_cross_entropy": each["mse"], "kl": each["kl"], "mse": None}
        for number, each in frame.scores.items()
    }
    data = FIGURES["rate_distortion"].prepare(replace(frame, scores=renamed))
    assert [panel.y_axis.name for panel in data.panels] == ["token_cross_entropy"]
    assert data.panels[0].front == FIGURES["rate_distortion"].prepare(frame).panels[0].front


def test_three_objectives_are_three_panels_with_the_front_of_all_three() -> None:
    synthetic = study_of(THREE)
    assert synthetic.study.best is not None
    data = FIGURES["pareto"].prepare(synthetic.frame())
    assert [(p.y_axis.name, p.x_axis.name) for p in data.panels] == [
        ("mse", "kl"), ("mse", "parameters"), ("kl", "parameters"),
    ]  # fmt: skip
    for panel in data.panels:
        assert sorted(trial for _, _, trial in panel.front) == synthetic.study.best.front
        assert panel.knee is not None and panel.knee[2] == synthetic.study.best.trial


def test_trials_beyond_a_bound_are_marked_by_shape_and_never_on_the_front() -> None:
    frame = study_of(BOUNDED).frame()
    answer = as_json("pareto", FIGURES["pareto"], FIGURES["pareto"].render(frame))
    [beyond] = [t for t in answer["figure"]["data"] if t.get("name") == "beyond a bound"]
    assert beyond["marker"]["symbol"] == "square-open"
    assert all(x > 8 for x in beyond["x"])
    [front] = [t for t in answer["figure"]["data"] if str(t.get("name")).startswith("front")]
    assert all(x <= 8 for x in front["x"])
    assert answer["figure"]["layout"]["shapes"][0]["x0"] == 8
    assert f"{len(beyond['x'])} trials beyond a bound" in answer["summary"]


def test_the_hypervolume_only_rises_and_ends_where_the_study_says() -> None:
    for objective in (PAIR, THREE):
        synthetic = study_of(objective, count=60)
        frame = synthetic.frame()
        trace = trace_hypervolume(frame, frame.trials.number)
        shares = [share for _, _, share in trace]
        assert shares == sorted(shares) and len(shares) == len(frame.eligible)
        assert synthetic.study.best is not None
        assert shares[-1] == pytest.approx(synthetic.study.best.hypervolume)


def test_the_best_so_far_of_several_objectives_names_front_and_knee() -> None:
    synthetic = study_of(PAIR)
    best = synthetic.study.best
    assert best is not None
    summary = say("best_so_far", synthetic.frame())
    assert f"{len(best.front)} trials are on the front, the knee is trial {best.trial}" in summary
    assert "of the box" in summary


def test_the_best_so_far_under_a_bound_leaves_out_who_breaks_it() -> None:
    synthetic = study_of(BOUNDED)
    best = synthetic.study.best
    assert best is not None
    free = [t for t in synthetic.trials if t.state is TrialState.COMPLETE and t.value is not None]
    assert min(trial.value or 1.0 for trial in free) < best.value
    assert f"the best is trial {best.trial} with" in say("best_so_far", synthetic.frame())


def test_the_gap_is_measured_from_the_mean_sample_with_pca_beside_it() -> None:
    synthetic = make_study(count=24)
    best = synthetic.study.best
    assert best is not None
    summary = say("gap_closed", synthetic.frame())
    closed = 1 - best.value / 0.0734
    assert f"trial {best.trial}, closes {100 * closed:.0f} %" in summary
    assert f"PCA-16 clipped {100 * (1 - 0.0119 / 0.0734):.0f} %" in summary


def test_a_study_has_a_place_for_the_figures_that_can_say_something() -> None:
    known = catalog()
    plain = make_resolved(make_spec())
    assert not has_trade_off(plain, known) and has_rate(plain, known)
    for objective in (PAIR, BOUNDED):  # the one figure then says what the other would
        resolved = make_resolved(make_spec(objective=objective))
        assert has_trade_off(resolved, known) and not has_rate(resolved, known)
    assert has_rate(make_resolved(make_spec(objective=THREE)), known)
    assert not has_rate(make_resolved(make_spec(family="autoencoder")), known)


def test_the_pages_show_every_objective_the_front_and_what_is_beyond_a_bound(
    client: TestClient, sqlite_database: Database
) -> None:
    both = [{**PAIR[0], "subject_to": [{"metric": "kl", "at_most": 8}]}, PAIR[1]]
    synthetic = study_of(both)
    seed_study(sqlite_database, synthetic)
    best = synthetic.study.best
    assert best is not None
    listed = client.get("/").text
    assert f"knee of {len(best.front)}" in listed
    shown = client.get(f"/studies/{synthetic.study.id}").text
    assert "minimize mse and kl, subject to kl &lt;= 8" in shown
    assert "beyond a bound" in shown and "on the front" in shown
    assert "/figures/pareto" in shown or 'data-figure="pareto"' in shown
    beyond = next(trial.number for trial in synthetic.trials if trial.feasible is False)
    assert "it cannot win" in client.get(f"/studies/{synthetic.study.id}/trials/{beyond}").text


def test_the_page_of_a_plain_study_has_no_pareto_figure(
    client: TestClient, sqlite_database: Database
) -> None:
    synthetic = make_study(count=8)
    seed_study(sqlite_database, synthetic)
    shown = client.get(f"/studies/{synthetic.study.id}").text
    assert "rate_distortion" in shown
    assert "pareto" not in shown
