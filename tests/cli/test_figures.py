"""`hifitune figures` over a real server."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.house import House, Seed
from tests.cli.processes import lines_of_json
from tests.dashboards.synthetic import make_spec


@pytest.fixture
def study_id(seed: Seed) -> str:
    return seed(count=10, spec=make_spec(trials=10, selection={"top_k": 0})).study_id


def figures(house: House, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "service.cli", "figures", *words, "--url", house.url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_every_figure_that_has_something_to_show_is_written(
    house: House, study_id: str, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "paper"
    done = figures(house, study_id, "--format", "csv", "--output", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    *lines, last = lines_of_json(done.stdout)
    written = [line for line in lines if line["event"] == "written"]
    waiting = [line for line in lines if line["event"] == "waiting"]
    assert last == {"event": "done", "written": len(written), "waiting": len(waiting)}
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert {Path(line["file"]).name: line["bytes"] for line in written} == files
    assert "digits-vae-best_so_far.csv" in files and len(files) > 5
    assert "pareto" in {line["figure"] for line in waiting} and all(w["reason"] for w in waiting)


def test_some_figures_of_a_trial_are_written_and_said(
    house: House, study_id: str, tmp_path: Path
) -> None:
    done = figures(
        house, study_id, "--trial", "0", "--names", "trial_curves, pareto", "--format", "html",
        "--theme", "dark", "-o", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits-vae-trial-0-trial_curves.html"]
    assert "1 of 2 figures" in done.stdout
    assert "left out pareto: " in done.stderr


@pytest.mark.browser
def test_pictures_are_the_default(house: House, study_id: str, tmp_path: Path) -> None:
    done = figures(house, study_id, "--names", "slice", "-o", str(tmp_path), "--scale", "1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "digits-vae-slice.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nobody", "-o", "{folder}"), 5, "no such study"),
        (("{id}", "-o", "{folder}", "--names", "sliced"), 2, "there is no figure sliced"),
        (("{id}", "-o", "{folder}", "--names", "trial_curves"), 2, "add --trial NUMBER"),
        (("{id}", "-o", "{folder}", "--format", "pdf"), 2, "pdf"),
        (("{id}", "-o", "/dev/null/x"), 2, "--output"),
        (("{id}", "-o", "{folder}", "--names", "slice", "--width", "1"), 4, "/query/width"),
    ],
)
def test_what_goes_wrong_has_its_exit_code(
    house: House, study_id: str, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = figures(house, *(word.format(id=study_id, folder=tmp_path) for word in words))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
