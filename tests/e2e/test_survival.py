"""What a person did on a page, and what they look at, survives its updates."""

import pytest
from playwright.sync_api import Page, expect

from service.domain.states import StudyState
from tests.dashboards.seeding import Seeded
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.e2e.site import Site, Visitor

pytestmark = pytest.mark.browser

NEWEST_FIRST = "?order_by=-number"


def seed_growing(site: Site, key: str) -> tuple[Seeded, SyntheticStudy]:
    """A running study of 24 trials, and what it looks like six trials later."""
    spec = make_spec(key, 40)
    study, more = (
        make_study(count=count, running=3, planned=40, study_id=key, spec=spec, seed=9)
        for count in (24, 30)
    )
    return site.seed(key, study), more


def grow(seeded: Seeded, more: SyntheticStudy) -> None:
    """Six more trials begin."""
    seeded.add_trials(more.trials[27:], more.reports)


def wait_for_row(page: Page, number: int) -> None:
    """Until the table shows the trial."""
    expect(page.locator(f"#tick-{number}")).to_be_attached()


def test_ticks_focus_and_rows_survive_new_rows(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "survive-rows")
    page = visit(site.page_of("survive-rows") + NEWEST_FIRST).page
    expect(page.locator("#live .word")).to_have_text("live")
    page.locator("#tick-20").check()
    page.locator("#tick-21").check()
    page.locator("#tick-21").uncheck()
    page.locator("#tick-19").focus()
    page.evaluate("document.getElementById('tick-19').closest('tr').mine = true")
    grow(seeded, more)
    wait_for_row(page, 29)
    expect(page.locator("#tick-20")).to_be_checked()
    expect(page.locator("#tick-21")).not_to_be_checked()
    expect(page.locator("#tick-19")).to_be_focused()
    assert page.evaluate("document.getElementById('tick-19').closest('tr').mine") is True
    numbers = page.locator(".trials tbody th a").all_inner_texts()
    assert numbers == sorted(numbers, key=int, reverse=True)


def test_a_closed_fold_and_what_a_script_wrote_survive_an_update(
    site: Site, visit: Visitor
) -> None:
    seeded, more = seed_growing(site, "survive-folds")
    page = visit(site.page_of("survive-folds")).page
    expect(page.locator("#live .word")).to_have_text("live")
    page.evaluate(
        "() => { const button = document.getElementById('action-pause');"
        " button.mine = true; button.disabled = true; }"
    )
    page.locator("#warnings summary").click()
    grow(seeded, more)
    expect(page.locator("[data-live=head] .tile").first).to_contain_text("6 running")
    assert page.locator("#warnings").evaluate("node => node.open") is False
    button = page.locator("#action-pause")
    assert button.evaluate("node => node.mine && node.disabled") is True


def test_a_region_with_selected_text_waits_until_the_selection_is_gone(
    site: Site, visit: Visitor
) -> None:
    seeded, _ = seed_growing(site, "survive-selection")
    page = visit(site.page_of("survive-selection")).page
    expect(page.locator("#live .word")).to_have_text("live")
    # It begins outside the region and ends in it.
    page.evaluate(
        "getSelection().setBaseAndExtent(document.querySelector('.contents'), 0,"
        " document.querySelector('h1').firstChild, 3)"
    )
    seeded.transition(StudyState.STOPPED)  # the last event there is
    expect(page.locator("#live .word")).to_have_text("final")
    expect(page.locator("h1 + .state")).to_have_text("running")
    assert "sur" in page.evaluate("String(getSelection())")
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("h1 + .state")).to_have_text("stopped")
