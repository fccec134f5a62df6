"""A page on paper: whole, light, without what can only be pressed."""

from playwright.sync_api import expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.site import Site, Visitor


def test_a_study_is_printed_whole_and_light(site: Site, visit: Visitor) -> None:
    page = visit(site.page_of("complete"), dark=True).page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for figure in page.locator("hf-figure").all():
        expect(figure).to_have_attribute("data-state", "ready")
    page.emulate_media(media="print", color_scheme="dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground in ("rgb(245, 246, 248)", "rgb(255, 255, 255)"), ground
    for pressed in (".top", ".actions", "button"):
        for each in page.locator(pressed).all():
            expect(each).to_be_hidden()
    expect(page.locator("#summary")).to_be_visible()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    content = page.pdf(path=SCREENSHOTS / "study.pdf", prefer_css_page_size=True)
    assert content.startswith(b"%PDF")
    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).not_to_have_attribute("data-paper", "yes")
    expect(page.locator("#action-delete")).to_be_visible()
