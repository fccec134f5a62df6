"""Drawing figures by a real browser in a child process: limits, deaths, what is left of it."""

import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from dashboards.figure_files import PLOTLY_FILE
from service.errors import NotInstalled, ServiceError, Unavailable
from service.exports.pictures import WAITING, PictureDesk, PictureLimits

pytestmark = pytest.mark.browser

FIGURE = {
    "data": [{"type": "scatter", "mode": "markers", "x": [1, 2, 3], "y": [3, 1, 2]}],
    "layout": {"title": {"text": "what to look for"}, "paper_bgcolor": "#ffffff"},
}


def order(**changes: Any) -> dict[str, Any]:
    return {"figure": FIGURE, "format": "png", "width": 320, "height": 240, "scale": 2, **changes}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of a short name: a browser's socket lies in it, and its path has 107 characters."""
    with tempfile.TemporaryDirectory(prefix="hf") as name:
        yield Path(name) / "f"


@pytest.fixture
def desk(folder: Path) -> Iterator[PictureDesk]:
    made = PictureDesk(folder=folder)
    yield made
    made.close()
    assert left_in(folder) == []
    assert browsers(folder) == []


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name != ".lock"]


def browsers(folder: Path) -> list[psutil.Process]:
    """Every process that names the folder; children of a browser inherit its profile's name."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]


def child() -> psutil.Process:
    """The process that draws."""
    (found,) = [
        process
        for process in psutil.Process().children()
        if "service.exports.picture_child" in process.cmdline()
    ]
    return found


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_one_browser_draws_many_pictures_and_the_same_one_once_until_it_stumbles(
    desk: PictureDesk, folder: Path
) -> None:
    first = desk.draw("a", PLOTLY_FILE, order())
    with Image.open(io.BytesIO(first)) as image:
        assert image.size == (640, 480)
        assert len(image.convert("RGB").getcolors(maxcolors=1 << 16) or []) > 20
    drawn_by = child().pid
    assert b"what to look for" in desk.draw("b", PLOTLY_FILE, order(format="svg"))
    assert child().pid == drawn_by
    assert desk.draw("a", PLOTLY_FILE, order(figure=None)) is first  # nothing is drawn again
    assert browsers(folder)
    with pytest.raises(ServiceError, match="could not be drawn") as caught:
        desk.draw("c", PLOTLY_FILE, order(figure={"data": 1, "layout": {}}))
    assert caught.value.status == 500
    assert not browsers(folder)  # whoever stumbled does not draw again


def test_an_idle_browser_is_closed(folder: Path) -> None:
    desk = PictureDesk(folder=folder, limits=PictureLimits(idle_seconds=0.05))
    desk.draw("a", PLOTLY_FILE, order())
    eventually(lambda: not browsers(folder) and left_in(folder) == [])
    desk.close()
    with pytest.raises(Unavailable, match="being stopped"):
        desk.draw("b", PLOTLY_FILE, order())


def test_a_killed_child_takes_its_browser_along_and_another_takes_over(
    desk: PictureDesk, folder: Path
) -> None:
    desk.draw("a", PLOTLY_FILE, order())
    child().kill()
    with pytest.raises(Unavailable, match="has died") as caught:
        desk.draw("b", PLOTLY_FILE, order())
    assert caught.value.remedy and "format=html" in caught.value.remedy
    assert browsers(folder) == [] and left_in(folder) == []
    assert desk.draw("b", PLOTLY_FILE, order(format="svg")).startswith(b"<svg")


def test_drawing_has_a_time_limit_after_which_nothing_is_left(folder: Path) -> None:
    desk = PictureDesk(folder=folder, limits=PictureLimits(seconds=0.2))
    with pytest.raises(Unavailable, match=r"longer than 0\.2 seconds"):
        desk.draw("a", PLOTLY_FILE, order())
    assert browsers(folder) == [] and left_in(folder) == []
    assert desk.kept("a") is None


def test_few_wait_and_the_others_are_refused_at_once(tmp_path: Path, folder: Path) -> None:
    """The browser is a program that never answers: who draws holds the turn until it is ended."""
    silent = tmp_path / "browser"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o700)
    limits = PictureLimits(seconds=2.0, turn_seconds=0.5)
    desk = PictureDesk(str(silent), folder, limits)
    with ThreadPoolExecutor(WAITING + 3) as pool:
        asked = [
            pool.submit(desk.draw, str(number), PLOTLY_FILE, order())
            for number in range(WAITING + 3)
        ]
        said = [str(future.exception(30)) for future in asked]
    assert sorted(said) == sorted(
        ["other figures are being drawn"] * (WAITING + 2) + ["drawing takes longer than 2 seconds"]
    )
    assert left_in(folder) == []


def test_a_missing_browser_is_named_with_the_remedy(folder: Path) -> None:
    desk = PictureDesk("/nowhere/chromium", folder)
    with pytest.raises(NotInstalled, match="/nowhere/chromium") as caught:
        desk.draw("a", PLOTLY_FILE, order())
    assert caught.value.status == 501
    assert caught.value.remedy and "HIFITUNE_CHROMIUM" in caught.value.remedy


def test_a_missing_package_is_named_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = PictureDesk("", folder).missing()
    assert missing is not None and missing.remedy
    assert "pip install 'hifitune[images]'" in missing.remedy


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    open_to_all = tmp_path / "shared"
    open_to_all.mkdir(mode=0o777)
    open_to_all.chmod(0o777)
    with pytest.raises(ServiceError, match="belongs to somebody else"):
        PictureDesk(folder=open_to_all).draw("a", PLOTLY_FILE, order())
