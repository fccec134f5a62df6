"""The pages of a study of 10,000 trials x 100 epochs, in Chromium, beside optuna-dashboard.

    python -m benchmarks.pages [--trials 10000] [--epochs 100] [--visits 5] [--without-rival]

One study of made-up records (tests/dashboards/synthetic.py: the shapes of real ones) is written
into SQLite by our repositories, and exported with `GET /v1/studies/{id}/export?format=optuna`; the
same study is then served by `hifitune serve` and by optuna-dashboard, and visited in turns by a
fresh Chromium each time. *Useful* means for ours: state, best, summary and a page of trials are
there and the first figure is drawn; for optuna-dashboard: its first plot is drawn.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import psutil
from playwright.sync_api import CDPSession, Page, Playwright, sync_playwright

from benchmarks.measuring import spread, table, write_results
from benchmarks.served_study import STUDY, make_big, our_server, rival_server
from service.client.client import Client

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-precise-memory-info",
]  # fmt: skip
PATIENCE_MS = 300_000
"""A page that is not useful by then is reported as that."""
WIDTH, HEIGHT = 1280, 900
LIBRARY = "/static/vendor/"
"""Files that the browser keeps for a year: counted apart."""

LIST_READY = "document.querySelectorAll('table.studies tbody tr').length > 0"
STUDY_READY = (
    "document.querySelectorAll('table.trials tbody tr').length >= 50"
    " && document.querySelector('#summary li')"
    " && document.querySelector('#figure-best_so_far .main-svg .scatterlayer .trace')"
)
RIVAL_READY = "document.querySelector('.js-plotly-plot .main-svg .trace')"
ALL_DRAWN = (
    "[...document.querySelectorAll('hf-figure')].every((one) => one.dataset.state === 'ready')"
)


@dataclass
class Visit:
    """What one visit cost: milliseconds to the useful view, bytes over the wire, megabytes."""

    useful: float
    transferred: int
    library: int
    memory: float
    """Resident memory of the tab's process that is its own, once everything on it was drawn."""
    heap: float


@dataclass
class Arm:
    """A page, and its visits."""

    name: str
    url: str
    ready: str
    visits: list[Visit] = field(default_factory=list)


def main() -> None:
    """Make the study, visit the pages, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--without-rival", action="store_true")
    parser.add_argument("--data", type=Path, help="folder of an earlier time: the study is in it")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = chosen.data or Path(name)
        if not (folder / "hifitune.sqlite3").exists():
            make_big(folder, chosen.trials, chosen.epochs)
        with our_server(folder) as url:
            arms = [
                Arm("ours, list", url, LIST_READY),
                Arm("ours, study", f"{url}/studies/{STUDY}", STUDY_READY),
            ]
            answers = time_answers(url, 5)
            counted = say_size(url)
            rival = Path(name) / "optuna.sqlite3"
            if chosen.without_rival:
                visit_all(arms, chosen.visits)
            else:
                with Client(url) as client:
                    client.handle(STUDY).export(rival, format="optuna")
                with rival_server(rival) as other:
                    arms.append(
                        Arm("optuna-dashboard, study", f"{other}/dashboard/studies/1", RIVAL_READY)
                    )
                    visit_all(arms, chosen.visits)
    write_results(
        f"Pages of a study of {counted} (Chromium)",
        report(arms, answers),
    )


def time_answers(url: str, times: int) -> dict[str, list[float]]:
    """Milliseconds of the server alone: pages, and each figure of the study after the first."""
    paths = {"list page": "/", "study page": f"/studies/{STUDY}"}
    with urlopen(f"{url}/v1/studies/{STUDY}/figures") as answer:
        names = [item["name"] for item in json.load(answer)["items"] if item["of"] == "study"]
    paths |= {f"figure {name}": f"/v1/studies/{STUDY}/figures/{name}" for name in names}
    found: dict[str, list[float]] = {}
    for name, path in paths.items():
        for _ in range(times):
            started = time.perf_counter()
            with urlopen(url + path) as answer:
                answer.read()
            found.setdefault(name, []).append(1000 * (time.perf_counter() - started))
    return found


def say_size(url: str) -> str:
    """How large the study is."""
    with Client(url) as client:
        progress = client.study(STUDY).progress
    return f"{progress.done:,} trials x {progress.epochs // max(1, progress.done)} epochs (mean)"


def visit_all(arms: list[Arm], visits: int) -> None:
    """Every arm in turns, each visit in a browser of its own with an empty cache."""
    with sync_playwright() as playwright:
        for turn in range(visits):
            for arm in arms if turn % 2 == 0 else arms[::-1]:
                arm.visits.append(visit(playwright, arm))
                print(turn, arm.name, arm.visits[-1], flush=True)


def visit(playwright: Playwright, arm: Arm) -> Visit:
    """Open the page, wait until it is useful, then look at everything on it."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    try:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(PATIENCE_MS)
        session = page.context.new_cdp_session(page)
        sizes = _count_bytes(session)
        page.goto(arm.url, wait_until="commit")
        useful = _wait(page, arm.ready)
        before = dict(sizes)
        _look_at_everything(page)
        return Visit(
            useful=useful,
            transferred=sum(size for url, size in before.items() if LIBRARY not in url),
            library=sum(size for url, size in before.items() if LIBRARY in url),
            memory=_memory_of_tab(page),
            heap=float(page.evaluate("performance.memory.usedJSHeapSize")) / 2**20,
        )
    finally:
        browser.close()


def _wait(page: Page, ready: str) -> float:
    """Look at every frame whether it is so; milliseconds since the visit began.

    Not by `wait_for_function`: it evaluates a text inside the page, which our policy forbids.
    """
    found = page.evaluate(
        f"() => new Promise((done) => {{ const look = () => ({ready}) ? done(performance.now())"
        f" : performance.now() > {PATIENCE_MS} ? done(Infinity) : requestAnimationFrame(look);"
        " look(); })"
    )
    return float(found)


def _count_bytes(session: CDPSession) -> dict[str, int]:
    """Bytes over the wire by address, as they arrive."""
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def ask(event: dict[str, object]) -> None:
        request = event["request"]
        assert isinstance(request, dict)
        urls[str(event["requestId"])] = str(request["url"])

    def end(event: dict[str, object]) -> None:
        url = urls.get(str(event["requestId"]), "")
        size = event["encodedDataLength"]
        assert isinstance(size, int | float)
        sizes[url] = sizes.get(url, 0) + int(size)

    session.on("Network.requestWillBeSent", ask)
    session.on("Network.loadingFinished", end)
    session.send("Network.enable")
    return sizes


def _look_at_everything(page: Page) -> None:
    """Scroll through the page, so that every figure is drawn."""
    page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 500) {"
        " scrollTo(0, y); await new Promise((done) => setTimeout(done, 60)); } }"
    )
    if page.locator("hf-figure").count():
        _wait(page, ALL_DRAWN)


def _memory_of_tab(page: Page) -> float:
    """MiB of the largest renderer's own memory (USS): the tab's, the others are spare ones."""
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    sizes = [
        process.memory_full_info().uss
        for process in psutil.Process().children(recursive=True)
        if "--type=renderer" in process.cmdline()
    ]
    return float(max(sizes)) / 2**20


def report(arms: list[Arm], answers: dict[str, list[float]]) -> str:
    """The tables."""

    def column(arm: Arm, pick: Callable[[Visit], float]) -> str:
        return spread([pick(each) for each in arm.visits])

    rows = [
        [
            arm.name,
            column(arm, lambda each: each.useful),
            column(arm, lambda each: each.transferred / 1024),
            column(arm, lambda each: each.library / 1024),
            column(arm, lambda each: each.memory),
            column(arm, lambda each: each.heap),
        ]
        for arm in arms
    ]
    head = ["page", "useful, ms", "transferred, KiB", "library, KiB", "tab, MiB", "JS heap, MiB"]
    parts = [
        table(head, rows),
        "Medians and ranges of visits with an empty cache, in turns. `transferred`: everything up "
        "to the useful view but the vendored plotly.js, which a browser keeps for a year "
        "(`library`). `tab`: memory of the page's process after scrolling through all of it.",
    ]
    by_name = {arm.name: arm for arm in arms}
    rival = by_name.get("optuna-dashboard, study")
    if rival is not None:
        ours = by_name["ours, study"]
        times = median(b.useful / a.useful for a, b in zip(ours.visits, rival.visits, strict=True))
        size = median(
            b.transferred / (a.transferred + a.library)
            for a, b in zip(ours.visits, rival.visits, strict=True)
        )
        parts.append(
            f"optuna-dashboard takes {times:.1f} times as long to its first plot and "
            f"{size:.1f} times the bytes of ours, library included."
        )
    parts.append(
        table(
            ["the server alone", "ms"],
            [[name, spread(values)] for name, values in answers.items()],
        )
    )
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
