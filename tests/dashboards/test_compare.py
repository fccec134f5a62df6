"""The page on which studies stand side by side, and its figures."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.figures.convergence_of_studies import LOOKS, prepare_convergence, render_convergence
from service.domain.comparison import MAX_STUDIES, Comparison
from service.domain.states import StudyState
from service.storage.comparisons import ComparisonRepository
from service.storage.database import Database
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_dataset, make_spec, make_study
from tests.dashboards.test_routes import serve
from tests.dashboards.test_selection_view import summary_of


@pytest.fixture
def client(sqlite_database: Database, tmp_path: Path) -> Iterator[TestClient]:
    url = sqlite_database.url.render_as_string(hide_password=False)
    with serve(url, tmp_path) as client:
        yield client


def put(database: Database, study_id: str, name: str, seed: int = 0, **options: Any) -> None:
    spec = make_spec(name, trials=12, **options.pop("spec", {}))
    synthetic = make_study(seed=seed, study_id=study_id, spec=spec, **{"count": 12, **options})
    if spec.split.seed:
        synthetic.dataset = make_dataset().model_copy(update={"data_hash": "e" * 64})
    seed_study(database, synthetic)


def put_confirmed(database: Database, study_id: str, seed: int) -> None:
    synthetic = make_study(count=12, planned=13, study_id=study_id, seed=seed)
    seeded = seed_study(database, synthetic)
    seeded.transition(StudyState.SELECTING)
    seeded.transition(StudyState.COMPLETE, summary=summary_of(synthetic))


def read(database: Database, *ids: str) -> Comparison:
    with database.read() as session:
        return ComparisonRepository(session).compare(ids)


def test_the_table_holds_every_study_and_what_it_cost(
    client: TestClient, sqlite_database: Database
) -> None:
    put_confirmed(sqlite_database, "one", 1)
    put(sqlite_database, "two", "still running", count=5, running=2, planned=12)
    shown = client.get("/compare?ids=one&ids=two")
    assert shown.status_code == 200
    text = shown.text
    assert "2 studies side by side" in text and "still running" in text
    assert "Read with care" in text and "one seed each" in text
    assert [study.dataset for study in read(sqlite_database, "one", "two").studies] == [
        "digits"
    ] * 2
    for said in (
        ">digits</span>",
        "0.0201",
        "3 seeds",
        "0.022",
        "0.021 to 0.0235",
        "not confirmed",
        "sealed",
    ):
        assert said in text
    assert 'data-over="no"' in text
    assert "/v1/studies:compare/figures/trials?ids=one&amp;ids=two" in text
    assert client.get("/compare?ids=one,two").text == text


def test_means_within_the_noise_have_no_winner(
    client: TestClient, sqlite_database: Database
) -> None:
    put_confirmed(sqlite_database, "one", 1)
    put_confirmed(sqlite_database, "two", 2)
    found = read(sqlite_database, "one", "two")
    assert found.comparable and found.leader is None
    assert [notice.code for notice in found.notices] == ["within-noise"]
    text = client.get("/compare?ids=one,two").text
    assert "none of them is shown to be better" in text and "best value" not in text
    assert 'data-over="yes"' in text


def test_the_best_value_is_marked_where_it_can_be_told(
    client: TestClient, sqlite_database: Database
) -> None:
    put(sqlite_database, "one", "one", 1)
    put(sqlite_database, "two", "two", 2)
    assert client.get("/compare?ids=one,two").text.count("best value") == 1


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "a comparison is of 2 to 8 studies"),
        ("?ids=one", 400, "a comparison is of 2 to 8 studies"),
        ("?ids=one&ids=nobody", 404, "there is no study nobody"),
    ],
)
def test_a_page_that_cannot_be_says_what_to_do(
    client: TestClient, sqlite_database: Database, query: str, status: int, said: str
) -> None:
    put(sqlite_database, "one", "one")
    shown = client.get(f"/compare{query}")
    assert shown.status_code == status
    assert said in shown.text and "Next:" in shown.text and 'href="/"' in shown.text


def test_the_list_has_a_form_that_needs_no_script(
    client: TestClient, sqlite_database: Database
) -> None:
    put(sqlite_database, "one", "one", 1)
    put(sqlite_database, "two", "two", 2)
    text = client.get("/").text
    assert re.search(r'<form [^>]*id="compare-form" method="get" action="/compare"', text)
    boxes = re.findall(r'<input[^>]*type="checkbox"[^>]*>', text)
    assert [re.findall(r'value="(\w+)"', box) for box in boxes] == [["two"], ["one"]]
    assert all('form="compare-form"' in box and 'name="ids"' in box for box in boxes)
    assert all('aria-label="Compare ' in box for box in boxes)


@pytest.mark.parametrize("against", ["trials", "seconds"])
def test_every_study_is_a_line(client: TestClient, sqlite_database: Database, against: str) -> None:
    put_confirmed(sqlite_database, "one", 1)
    put(sqlite_database, "two", "two", 2)
    url = f"/v1/studies:compare/figures/{against}?ids=one,two"
    answer = client.get(url)
    body = answer.json()
    lines = [trace for trace in body["figure"]["data"] if trace["mode"] == "lines+markers"]
    comparison = read(sqlite_database, "one", "two")
    for line, study in zip(lines, comparison.studies, strict=True):
        assert line["name"] == study.name
        assert line["x"] == pytest.approx([getattr(p, against) for p in study.convergence])
        assert line["y"] == pytest.approx([p.value for p in study.convergence])
    [star] = [trace for trace in body["figure"]["data"] if trace["mode"] == "markers"]
    assert star["y"] == pytest.approx([0.0201]) and "3 fresh seeds" in star["hovertemplate"]
    assert "is ahead with" in body["summary"] and "A star is" in body["summary"]
    assert len(body["table"]["rows"]) == sum(len(s.convergence) for s in comparison.studies)
    again = client.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_what_cannot_be_compared_stands_in_panels_of_its_own(sqlite_database: Database) -> None:
    put(sqlite_database, "one", "one", 1)
    put(sqlite_database, "two", "two", 2, spec={"split": {"seed": 3}})
    comparison = read(sqlite_database, "one", "two")
    data = prepare_convergence(comparison, "trials")
    assert data is not None
    assert [[line.name for line in panel.lines] for panel in data.panels] == [["one"], ["two"]]
    assert data.panels[1].y_title.endswith("data eeeeeeee")
    plot = render_convergence(comparison, "trials")
    assert "cannot be compared" in plot.summary
    assert {trace.yaxis for trace in plot.figure.data} == {"y", "y2"}


def test_without_a_first_result_the_figure_waits(
    client: TestClient, sqlite_database: Database
) -> None:
    for study_id in ("one", "two"):
        put(sqlite_database, study_id, study_id, count=0, planned=12)
    body = client.get("/v1/studies:compare/figures/seconds?ids=one,two").json()
    assert body["waiting"] and "wait" in body["summary"]
    assert client.get("/v1/studies:compare/figures/wood?ids=one,two").status_code == 404
    assert "none yet" in client.get("/compare?ids=one,two").text


def test_lines_differ_by_dash_and_shape_and_not_by_colour_alone() -> None:
    assert len(LOOKS) == MAX_STUDIES
    assert len({symbol for _, _, symbol in LOOKS}) == len(LOOKS)
    assert len({(color, dash) for color, dash, _ in LOOKS}) == len(LOOKS)
