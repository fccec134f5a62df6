"""Figures that left the server: opened from a disk, without a network; links on the pages."""

import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.site import MARKUP, PATIENCE_MS, Site, Visitor

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("key", "name", "query", "theme"),
    [
        ("complete", "best_so_far", "", "light"),
        ("complete", "reconstructions", "&trial=0", "dark"),
        ("hostile", "importance", "", "light"),
        ("hostile", "slice", "", "dark"),
    ],
)
def test_a_figure_as_a_page_works_by_double_click_without_a_network(
    site: Site, browser: Browser, tmp_path: Path, key: str, name: str, query: str, theme: str
) -> None:
    study = site.studies[key].study_id
    address = f"{site.url}/v1/studies/{study}/figures/{name}?format=html&theme={theme}{query}"
    file = tmp_path / "figure.html"
    with urllib.request.urlopen(address) as answer:
        file.write_bytes(answer.read())
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 800})
    page, complaints, asked = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    expect(page.locator("#plot .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("h1")).to_be_visible()
    assert page.locator(".finding").inner_text()
    caption = page.locator("footer").inner_text()
    assert study in caption and "HiFiTune" in caption and "UTC" in caption
    assert ("trial 0" in caption) == bool(query)
    assert page.title() != "hacked" and page.locator("img").count() == 0
    if name == "importance":
        assert MARKUP.split("{")[0] in page.locator("#plot").inner_text()
    page.screenshot(path=tmp_path / "shot.png")
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert [url for url in asked if url.startswith("file:")] == [file.as_uri()]


def test_a_page_links_the_files_of_its_figures_and_of_none_that_waits(
    site: Site, visit: Visitor
) -> None:
    page = visit(site.page_of("complete")).page
    figure = page.locator("#figure-best_so_far")
    figure.scroll_into_view_if_needed()
    links = figure.locator(".files a")
    expect(links).to_have_text(["CSV", "HTML", "PNG", "SVG"])
    with page.expect_download() as download:
        links.nth(0).click()
    assert download.value.suggested_filename == "digits-autoencoder-best_so_far.csv"
    waiting = visit(site.page_of("queued")).page
    expect(waiting.locator("#figure-best_so_far .summary")).to_contain_text("Waiting")
    expect(waiting.locator(".files")).to_have_count(0)
