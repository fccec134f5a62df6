"""Answers that fail, come late or never: the page says so, and gets over it by itself."""

import pytest
from playwright.sync_api import Page, Route, expect

from service.domain.states import StudyState
from tests.e2e.site import Site, Visitor, draw_all
from tests.e2e.test_survival import grow, seed_growing

pytestmark = pytest.mark.browser

FIGURE = "#figure-best_so_far"
SOONER = """const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => timeout(ms === 15000 ? 500 : ms);"""

NEVER_DRAWN = """const later = window.setTimeout.bind(window);
window.setTimeout = (work, ms, ...rest) => later(work, ms === 30000 ? 500 : ms, ...rest);
let library;
Object.defineProperty(window, "Plotly", {
  get: () => library,
  set: (found) => {
    const { react } = found;
    found.react = (plot, ...rest) =>
      plot.closest("#figure-best_so_far") ? new Promise(() => {}) : react(plot, ...rest);
    library = found;
  },
});"""
"""The first figure's drawing never ends; what waits 30 s waits half of one."""


def without_plotly(page: Page) -> None:
    """plotly.js does not come; a print is noted instead of made."""
    page.route("**/plotly-cartesian*", lambda route: route.abort())
    page.add_init_script("window.print = () => { window.printed = true; };")


FAILED = ("Failed to load",)
"""The browser reports every request that fails; here they are made to."""


def test_a_drawing_that_failed_is_drawn_when_it_is_tried_again(site: Site, visit: Visitor) -> None:
    opened = visit(site.page_of("complete"), prepare=without_plotly)
    page, figure = opened.page, opened.page.locator(FIGURE)
    expect(figure.locator(".summary")).to_contain_text("could not be loaded: plotly.js")
    page.unroute("**/plotly-cartesian*")
    figure.get_by_role("button", name="Try again").click()
    expect(figure.locator(".main-svg").first).to_be_visible()
    expect(figure.locator(".summary")).to_contain_text("the best is trial")
    expect(figure.get_by_role("button", name="Try again")).to_have_count(0)
    opened.expected = FAILED


def test_a_drawing_that_never_ends_keeps_no_other_waiting(site: Site, visit: Visitor) -> None:
    page = visit(
        site.page_of("complete"), prepare=lambda page: page.add_init_script(NEVER_DRAWN)
    ).page
    summary = page.locator(FIGURE).locator(".summary")
    draw_all(page, ["best_so_far_time"])
    expect(summary).to_contain_text("could not be renewed: it is not drawn after 30 s")
    expect(page.locator(FIGURE).get_by_role("button", name="Try again")).to_be_visible()


def test_without_plotly_the_rest_is_printed(site: Site, visit: Visitor) -> None:
    opened = visit(site.page_of("complete"), prepare=without_plotly)
    page = opened.page
    expect(page.locator(FIGURE).locator(".summary")).to_contain_text("could not be loaded")
    page.keyboard.press("Control+p")
    page.evaluate(
        "() => new Promise((done) => { const look = () => window.printed ? done()"
        " : setTimeout(look, 50); look(); })"
    )
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).not_to_have_attribute("data-paper", "yes")
    opened.expected = FAILED


def test_a_figure_that_could_not_be_renewed_says_that_it_is_from_before(
    site: Site, visit: Visitor
) -> None:
    seeded, more = seed_growing(site, "failing-figure")
    opened = visit(site.page_of("failing-figure"))
    page = opened.page
    draw_all(page, ["best_so_far"])
    summary = page.locator(FIGURE).locator(".summary")
    expect(summary).to_contain_text("24 of 40 trials ended")
    path = "**/figures/best_so_far"
    page.route(path, lambda route: route.fulfill(status=500, body="{}"))
    grow(seeded, more)
    expect(summary).to_contain_text("This is from before, it could not be renewed: 500")
    expect(summary).to_contain_text("24 of 40 trials ended")
    page.unroute(path)
    expect(summary).not_to_contain_text("from before")  # by itself, after a while
    expect(summary).to_contain_text("of 40 trials ended")
    opened.expected = FAILED


def test_a_page_whose_answer_never_comes_is_renewed_all_the_same(
    site: Site, visit: Visitor
) -> None:
    seeded, _ = seed_growing(site, "failing-page")
    held: list[Route] = []
    opened = visit(site.page_of("failing-page"), prepare=lambda page: page.add_init_script(SOONER))
    page = opened.page
    expect(page.locator("#live .word")).to_have_text("live")

    def hold_one(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(site.page_of("failing-page"), hold_one)
    seeded.transition(StudyState.STOPPED)
    expect(page.locator("h1 + .state")).to_have_text("stopped")
    assert len(held) == 1
    expect(page.locator("#live .word")).to_have_text("final")
    opened.expected = FAILED
