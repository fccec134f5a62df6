"""axe-core on every page in every state, light and dark, on a desk and on a phone."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.scenes import SCENES, Scene, add_texts, draw
from tests.e2e.site import Site, Visitor

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


def violations(page: Page, only: list[str] | None = None) -> list[str]:
    """What axe finds; colours alone where `only` says so."""
    found: list[str] = page.evaluate(RUN, {"tags": TAGS, "only": only})
    return found


def forgive(opened: Any, scene: Scene) -> None:
    """The browser itself reports an error page as a failed resource; so do answers asked for."""
    allowed = (f"status of {scene.status}",) if scene.status >= 400 else ()
    if "errors" in scene.name:
        allowed = ("status of 422",)
    opened.complaints[:] = [
        text for text in opened.complaints if not any(word in text for word in allowed)
    ]


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_axe_finds_nothing(site: Site, visit: Visitor, scene: Scene) -> None:
    add_texts(site)
    opened = visit(scene.address(site))
    page = opened.page
    if scene.prepare:
        scene.prepare(page)
    if scene.drawn:
        draw(page)
    page.evaluate(AXE)
    found = {"light, 1280": violations(page)}
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found["dark, 1280"] = violations(page, ["color-contrast"])
    page.set_viewport_size({"width": 390, "height": 900})
    found["dark, 390"] = violations(page)
    forgive(opened, scene)
    wrong = [f"{look}: {what}" for look, some in found.items() for what in some]
    assert not wrong, "\n".join(wrong)


def test_axe_finds_nothing_on_the_empty_page(empty_site: Site, visit: Visitor) -> None:
    page = visit(empty_site.url).page
    page.evaluate(AXE)
    assert violations(page) == []
