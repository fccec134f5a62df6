"""Trials side by side, and what is done to a study from its page, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.dashboards.synthetic import make_spec, make_study
from tests.e2e.site import Site
from tests.e2e.test_pages import Photograph, Visitor, draw_all, fits


@pytest.mark.parametrize(
    ("width", "dark", "name"),
    [(1280, False, "trials-compared-light"), (390, True, "trials-compared-phone-dark")],
)
def test_ticked_trials_stand_side_by_side(
    site: Site, visit: Visitor, photograph: Photograph, width: int, dark: bool, name: str
) -> None:
    page = visit(f"{site.page_of('complete')}", width=width, dark=dark).page
    button = page.get_by_role("button", name="Compare the ticked")
    page.evaluate("sessionStorage.clear()")
    page.reload()
    expect(button).to_be_disabled()
    page.locator("#tick-3").check()
    expect(page.locator(".ticked")).to_have_text("Ticked: 3; tick one more.")
    page.goto(f"{site.page_of('complete')}?order_by=-value")
    expect(page.locator("#tick-3")).to_be_checked()
    page.locator("#tick-1").check()
    button.click()
    expect(page.locator("h1")).to_have_text("2 trials side by side")
    assert page.url.endswith("/compare?trials=3&trials=1")
    draw_all(page, ["curves", "pictures"])
    assert page.locator("#figure-pictures image").count() == 5
    assert fits(page)
    photograph(page, name)


def test_no_more_than_six_can_be_ticked(site: Site, visit: Visitor) -> None:
    page = visit(site.page_of("complete")).page
    page.evaluate("sessionStorage.clear()")
    page.reload()
    for number in range(6):
        page.locator(f"#tick-{number}").check()
    expect(page.locator("#tick-7")).to_be_disabled()
    page.locator("#tick-0").uncheck()
    expect(page.locator("#tick-7")).to_be_enabled()
    page.evaluate("sessionStorage.clear()")


def test_deleting_asks_first_and_leads_to_the_list(site: Site, visit: Visitor) -> None:
    site.seed("gone", make_study(count=3, planned=3, study_id="gone1", spec=make_spec("gone", 3)))
    page = visit(site.page_of("gone")).page
    page.locator("#action-delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("with its 3 trials")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("#action-delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(f"{site.url}/")
    expect(page.locator("a", has_text="gone")).to_have_count(0)


def test_a_study_that_is_complete_goes_on_from_its_page(site: Site, visit: Visitor) -> None:
    site.seed("more", make_study(count=4, planned=4, study_id="more1", spec=make_spec("more", 4)))
    seen = visit(site.page_of("more"))
    page = seen.page
    page.get_by_text("Go on with more trials").click()
    page.get_by_label("More trials").fill("100000")
    page.get_by_role("button", name="Extend the study").click()
    expect(page.locator(".extend .refused")).to_contain_text("This did not work")
    assert len(seen.complaints) == 1 and "422" in seen.complaints[0], "the refusal, and no more"
    seen.complaints.clear()
    page.get_by_label("More trials").fill("6")
    page.get_by_role("button", name="Extend the study").click()
    expect(page.locator("h1 + .state")).to_have_text("queued")
    expect(page.locator(".tile").first).to_contain_text("of 10 trials")
