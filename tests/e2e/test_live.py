"""Pages that people keep open: many tabs over one stream, hidden ones, servers that come back."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from service.domain.records import Failure
from service.domain.states import StudyState, TrialState
from service.settings import Settings
from service.storage.database import Database
from service.storage.migration import migrate
from tests.cli.processes import COMMAND
from tests.dashboards.seeding import Seeded, seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.e2e.site import Site, serve

pytestmark = pytest.mark.browser

TABS = 8
HIDEABLE = """
let away = false;
Object.defineProperty(Document.prototype, "hidden", { get: () => away });
window.turnAway = (hidden) => {
  away = hidden;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""
"""Headless Chromium takes every tab for visible."""
LISTEN = """
window.said = [];
addEventListener("DOMContentLoaded", () => {
  const word = document.querySelector("#live .word");
  new MutationObserver(() => said.push(word.textContent)).observe(word, { childList: true });
});
"""
"""What a screen reader would say of the badge."""
NO_WORKER = "delete window.SharedWorker"


class Counting:
    """An app that counts the live streams that are open."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.open = 0
        self.most = 0
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/events"):
            await self._app(scope, receive, send)
            return
        self.asked.append(scope["query_string"].decode())
        self.open += 1
        self.most = max(self.most, self.open)
        held = [scope]

        def close() -> None:
            if held:  # whichever is first: the browser has gone, or the app has ended
                held.clear()
                self.open -= 1

        async def watched() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                close()
            return message

        try:
            await self._app(scope, watched, send)
        finally:
            close()


class CountedServe(serve):
    """A served app whose streams are counted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.streams = Counting(self._server.config.app)
        self._server.config.app = self.streams  # type: ignore[assignment]


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[Site, Counting]]:
    """A server of the test's own, and its streams."""
    served = CountedServe(tmp_path)
    with served as site:
        yield site, served.streams


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of the test's own: its tabs share a worker with no other's."""
    opened = browser.new_context(reduced_motion="reduce")
    opened.add_init_script(HIDEABLE)
    opened.add_init_script(LISTEN)
    yield opened
    opened.close()


def going(key: str, count: int = 6, planned: int = 20) -> SyntheticStudy:
    """A study that runs, with two trials on their way."""
    return make_study(count=count, running=2, planned=planned, study_id=f"{key}1",
                      spec=make_spec(key, planned), seed=9)  # fmt: skip


def look_at(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return page


def word(page: Page) -> Any:
    return page.locator("#live .word")


def finish_one(seeded: Seeded, synthetic: SyntheticStudy) -> None:
    """One of the running trials fails, so that one more has ended."""
    running = next(trial for trial in synthetic.trials if trial.state is TrialState.RUNNING)
    failure = Failure(kind="crash", message="it broke")
    ended = running.model_copy(update={"state": TrialState.FAILED, "failure": failure})
    seeded.finish(ended)
    synthetic.trials[synthetic.trials.index(running)] = ended


def until(holds: Callable[[], bool], page: Page, seconds: float = 20) -> None:
    """Let the browser work until something holds on the server's side."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never became so"
        page.evaluate("new Promise((done) => setTimeout(done, 50))")


def test_eight_tabs_are_live_over_one_stream(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, streams = counted
    studies = {f"tab{index}": going(f"tab{index}") for index in range(TABS - 1)}
    for key, synthetic in studies.items():
        site.seed(key, synthetic)
    pages = {key: look_at(context, site.page_of(key)) for key in studies}
    listing = look_at(context, site.url)
    for page in (*pages.values(), listing):
        expect(word(page)).to_have_text("live")
    until(lambda: streams.open == 1, listing)
    assert streams.asked[-1].count("study=") == TABS - 1
    for key, page in pages.items():
        finish_one(site.studies[key], studies[key])
        expect(page).to_have_title(f"Running 7/20 · {key} · HiFiTune")
        row = listing.locator("tbody tr", has=listing.get_by_role("link", name=key, exact=True))
        expect(row).to_contain_text("7 of 20")
    assert streams.open == 1
    # Six connections are all that a browser has for a server: one more page still loads.
    another = look_at(context, f"{site.page_of('tab0')}/trials/0")
    expect(word(another)).to_have_text("live")
    until(lambda: streams.open == 1, another)
    # The one before ends when the next has begun; a busy server notices that a moment later.
    assert streams.most <= 4
    for page in context.pages[1:]:
        page.close()
    context.pages[0].goto("about:blank")
    until(lambda: streams.open == 0, context.pages[0])


def test_a_page_without_a_shared_worker_is_live(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, streams = counted
    synthetic = going("alone")
    seeded = site.seed("alone", synthetic)
    context.add_init_script(NO_WORKER)
    page = look_at(context, site.page_of("alone"))
    expect(word(page)).to_have_text("live")
    finish_one(seeded, synthetic)
    expect(page).to_have_title("Running 7/20 · alone · HiFiTune")
    page.evaluate("turnAway(true)")
    until(lambda: streams.open == 0, page)
    seeded.transition(StudyState.STOPPED)
    expect(page).to_have_title("Stopped 7/20 · alone · HiFiTune")
    page.evaluate("turnAway(false)")
    expect(word(page)).to_have_text("final")


def test_a_hidden_tab_says_in_its_title_how_the_study_goes_and_catches_up_when_shown(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, streams = counted
    synthetic = going("hidden")
    seeded = site.seed("hidden", synthetic)
    page = look_at(context, site.page_of("hidden"))
    trial = look_at(context, f"{site.page_of('hidden')}/trials/1")
    for each in (page, trial):
        expect(word(each)).to_have_text("live")
        each.evaluate("turnAway(true)")
    loads: list[str] = []
    page.on("request", lambda request: loads.append(request.url))
    finish_one(seeded, synthetic)
    expect(page).to_have_title("Running 7/20 · hidden · HiFiTune")
    seeded.transition(StudyState.FAILED, failure=Failure(kind="data", message="gone"))
    expect(page).to_have_title("Failed 7/20 · hidden · HiFiTune")
    expect(trial).to_have_title("Complete · trial 1 of hidden · HiFiTune")
    assert {url.removeprefix(site.url) for url in loads} == {"/v1/studies/hidden1"}
    expect(page.locator("h1 + .state")).to_have_text("running")
    until(lambda: streams.open == 0, page)
    page.evaluate("turnAway(false)")
    expect(page.locator("h1 + .state")).to_have_text("failed")
    expect(word(page)).to_have_text("final")


def test_a_final_page_lives_again_when_its_study_is_extended_in_another_tab(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, streams = counted
    site.seed("longer", make_study(count=9, study_id="longer1", spec=make_spec("longer"), seed=5))
    pages = [look_at(context, site.page_of("longer")) for _ in range(2)]
    for page in pages:
        expect(word(page)).to_have_text("final")
    assert streams.open == 0
    pages[0].locator("#extend summary").click()
    pages[0].get_by_role("button", name="Extend the study").click()
    for page in pages:
        expect(word(page)).to_have_text("live")
        expect(page.locator("h1 + .state")).not_to_have_text("stopped")


def test_a_study_that_is_deleted_takes_no_other_page_along(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, _ = counted
    synthetic = going("kept")
    seeded = site.seed("kept", synthetic)
    site.seed("gone", make_study(count=3, planned=3, study_id="gone1", spec=make_spec("gone", 3)))
    gone = look_at(context, site.page_of("gone"))
    gone.evaluate("turnAway(true)")
    assert httpx.delete(f"{site.url}/v1/studies/gone1").status_code == 204
    page = look_at(context, site.page_of("kept"))
    expect(word(page)).to_have_text("live")
    expect(gone).to_have_title("Deleted · gone · HiFiTune")
    finish_one(seeded, synthetic)
    expect(page).to_have_title("Running 7/20 · kept · HiFiTune")
    gone.evaluate("turnAway(false)")
    expect(gone.locator("h1")).to_have_text("Not found")


def test_pages_of_several_are_live_too(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, streams = counted
    studies = {key: going(key) for key in ("left", "right")}
    seeded = {key: site.seed(key, synthetic) for key, synthetic in studies.items()}
    both = look_at(context, f"{site.url}/compare?ids=left1&ids=right1")
    trials = look_at(context, f"{site.page_of('left')}/compare?trials=0&trials=7")
    for page in (both, trials):
        expect(word(page)).to_have_text("live")
    finish_one(seeded["left"], studies["left"])
    expect(both.locator("tbody tr").first).to_contain_text("7 of 20")
    expect(trials).to_have_title("Running 7/20 · 2 trials of left · HiFiTune")
    assert streams.open == 1
    for each in seeded.values():
        each.transition(StudyState.STOPPED)
    for page in (both, trials):
        expect(word(page)).to_have_text("final")
    until(lambda: streams.open == 0, both)


def test_an_answer_of_500_is_stale_and_not_offline(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, _ = counted
    synthetic = going("broken")
    seeded = site.seed("broken", synthetic)
    page = look_at(context, site.page_of("broken"))
    expect(word(page)).to_have_text("live")
    page.route(page.url, lambda route: route.fulfill(status=500, body="no"))
    finish_one(seeded, synthetic)
    expect(word(page)).to_have_text("stale")
    assert "the server answered 500" in (page.locator("#live").get_attribute("title") or "")
    page.unroute_all()
    expect(word(page)).to_have_text("live")
    expect(page).to_have_title("Running 7/20 · broken · HiFiTune")
    assert page.evaluate("said") == ["live", "stale", "live"]


def test_without_a_network_a_page_is_offline_and_comes_back(
    counted: tuple[Site, Counting], context: BrowserContext
) -> None:
    site, _ = counted
    synthetic = going("cut")
    seeded = site.seed("cut", synthetic)
    pages = [look_at(context, site.page_of("cut"))]
    context.add_init_script(NO_WORKER)
    pages.append(look_at(context, site.page_of("cut")))
    for page in pages:
        expect(word(page)).to_have_text("live")
    context.set_offline(True)
    for page in pages:
        expect(word(page)).to_have_text("offline")
    finish_one(seeded, synthetic)
    for page in pages:
        expect(page.locator("#live .age")).to_contain_text("ago")
    context.set_offline(False)
    for page in pages:
        expect(word(page)).to_have_text("live")
        expect(page).to_have_title("Running 7/20 · cut · HiFiTune")
        assert page.evaluate("said").count("offline") == 1


def test_a_worker_that_dies_is_made_anew(
    counted: tuple[Site, Counting], context: BrowserContext, browser: Browser
) -> None:
    site, streams = counted
    synthetic = going("worker")
    seeded = site.seed("worker", synthetic)
    pages = [look_at(context, site.page_of("worker")) for _ in range(2)]
    for page in pages:
        expect(word(page)).to_have_text("live")
    waiting = "navigator.locks.query().then((all) => all.pending.length)"
    until(lambda: pages[0].evaluate(waiting) == 2 * len(pages), pages[0])
    opened = len(streams.asked)
    devtools = browser.new_browser_cdp_session()
    found = devtools.send("Target.getTargets", {"filter": [{"type": "shared_worker"}]})
    workers = [one for one in found["targetInfos"] if one["url"].startswith(site.url)]
    assert len(workers) == 1
    devtools.send("Target.closeTarget", {"targetId": workers[0]["targetId"]})
    until(lambda: len(streams.asked) > opened and streams.open == 1, pages[0])
    finish_one(seeded, synthetic)
    for page in pages:
        expect(page).to_have_title("Running 7/20 · worker · HiFiTune")


@contextmanager
def real_server(folder: Path, port: int) -> Iterator[str]:
    """`hifitune serve` as people start it, at its address; all of it is killed at the end."""
    command = [*COMMAND, "serve", "--json", "--port", str(port), "--data-dir", str(folder)]
    with (folder / "serve.log").open("ab") as log:
        server = subprocess.Popen(
            [*command, "--workers", "1"], stdout=subprocess.PIPE, stderr=log, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        assert line, (folder / "serve.log").read_text()
        yield json.loads(line)["url"]
    finally:
        family = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(signal.SIGKILL)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        server.wait(30)
        server.stdout.close()


def test_pages_outlive_a_server_that_is_killed_and_started_again(
    tmp_path: Path, context: BrowserContext
) -> None:
    settings = Settings(data_dir=tmp_path)
    migrate(settings.database_url)
    database = Database(settings.database_url)
    synthetic = going("killed")
    seeded = seed_study(database, synthetic)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with real_server(tmp_path, port) as address:
        url = f"{address}/studies/killed1"
        shared = look_at(context, url)
        context.add_init_script(NO_WORKER)
        alone = look_at(context, url)
        heard: list[str] = []
        alone.on("request", lambda request: heard.append(request.url))
        for page in (shared, alone):
            expect(word(page)).to_have_text("live")
        finish_one(seeded, synthetic)
        for page in (shared, alone):
            expect(page).to_have_title("Running 7/20 · killed · HiFiTune")
            page.evaluate("window.sameDocument = true")
    newest = int(shared.locator("body").get_attribute("data-event") or 0)
    for page in (shared, alone):
        expect(word(page)).to_have_text("offline")
    finish_one(seeded, synthetic)
    heard.clear()
    with real_server(tmp_path, port):
        for page in (shared, alone):
            expect(word(page)).to_have_text("live")
            expect(page).to_have_title("Running 8/20 · killed · HiFiTune")
            expect(page.locator("tbody tr", has=page.locator("#tick-7"))).to_have_count(1)
            assert page.evaluate("sameDocument") is True
            # Back from where it was: nothing is read again that the page has seen.
        streams = [unquote(each) for each in heard if "/v1/events" in each]
        assert streams and {each.split("killed1@")[1] for each in streams} == {str(newest)}
        for page in (shared, alone):
            assert page.evaluate("said").count("offline") == 1
            assert page.evaluate("said")[-1] == "live"
    database.close()
