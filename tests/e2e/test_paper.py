"""A page on paper: whole, light, without what can only be pressed."""

from playwright.sync_api import expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.site import Site, Visitor, draw_all


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


AT_ONCE = """async () => {
  const color = () => document.querySelector("#figure-best_so_far .plot")._fullLayout.font.color;
  const before = color();
  dispatchEvent(new Event("beforeprint"));
  for (let turn = 0; turn < 1000; turn += 1) await null; // no timer and no frame comes in between
  return [before, color()];
}"""


def test_what_is_drawn_is_light_before_a_print_from_the_menu_goes_on(
    site: Site, visit: Visitor
) -> None:
    page = visit(site.page_of("complete"), dark=True).page
    draw_all(page, ["best_so_far", "best_so_far_time"])
    dark, light = page.evaluate(AT_ONCE)
    assert dark != light
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(color_scheme="light")
    page.reload()
    draw_all(page, ["best_so_far"])
    read = "document.querySelector('#figure-best_so_far .plot')._fullLayout.font.color"
    assert page.evaluate(read) == light
