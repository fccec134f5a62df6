"""What a person did on a page, and what they look at, survives its updates."""

import pytest
from playwright.sync_api import Page, expect

from service.domain.states import StudyState
from tests.dashboards.seeding import Seeded
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.e2e.site import Site, Visitor, draw_all

pytestmark = pytest.mark.browser

NEWEST_FIRST = "?order_by=-number"


def seed_growing(site: Site, key: str, seed: int = 9) -> tuple[Seeded, SyntheticStudy]:
    """A running study of 24 trials, and what it looks like six trials later."""
    spec = make_spec(key, 40)
    study, more = (
        make_study(count=count, running=3, planned=40, study_id=key, spec=spec, seed=seed)
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


def looked_at(page: Page, number: int) -> float:
    """Where the row of a trial stands in the window, in pixels from its top."""
    box = page.locator(f"#tick-{number}").bounding_box()
    assert box is not None
    return box["y"]


def test_rows_that_come_above_move_nothing_that_is_looked_at(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "survive-scroll")
    page = visit(site.page_of("survive-scroll") + NEWEST_FIRST).page
    expect(page.locator("#live .word")).to_have_text("live")
    page.locator("#tick-12").evaluate("node => node.scrollIntoView({ block: 'start' })")
    height = page.evaluate("document.documentElement.scrollHeight")
    before = looked_at(page, 12)
    grow(seeded, more)
    wait_for_row(page, 29)
    assert page.evaluate("document.documentElement.scrollHeight") > height + 100
    assert looked_at(page, 12) == pytest.approx(before, abs=1)


def test_the_row_under_the_pointer_stays_there(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "survive-pointer")
    page = visit(site.page_of("survive-pointer") + NEWEST_FIRST).page
    expect(page.locator("#live .word")).to_have_text("live")
    page.locator("#trials").evaluate("node => node.scrollIntoView({ block: 'center' })")
    page.locator("#tick-24").hover()
    before = looked_at(page, 24)
    grow(seeded, more)
    wait_for_row(page, 29)
    assert looked_at(page, 24) == pytest.approx(before, abs=1)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#tick-24")).to_be_checked()


def test_a_table_scrolled_sideways_stays_there(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "survive-sideways")
    page = visit(site.page_of("survive-sideways") + NEWEST_FIRST, width=800).page
    expect(page.locator("#live .word")).to_have_text("live")
    card = page.locator(".table-card", has=page.locator("table.trials"))
    assert card.evaluate("node => node.scrollWidth - node.clientWidth") > 60
    card.evaluate("node => { node.scrollLeft = 57; }")
    grow(seeded, more)
    wait_for_row(page, 29)
    assert card.evaluate("node => node.scrollLeft") == 57


def test_a_pressed_button_is_not_replaced_under_the_finger(site: Site, visit: Visitor) -> None:
    seeded, _ = seed_growing(site, "survive-press")
    page = visit(site.page_of("survive-press")).page
    expect(page.locator("#live .word")).to_have_text("live")
    page.locator("h1").hover()
    page.mouse.down()
    seeded.transition(StudyState.STOPPED)
    expect(page.locator("#live .word")).to_have_text("final")
    expect(page.locator("#action-pause")).to_be_visible()
    page.mouse.up()
    expect(page.locator("#action-pause")).to_have_count(0)


def test_a_question_is_answered_before_the_page_changes(site: Site, visit: Visitor) -> None:
    seeded, _ = seed_growing(site, "survive-question")
    page = visit(site.page_of("survive-question")).page
    expect(page.locator("#live .word")).to_have_text("live")
    page.locator("#action-stop").click()
    question = page.get_by_role("dialog")
    expect(question).to_be_visible()
    seeded.transition(StudyState.STOPPED)
    expect(page.locator("#live .word")).to_have_text("final")
    expect(question).to_be_visible()
    expect(page.locator("h1 + .state")).to_have_text("running")
    page.keyboard.press("Escape")
    expect(page.locator("h1 + .state")).to_have_text("stopped")


def test_what_the_legend_switched_off_stays_off_and_nothing_else(
    site: Site, visit: Visitor
) -> None:
    """The first diverged and pruned trials come, as traces before the one that is switched off."""
    seeded, more = seed_growing(site, "survive-legend", seed=22)
    page = visit(site.page_of("survive-legend")).page
    draw_all(page, ["best_so_far"])
    figure = page.locator("#figure-best_so_far")
    read = """() => Object.fromEntries(document.querySelector('#figure-best_so_far .plot')
        ._fullData.map((trace) => [trace.name, trace.visible]))"""
    before = page.evaluate(read)
    assert "best so far" in before
    assert not {"diverged", "pruned"} & set(before)
    lines = figure.locator(".js-line").count()
    figure.locator(".legend .traces", has_text="best so far").locator(".legendtoggle").click()
    expect(figure.locator(".js-line")).to_have_count(lines - 1)
    grow(seeded, more)
    expect(figure.locator(".legend .traces", has_text="diverged")).to_be_attached()
    after = page.evaluate(read)
    assert {"diverged", "pruned"} <= set(after)
    assert [name for name, seen in after.items() if seen != True] == ["best so far"]  # noqa: E712


def test_the_table_of_a_figure_stays_open_where_it_is_scrolled(site: Site, visit: Visitor) -> None:
    seeded, more = seed_growing(site, "survive-table")
    page = visit(site.page_of("survive-table"), width=390).page
    draw_all(page, ["best_so_far"])
    figure = page.locator("#figure-best_so_far")
    figure.locator("details.data summary").click()
    table = figure.locator(".data .scroll")
    rows = table.locator("tbody tr")
    shown = rows.count()
    table.evaluate("node => { node.scrollTop = 41; }")
    grow(seeded, more)
    expect(rows.nth(shown + 1)).to_be_attached()
    assert table.evaluate("node => node.scrollTop") == 41
