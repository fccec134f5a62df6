"""axe-core on every page in every state, light and dark, on a desk and on a phone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.scenes import SCENES, Scene, add_states, add_texts, draw
from tests.e2e.site import THOROUGH, Photograph, Site, Visitor

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async ({ tags, only }) => {
  const runOnly = only ? { type: "rule", values: only } : { type: "tag", values: tags };
  const rules = only ? {} : { "target-size": { enabled: true } };
  const found = await axe.run(document, { runOnly, rules, resultTypes: ["violations"] });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary} ${node.html.slice(0, 160)}`));
}"""

LOOKS = {
    "light, 1280": None,
    "dark, 1280": ["color-contrast"],
    "dark, 390": None,
    "light, 390": ["color-contrast"],
}
"""What a page is looked at in, and the rules that the look can change; empty: all."""
TAKEN = {look: only for look, only in LOOKS.items() if THOROUGH or only is None}
STICKS_OUT = """() => new Promise((done) => {
  const end = performance.now() + 10000; // figures are drawn again, one after the other
  const look = () => {
    const wide = document.documentElement.scrollWidth > innerWidth;
    if (wide && performance.now() < end) { requestAnimationFrame(look); return; }
    done(!wide ? [] : [...document.querySelectorAll("main *")]
      .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5)
      .map((node) => node.outerHTML.slice(0, 100)).slice(0, 5));
  };
  look();
})"""


SETTLED = """() => new Promise((done) => {
  const end = performance.now() + 10000;
  const fits = (plot) =>
    !plot._fullLayout || Math.abs(plot._fullLayout.width - plot.clientWidth) < 9;
  const look = () => {
    const plots = [...document.querySelectorAll("hf-figure .plot")];
    if (plots.every(fits) || performance.now() > end) setTimeout(done, 50);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(() => requestAnimationFrame(look));
})"""
"""Figures that were drawn for another width or scheme are drawn again."""


def violations(page: Page, only: list[str] | None = None) -> list[str]:
    """What axe finds; colours alone where `only` says so."""
    found: list[str] = page.evaluate(RUN, {"tags": TAGS, "only": only})
    return found


def expected(scene: Scene) -> tuple[str, ...]:
    """The browser itself reports an error page as a failed resource; so do answers asked for."""
    if "errors" in scene.name:
        return ("status of 422",)
    return (f"status of {scene.status}",) if scene.status >= 400 else ()


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_axe_finds_nothing(
    site: Site, visit: Visitor, photograph: Photograph, scene: Scene
) -> None:
    add_texts(site)
    add_states(site)
    opened = visit(scene.address(site))
    opened.expected = expected(scene)
    page = opened.page
    if scene.prepare:
        scene.prepare(page)
    if scene.drawn:
        draw(page)
    page.evaluate(AXE)
    found = {}
    for look, only in TAKEN.items():
        scheme, width = look.split(", ")
        page.set_viewport_size({"width": int(width), "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.evaluate(SETTLED)
        found[look] = violations(page, only)
        photograph(page, f"states/{scene.name}-{scheme}-{width}")
    # WCAG 1.4.10: at four times the size of a desk's window nothing is read by scrolling sideways.
    page.set_viewport_size({"width": 320, "height": 900})
    found["320"] = [f"sticks out: {name}" for name in page.evaluate(STICKS_OUT)]
    wrong = [f"{look}: {what}" for look, some in found.items() for what in some]
    assert not wrong, "\n".join(wrong)


def test_axe_finds_nothing_on_the_empty_page(empty_site: Site, visit: Visitor) -> None:
    page = visit(empty_site.url).page
    page.evaluate(AXE)
    assert violations(page) == []


def test_without_scripts_a_study_can_be_read_and_sorted(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(site.page_of("complete"))
        expect(page.get_by_text("Without scripts")).to_be_visible()
        expect(page.locator("#summary li").first).to_be_visible()
        page.locator("table.trials thead").get_by_role("link", name="Epochs").click()
        expect(page).to_have_url(re.compile("order_by=-?epochs"))
        expect(page.locator("table.trials tbody tr").first).to_be_visible()
    finally:
        context.close()
