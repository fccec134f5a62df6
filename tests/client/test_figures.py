"""Figures through the client: Plotly figures for a notebook, files for a paper."""

import json
import subprocess
import sys
from pathlib import Path

import plotly.graph_objects as go
import pytest

from dashboards.figures import FIGURES
from dashboards.figures.figure import as_json
from service.client import Client, FigureWaiting, ProblemError
from tests.api.house import House, Seed
from tests.dashboards.synthetic import make_spec, make_study

SPEC = make_spec(trials=14, selection={"top_k": 0})


@pytest.fixture
def study_id(seed: Seed) -> str:
    return seed(count=14, spec=SPEC).study_id


def test_figures_are_those_of_the_server(house: House, study_id: str) -> None:
    frame = make_study(count=14, spec=SPEC, study_id=study_id).frame()
    with Client(house.url) as client:
        found = client.handle(study_id).figures()
        answer = client.figure_data(study_id, "slice")
    assert {"best_so_far", "learning_curves", "slice", "importance"} <= set(found)
    assert "pareto" not in found  # it waits for ever in a study of one objective
    assert not any(FIGURES[name].of_trial for name in found)
    for name in ("slice", "best_so_far", "train_against_validation"):
        entry = FIGURES[name]
        served = as_json(name, entry, entry.render(frame))["figure"]
        assert isinstance(found[name], go.Figure)
        assert found[name] == go.Figure(served)
        assert json.loads(found[name].to_json()) == json.loads(go.Figure(served).to_json())
    assert answer["summary"] and answer["table"]["columns"]


def test_the_figures_of_a_trial_are_its_own(house: House, study_id: str) -> None:
    with Client(house.url) as client:
        handle = client.handle(study_id)
        assert "trial_curves" in handle.figures(trial=0)
        assert list(handle.figures(["slice", "trial_curves"], trial=0)) == ["slice", "trial_curves"]
        with pytest.raises(ProblemError, match="shows one trial"):
            handle.figure("trial_curves")


def test_a_figure_that_waits_is_an_error_with_its_reason(
    house: House, seed: Seed, tmp_path: Path
) -> None:
    waiting = seed(count=0, planned=20).study_id
    with Client(house.url) as client:
        assert client.figures(waiting) == {}
        with pytest.raises(FigureWaiting, match="Waiting for the first trial to end"):
            client.figures(waiting, ["best_so_far"])
        with pytest.raises(FigureWaiting, match="Waiting for the first trial to end"):
            client.save_figure(waiting, "best_so_far", tmp_path / "best.csv")
        assert not (tmp_path / "best.csv").exists()


def test_a_figure_is_saved_in_the_format_of_its_suffix(
    house: House, study_id: str, tmp_path: Path
) -> None:
    with Client(house.url) as client:
        handle = client.handle(study_id)
        text = handle.save_figure("slice", tmp_path / "a.csv").read_bytes()
        assert text.startswith(b"parameter,") or b"," in text.partition(b"\r\n")[0]
        page = handle.save_figure("slice", tmp_path / "b.htm", format="html", theme="dark")
        assert b"#171c23" in page.read_bytes()
        assert json.loads(handle.save_figure("slice", tmp_path / "c.JSON").read_bytes())["figure"]
        with pytest.raises(ValueError, match="json, html, png, svg, csv"):
            handle.save_figure("slice", tmp_path / "d.pdf")
        with pytest.raises(ProblemError, match="/query/width"):
            handle.save_figure("slice", tmp_path / "e.html", width=10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.htm", "c.JSON"]


@pytest.mark.browser
def test_a_picture_is_saved(house: House, study_id: str, tmp_path: Path) -> None:
    with Client(house.url) as client:
        picture = client.save_figure(study_id, "slice", tmp_path / "x.png", width=400, scale=1)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_client_does_not_load_plotly_before_it_is_wanted() -> None:
    code = "import sys, service.client, service.cli; print('plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
