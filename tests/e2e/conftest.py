"""A real server over a seeded database, and a real Chromium that reports everything it dislikes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.e2e.site import PATIENCE_MS, THOROUGH, Photograph, Site, Visit, Visitor, fill, serve

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="package")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server without any study."""
    with serve(tmp_path_factory.mktemp("empty")) as site:
        yield site


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with studies in every state."""
    with serve(tmp_path_factory.mktemp("site")) as site:
        fill(site)
        yield site


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE_MS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> Iterator[Callable[[int, bool], BrowserContext]]:
    """One profile for each kind of window, so that scripts come out of its cache."""
    opened: dict[tuple[int, bool], BrowserContext] = {}

    def context_of(width: int, dark: bool) -> BrowserContext:
        if (width, dark) not in opened:
            opened[width, dark] = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
        return opened[width, dark]

    yield context_of
    for context in opened.values():
        context.close()


@pytest.fixture
def visit(contexts: Callable[[int, bool], BrowserContext]) -> Iterator[Visitor]:
    """Opens pages: `visit(url, width=390, dark=True)`; complaints make the test fail at its end."""
    visits: list[Visit] = []

    def open_page(
        url: str,
        width: int = 1280,
        dark: bool = False,
        prepare: Callable[[Page], object] | None = None,
    ) -> Visit:
        opened = Visit(contexts(width, dark).new_page())
        origin = "/".join(url.split("/")[:3])

        def note(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                opened.complaints.append(message.text)

        def check_address(request: Request) -> None:
            if not request.url.startswith((origin, "data:", "blob:")):
                opened.outside.append(request.url)

        opened.page.on("console", note)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", check_address)
        opened.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) => "
            "console.error('CSP', event.violatedDirective, event.blockedURI))"
        )
        visits.append(opened)
        if prepare is not None:
            prepare(opened.page)
        opened.page.goto(url)
        return opened

    yield open_page
    for opened in visits:
        opened.page.close()
    assert [text for opened in visits for text in opened.unexpected] == []
    assert [address for opened in visits for address in opened.outside] == []


@pytest.fixture
def photograph() -> Photograph:
    """Writes a screenshot of the whole page for people to look at, in `make e2e`."""

    def take(page: Page, name: str) -> None:
        if not THOROUGH:
            return  # nobody looks at those of `make test`
        path = SCREENSHOTS / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path, full_page=True)

    return take
