"""Figures as files over HTTP: `?format=`, what they hold, when they are refused."""

import csv
import io
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from dashboards.figures import FIGURES
from dashboards.figures.figure import Table
from service.api.dependencies import table_as_csv
from service.main import create_app
from service.settings import Settings
from tests.api.house import House, Seed
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study

OFF: dict[str, Any] = {"selection": {"top_k": 0}}


@pytest.fixture(scope="module")
def study_id(house: House) -> str:
    synthetic = make_study(study_id="figfiles", count=24, spec=make_spec(trials=24, **OFF))
    return seed_study(house.database, synthetic).study_id


def get(http: httpx.Client, study_id: str, name: str, **params: Any) -> httpx.Response:
    return http.get(f"/v1/studies/{study_id}/figures/{name}", params=params, timeout=120)


@pytest.mark.browser
def test_png_and_svg_are_drawn_in_the_size_that_was_asked_for(
    http: httpx.Client, study_id: str
) -> None:
    grounds = []
    for theme in ("light", "dark"):
        answer = get(
            http, study_id, "slice", format="png", width=640, height=500, scale=1.5, theme=theme
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"
        name = 'attachment; filename="digits-vae-slice.png"'
        assert answer.headers["content-disposition"] == name
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == (960, 750)
            pixels = image.convert("RGB")
            grounds.append(pixels.getpixel((2, 2)))
            assert len(pixels.getcolors(maxcolors=1 << 20) or []) > 100
    assert grounds == [(255, 255, 255), (23, 28, 35)]

    answer = get(http, study_id, "best_so_far", format="svg")
    root = ElementTree.fromstring(answer.content)
    assert root.tag.endswith("svg") and root.get("width") == "900"
    texts = "".join(root.itertext())
    assert "Best so far, by trial" in texts and "trial (number)" in texts
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"<script" not in answer.content

    held = get(http, study_id, "best_so_far", format="svg")  # not drawn again: to the same ids
    assert held.content == answer.content
    again = http.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_etag_covers_every_parameter(http: httpx.Client, study_id: str) -> None:
    asked: list[dict[str, Any]] = [
        {}, {"format": "csv"}, {"format": "html"}, {"format": "html", "theme": "dark"},
        {"format": "html", "width": 700}, {"format": "html", "height": 700}, {"trial": 1},
    ]  # fmt: skip
    etags = [get(http, study_id, "slice", **params).headers["etag"] for params in asked]
    assert len(set(etags)) == len(asked)


def test_an_etag_holds_in_a_list_and_weakened_by_a_proxy(http: httpx.Client, study_id: str) -> None:
    answer = get(http, study_id, "slice")
    etag = answer.headers["etag"]
    for sent, status in [(etag, 304), (f"W/{etag}", 304), (f'"x", {etag}', 304), ("*", 304),
                         ('"x"', 200), (etag.strip('"'), 200)]:  # fmt: skip
        assert http.get(answer.url, headers={"If-None-Match": sent}).status_code == status, sent


def test_samples_that_leave_the_store_are_noticed(
    http: httpx.Client, house: House, study_id: str
) -> None:
    folder = house.settings.data_store / "data" / "d"  # of synthetic data sets
    folder.mkdir(parents=True)
    try:
        held = get(http, study_id, "latent_scatter", trial=0)
    finally:
        folder.rmdir()
    asked = {"If-None-Match": held.headers["etag"]}
    again = http.get(held.url, headers=asked)
    assert again.status_code == 200
    assert again.headers["etag"] != held.headers["etag"]
    study = get(http, study_id, "slice").headers["etag"]
    folder.mkdir()
    try:
        assert get(http, study_id, "slice").headers["etag"] == study
        assert http.get(held.url, headers=asked).status_code == 304
    finally:
        folder.rmdir()


def test_csv_is_whole_and_harmless(http: httpx.Client, study_id: str) -> None:
    answer = get(http, study_id, "best_so_far", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].endswith('"digits-vae-best_so_far.csv"')
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert answer.text.count("\r\n") == len(rows) == 25
    table = get(http, study_id, "best_so_far").json()["table"]
    assert rows[0] == table["columns"]
    assert [row[0] for row in rows[1:]] == [str(row[0]) for row in table["rows"]]


def test_a_formula_among_the_names_is_guarded() -> None:
    space = {"activation": {"type": "categorical", "choices": ["relu", "gelu"]}}
    synthetic = make_study(count=6, spec=make_spec(trials=6, space=space, **OFF))
    values = synthetic.analyses[0].data | {"values": {"=HYPERLINK(1)": 0.7, "activation": 0.3}}
    synthetic.analyses = [synthetic.analyses[0].model_copy(update={"data": values})]
    table = FIGURES["importance"].whole_table(synthetic.frame())
    assert isinstance(table, Table)
    assert b"\r\n'=HYPERLINK(1)," in table_as_csv(table.columns, table.rows)


@pytest.mark.parametrize("name", ["best_so_far", "gap_closed", "train_against_validation"])
def test_of_ten_thousand_trials_the_csv_has_every_one(name: str) -> None:
    frame = ten_thousand()
    table = FIGURES[name].whole_table(frame)
    assert isinstance(table, Table)
    drawn = FIGURES[name].render(frame)
    assert len(drawn.table.rows) == 500
    assert max(len(trace.x) for trace in drawn.figure.data) <= 2000
    shown = {"best_so_far": frame.trials.number}
    with_value = [n for n, v in zip(frame.trials.number, frame.trials.value, strict=True) if v]
    expected = shown.get(name, with_value)
    assert {row[0] for row in table.rows} == set(expected)
    assert len(table.rows) == len(expected) >= (10_000 if name == "best_so_far" else 8_000)


def test_the_csv_of_learning_curves_has_every_epoch_of_every_trial() -> None:
    epochs = 300  # more than a curve in the background has points
    synthetic = make_study(count=14, epochs=epochs, spec=make_spec(trials=14, **OFF))
    frame = synthetic.frame()
    table = FIGURES["learning_curves"].whole_table(frame)
    assert isinstance(table, Table)
    assert table.columns == ["trial", "state", "epoch", "value"]
    states = dict(zip(frame.trials.number, frame.trials.state, strict=True))
    expected = [
        [number, states[number], epoch, value]
        for number, curve in sorted(frame.curves.items())
        for epoch, value in zip(curve.epochs, curve.validation, strict=True)
    ]
    assert len({row[0] for row in expected}) > 5 and len(expected) > 6 * epochs
    assert table.rows == expected
    shown = FIGURES["learning_curves"].render(frame).table
    assert shown.columns[0] == "epoch" and len(shown.rows) == epochs, "the page: the best one's"


_frames: list[Any] = []


def ten_thousand() -> Any:
    if not _frames:
        synthetic = make_study(count=10_000, epochs=1, spec=make_spec(trials=10_000, **OFF))
        _frames.append(synthetic.frame())
    return _frames[0]


def test_what_waits_is_no_file(http: httpx.Client, seed: Seed) -> None:
    waiting = seed(count=0, planned=20).study_id
    answer = get(http, waiting, "best_so_far").json()
    assert answer["waiting"] and answer["formats"] == ["json"]
    over = seed(count=8).study_id
    never = get(http, over, "pareto", format="csv")
    assert never.status_code == 409 and "ask again" not in never.json()["remedy"]
    for form in ("csv", "html", "png", "svg"):
        refused = get(http, waiting, "best_so_far", format=form)
        assert refused.status_code == 409
        assert "Waiting for the first trial to end" in refused.json()["detail"]
        assert "format=json" in refused.json()["remedy"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"format": "pdf"}, "/query/format"),
        ({"format": "png", "width": 299}, "/query/width"),
        ({"format": "png", "height": 4001}, "/query/height"),
        ({"format": "png", "scale": 4.1}, "/query/scale"),
        ({"format": "png", "theme": "pink"}, "/query/theme"),
        ({"format": "png", "width": 4000, "height": 4000, "scale": 4}, "36,000,000 pixels"),
        ({"format": "png", "width": 4000, "height": 4000, "scale": 4}, "/query/scale"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(
    http: httpx.Client, study_id: str, params: dict[str, Any], said: str
) -> None:
    answer = get(http, study_id, "slice", **params)
    assert answer.status_code == 400
    assert said in answer.text


def test_a_page_of_another_origin_cannot_start_a_browser(http: httpx.Client, study_id: str) -> None:
    path = f"/v1/studies/{study_id}/figures/slice"
    foreign = {"Sec-Fetch-Site": "cross-site"}
    # A route reads the name decoded: so must the guard.
    for query in ("format=png", "f%6Frmat=png", "width=400&%66ormat=png", "format=json"):
        assert http.get(f"{path}?{query}", headers=foreign).status_code == 403
    assert http.get(path, headers=foreign).status_code == 200


def test_a_server_without_a_browser_says_so_and_offers_the_rest(
    house: House, study_id: str
) -> None:
    settings = house.settings.model_copy(update={"chromium": "/nowhere/chromium"})
    client = TestClient(create_app(settings), base_url="http://127.0.0.1")
    path = f"/v1/studies/{study_id}/figures/slice"
    answer = client.get(f"{path}?format=svg")
    assert answer.status_code == 501
    assert answer.json()["type"] == "urn:hifitune:problem:not-installed"
    assert "HIFITUNE_CHROMIUM" in answer.json()["remedy"]
    assert client.get(path).json()["formats"] == ["json", "csv", "html"]
    assert client.get(f"{path}?format=html").status_code == 200


def test_studies_side_by_side_are_files_too(http: httpx.Client, seed: Seed, study_id: str) -> None:
    other = seed(count=12, spec=make_spec(trials=12, **OFF)).study_id
    path = f"/v1/studies:compare/figures/trials?ids={study_id}&ids={other}"
    answer = http.get(f"{path}&format=csv")
    assert answer.headers["content-disposition"].endswith('"2-studies-convergence_trials.csv"')
    assert answer.text.startswith("study,")
    again = http.get(f"{path}&format=csv", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    page = http.get(f"{path}&format=html")
    assert "studies digits-vae, digits-vae" in page.text
    assert page.headers["etag"] != answer.headers["etag"]
    assert "csv" in http.get(path).json()["formats"]


def test_the_document_tells_of_every_format(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    for path in ("/v1/studies/{study_id}/figures/{name}", "/v1/studies:compare/figures/{against}"):
        documented = paths[path]["get"]
        assert set(documented["responses"]) >= {"200", "304", "400", "404", "409", "501", "503"}
        assert set(documented["responses"]["200"]["content"]) == {
            "application/json", "text/html", "image/png", "image/svg+xml", "text/csv",
        }  # fmt: skip
        names = {parameter["name"] for parameter in documented["parameters"]}
        assert names >= {"format", "width", "height", "scale", "theme"}


def test_settings_name_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIFITUNE_CHROMIUM", "/opt/chrome")
    assert Settings().chromium == "/opt/chrome"
