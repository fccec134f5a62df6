"""The form of a new study for everyone: markup, odd texts, narrow windows, no scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from service.api.yaml_text import read_yaml
from tests.e2e.new_study_desk import (
    Desk,
    be_ready,
    open_desk,
    opened,
    shown,
    status,
    write,
)
from tests.e2e.site import MARKUP, Photograph, Visitor, serve

pytestmark = pytest.mark.browser

OWN_FAMILY = Path(__file__).parents[2] / "examples" / "my_vae.py"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("desk")) as opened_desk:
        yield opened_desk


@pytest.mark.parametrize(
    "text",
    ["- a", "yes", "1e-3", " x ", "a: b", "#", "'\"", "\u2028\x85\x7f", "\U0001f600 ü", "0o17", ""],
)
def test_texts_are_written_so_that_they_are_read_as_themselves(
    visit: Visitor, desk: Desk, text: str
) -> None:
    page = opened(visit, desk)
    written = page.evaluate(
        "async (text) => { const { writeYaml } = await import('/static/new-study-values.js');"
        "return writeYaml({ [text]: [text, { deep: { [text]: text } }], x: text }); }",
        text,
    )
    assert read_yaml(written) == {text: [text, {"deep": {text: text}}], "x": text}


def test_markup_of_an_own_family_and_in_a_spec_stays_text(visit: Visitor, tmp_path: Path) -> None:
    source = OWN_FAMILY.read_text()
    head = "class MyVAE(nn.Module):\n"
    (tmp_path / "mine.py").write_text(source.replace(head, f"{head}    {MARKUP!r}\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIFITUNE_FAMILIES", f"{tmp_path / 'mine.py'}:MyVAE")
        with serve(tmp_path / "data") as site:
            page = opened(visit, Desk(site))
            title = page.title()
            box = page.locator("#family-my_vae")
            box.evaluate("box => { box.closest('details').open = true; }")
            box.check()
            be_ready(page)
            assert MARKUP in page.locator("#family-my_vae-help").inner_text()
            quoted = MARKUP.replace("'", "''")
            write(
                page, f"{shown(page)}space: {{width: '{quoted}', '{quoted}': 1}}\nzoo: '{quoted}'\n"
            )
            expect(status(page)).to_contain_text("to mend")
            page.get_by_label("Trials", exact=True).fill(MARKUP)
            expect(page.get_by_role("link", name="/budget/trials")).to_be_visible()
            assert page.title() == title and page.locator("#main img").count() == 0


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)]
)
def test_the_page_fits_with_everything_open(
    visit: Visitor, desk: Desk, photograph: Photograph, width: int, dark: bool
) -> None:
    page = opened(visit, desk, width=width, dark=dark)
    mode = f"{width}-{'dark' if dark else 'light'}"
    photograph(page, f"new-study-{mode}")
    page.evaluate("for (const part of document.querySelectorAll('#form details')) part.open = true")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    photograph(page, f"new-study-open-{mode}")


def test_every_control_has_a_name_and_ids_are_one_each(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.evaluate("for (const part of document.querySelectorAll('#form details')) part.open = true")
    nameless = page.evaluate(
        "[...document.querySelectorAll('main :is(input, select, textarea)')].filter((each) =>"
        " !each.labels?.length && !each.getAttribute('aria-label')).map((each) => each.id)"
    )
    repeated = page.evaluate(
        "[...document.querySelectorAll('[id]')].map((each) => each.id)"
        ".filter((id, index, all) => all.indexOf(id) !== index)"
    )
    broken = page.evaluate(
        "[...document.querySelectorAll('[aria-describedby]')].flatMap((each) =>"
        " each.getAttribute('aria-describedby').split(' '))"
        ".filter((id) => !document.getElementById(id))"
    )
    assert (nameless, repeated, broken) == ([], [], [])


def test_without_scripts_there_is_the_text_and_a_command(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.site.url}/studies/new")
    expect(page.get_by_text("The form needs scripts")).to_be_visible()
    expect(page.locator("#yaml")).to_be_visible()
    expect(page.locator("#submit")).not_to_be_visible()
    context.close()
