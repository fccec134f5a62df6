"""A page that is kept open shows what is true by now, and keeps what was ticked and marked."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from service.domain.states import StudyState
from tests.dashboards.synthetic import make_spec, make_study
from tests.e2e.site import SOONER, Site, Visitor, draw_all, serve
from tests.e2e.test_survival import grow, seed_growing, wait_for_row

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this module's own: its studies change."""
    with serve(tmp_path_factory.mktemp("kept")) as made:
        yield made


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this test's own, without any study."""
    with serve(tmp_path_factory.mktemp("bare")) as made:
        yield made


def be_live(page: Page) -> None:
    expect(page.locator("#live .word")).to_have_text("live")


def remove(site: Site, study_id: str) -> None:
    answer = httpx.delete(f"{site.url}/v1/studies/{study_id}", timeout=60, trust_env=False)
    assert answer.is_success, answer.text


def test_the_first_study_comes_and_the_last_one_goes_by_itself(bare: Site, visit: Visitor) -> None:
    page = visit(bare.url).page
    be_live(page)
    expect(page.get_by_role("heading", name="No study yet")).to_be_visible()
    bare.seed("first", make_study(count=2, planned=2, study_id="first1"))
    expect(page.locator("table.studies tbody tr")).to_have_count(1)
    be_live(page)
    remove(bare, "first1")
    expect(page.get_by_role("heading", name="No study yet")).to_be_visible()
    expect(page.locator("table.studies")).to_have_count(0)


def test_a_filtered_list_follows_the_states(bare: Site, visit: Visitor) -> None:
    seeded = bare.seed("going", make_study(count=2, running=1, planned=9, study_id="going1"))
    page = visit(f"{bare.url}/?state=STOPPED").page
    be_live(page)
    expect(page.get_by_role("heading", name="No study fits")).to_be_visible()
    expect(page).to_have_title("1 running · Studies · HiFiTune")  # whatever is filtered
    seeded.transition(StudyState.STOPPED)
    expect(page.locator("table.studies tbody tr")).to_have_count(1)
    expect(page).to_have_title("Studies · HiFiTune")


def test_ticked_studies_stay_over_pages_and_can_be_cleared(bare: Site, visit: Visitor) -> None:
    for number in range(27):
        bare.seed(
            f"s{number}",
            make_study(count=1, planned=1, study_id=f"s{number}", spec=make_spec(f"s{number}", 1)),
        )
    page = visit(f"{bare.url}/?order_by=name").page
    compare = page.get_by_role("button", name="Compare the ticked")
    expect(compare).to_be_disabled()
    page.locator("#tick-s0").check()
    expect(page.locator(".ticked")).to_contain_text("Ticked: s0; tick one more")
    page.get_by_role("link", name="Next page").click()
    page.locator("tbody .tick").last.check()
    expect(page.locator(".ticked")).to_contain_text("Ticked: s0, s9.")
    compare.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("side by side")
    page.go_back()
    expect(page.locator("tbody .tick").last).to_be_checked()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("tbody .tick").last).not_to_be_checked()
    expect(page.locator(".ticked")).to_contain_text("Tick two to eight studies")
    expect(compare).to_be_disabled()


def test_a_comparison_of_ended_trials_is_live_while_their_study_runs(
    site: Site, visit: Visitor
) -> None:
    seeded, more = seed_growing(site, "kept-compared")
    page = visit(f"{site.page_of('kept-compared')}/compare?trials=0&trials=1").page
    be_live(page)
    expect(page).to_have_title("Running 24/40 · 2 trials of kept-compared · HiFiTune")
    grow(seeded, more)
    seeded.transition(StudyState.STOPPED)
    expect(page.locator("#live .word")).to_have_text("final")
    expect(page).not_to_have_title("Running 24/40 · 2 trials of kept-compared · HiFiTune")


def test_what_is_said_of_ticks_is_written_once(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "kept-ticks")
    page = visit(site.page_of("kept-ticks") + "?order_by=-number").page
    be_live(page)
    page.locator("#tick-20").check()
    page.evaluate(
        """() => {
          window.written = 0;
          new MutationObserver(() => { window.written += 1; })
            .observe(document.querySelector(".ticked"), { childList: true, characterData: true });
        }"""
    )
    grow(seeded, more)
    wait_for_row(page, 29)
    assert page.evaluate("window.written") == 0


def test_text_that_is_marked_in_a_table_of_data_stays_marked(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "kept-marked")
    page = visit(site.page_of("kept-marked")).page
    be_live(page)
    draw_all(page, ["best_so_far"])
    figure = page.locator("#figure-best_so_far")
    figure.locator(".data > summary").click()
    rows = figure.locator(".data tbody tr")
    expect(rows.first).to_be_visible()
    figure.locator(".data tbody td").nth(1).dblclick()
    marked = page.evaluate("getSelection().toString()")
    assert marked.strip()
    grow(seeded, more)
    wait_for_row_of_figure(page)
    assert page.evaluate("getSelection().toString()") == marked
    before = rows.count()
    page.evaluate("getSelection().removeAllRanges()")
    expect(rows).not_to_have_count(before)


def wait_for_row_of_figure(page: Page) -> None:
    """Until the first figure was drawn with the new trials."""
    summary = page.locator("#figure-best_so_far .summary")
    expect(summary).not_to_contain_text("24 of 40")


def test_an_action_that_is_not_answered_is_said_to(site: Site, visit: Visitor) -> None:
    seed_growing(site, "kept-paused")
    opened = visit(site.page_of("kept-paused"))
    page = opened.page
    be_live(page)
    page.evaluate(SOONER)
    page.route("**/v1/studies/*:pause", lambda route: None)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("dialog")).to_contain_text("has not answered within 15 s")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Pause")).to_be_enabled()


def test_in_short_comes_up_to_date_without_another_event(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "kept-short")
    page = visit(site.page_of("kept-short")).page
    be_live(page)
    expect(page.locator("#summary")).to_contain_text("24 of 40 trials ended")
    # As of a study whose summary takes long: what the page shows is held, and then renewed.
    renewed = "24 of 40 trials ended"
    pages = f"**/studies/{seeded.study_id}"
    held: list[str] = []

    def hold(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        if not held:
            held.append(text)
            text = text.replace('id="summary"', 'id="summary" data-again="1"').replace(
                "27 of 40 trials ended", renewed
            )
        route.fulfill(response=answer, body=text)

    page.route(pages, hold)
    grow(seeded, more)
    expect(page.locator("#summary")).not_to_contain_text(renewed)
    assert len(held) == 1
