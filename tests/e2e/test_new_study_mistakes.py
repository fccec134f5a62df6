"""What goes wrong while a study is written: nothing typed is lost, and nothing false is shown."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from service.api.yaml_text import read_yaml
from tests.e2e.new_study_desk import Desk, be_ready, open_desk, opened, shown, status
from tests.e2e.new_study_desk import write as write_yaml
from tests.e2e.site import SOONER, Visitor

pytestmark = pytest.mark.browser

SUBMIT = "Submit the study"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("mistakes")) as made:
        yield made


class Held:
    """Requests to an address that are answered when the test says so."""

    def __init__(self, page: Page, address: str) -> None:
        self._routes: list[Route] = []
        self.came = threading.Event()
        page.route(address, self._hold)

    def _hold(self, route: Route) -> None:
        self._routes.append(route)
        self.came.set()

    def let_go(self) -> None:
        """Answer those that came."""
        for route in self._routes:
            route.continue_()
        self._routes.clear()


def pass_through(page: Page, name: str, *keys: str) -> None:
    """Arrow keys on a closed list choose what they pass."""
    page.locator(name).focus()
    for key in keys:
        page.keyboard.press(key)


def test_an_unreadable_draft_comes_back_with_the_form_that_was_shown(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    write_yaml(page, "name: kept\ndataset: {name: digits}\nfamily: vae\nbudget: {trials: 7}\n")
    be_ready(page)
    broken = "name: kept\nspace: ["
    write_yaml(page, broken)
    expect(page.locator("#unreadable")).to_contain_text("the last that could be read")
    page.reload()
    expect(page.locator("#unreadable")).to_be_visible()
    assert shown(page) == broken
    page.get_by_role("button", name="take the form's instead").click()
    be_ready(page)
    assert read_yaml(shown(page))["budget"] == {"trials": 7}


def test_without_a_text_that_could_be_read_there_is_nothing_to_take(
    visit: Visitor, desk: Desk
) -> None:
    page = visit(f"{desk.site.url}/studies/new", prepare=seed_broken_draft).page
    expect(page.locator("#unreadable")).to_be_visible()
    expect(page.locator("#use-form")).to_be_hidden()
    page.on("dialog", lambda dialog: dialog.accept())


def seed_broken_draft(page: Page) -> None:
    page.add_init_script(
        """sessionStorage.setItem("hifitune:new-study:",
        JSON.stringify({ text: "space: [", key: "0".repeat(32) }))"""
    )


def test_a_number_that_is_none_is_mended_where_it_was_typed(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    trials = page.get_by_label("Trials", exact=True)
    trials.fill("1e400")
    expect(status(page)).to_contain_text("to mend")
    expect(trials).to_be_enabled()
    trials.fill("9")
    be_ready(page)
    assert read_yaml(shown(page))["budget"] == {"trials": 9}


def test_the_last_parameter_is_left_at_its_default_and_not_searched(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    page.locator("#part-space > summary").click()
    write_yaml(page, f"{shown(page)}space: {{dropout: 0.1}}\n")
    be_ready(page)
    mode = page.locator("#field-space-dropout")
    expect(mode.locator("option").first).to_have_text("fixed at its default: 0")
    mode.select_option("default")
    be_ready(page)
    assert read_yaml(shown(page))["space"] == {"dropout": 0}


def test_keys_that_pass_other_choices_bring_back_what_was_typed(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    for part in ("space", "search"):
        page.locator(f"#part-{part} > summary").click()
    typed = {
        "space": {"dropout": {"type": "float", "low": 0.02, "high": 0.07}, "learning_rate": 0.0031},
        "sampler": {"type": "tpe", "ei_candidates": 50},
        "pruner": {"type": "halving", "reduction_factor": 4},
        "budget": {"stop_when_no_improvement": {"trials": 33, "at_least": 0.02}},
    }
    lines = [f"{name}: {value}".replace("'", "") for name, value in typed.items()]
    write_yaml(page, shown(page) + "\n".join(lines) + "\n")
    be_ready(page)
    pass_through(page, "#field-space-learning_rate", "ArrowDown", "ArrowUp")
    pass_through(page, "#field-space-dropout", "ArrowUp", "ArrowDown")
    pass_through(page, "#field-sampler", "ArrowDown", "ArrowUp")
    pass_through(page, "#field-pruner", "ArrowDown", "ArrowUp")
    group = page.get_by_label("Stop when nothing improves")
    group.uncheck()
    group.check()
    be_ready(page)
    found = read_yaml(shown(page))
    assert {name: found[name] for name in typed} == typed


def test_a_grid_is_made_from_the_default_search(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    for part in ("space", "search"):
        page.locator(f"#part-{part} > summary").click()
    page.locator("#field-sampler").select_option("grid")
    page.locator("#group-variational > summary").click()
    page.locator("#family-autoencoder").uncheck()
    page.locator("#family-vae").check()
    expect(status(page)).to_contain_text("to mend")
    row = page.locator("#field-space-learning_rate")
    expect(row).to_be_enabled()
    row.select_option("choices")
    choices = page.get_by_label("with commas between").first
    expect(choices).to_be_visible()
    assert "learning_rate" in read_yaml(shown(page))["space"]


def test_what_is_sent_stays_as_it_is_until_the_answer(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.get_by_label("Name of the study").fill("slow one")
    be_ready(page)
    held = Held(page, "**/v1/studies")
    page.get_by_role("button", name=SUBMIT).click()
    expect(page.get_by_role("button", name="Sending")).to_be_disabled()
    expect(page.get_by_label("Name of the study")).to_be_disabled()
    assert page.locator("#yaml").evaluate("box => box.readOnly") is True
    held.let_go()
    page.wait_for_url(re.compile(r"/studies/0\w{25}$"))
    expect(page.get_by_role("heading", name="slow one")).to_be_visible()


def test_a_server_that_hangs_is_said_to(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.evaluate(SOONER)
    check, sent = Held(page, "**/studies/new/check"), Held(page, "**/v1/studies")
    name = page.get_by_label("Name of the study")
    name.fill("patient")
    expect(status(page)).to_contain_text("does not answer")
    expect(page.locator("#of-before")).to_be_visible()
    page.get_by_role("button", name=SUBMIT).click()
    expect(page.locator("#refused")).to_contain_text("Nothing is lost")
    expect(name).to_be_enabled()
    assert check.came.is_set() and sent.came.is_set()
    page.unroute_all()
    be_ready(page)  # it is asked again
    assert read_yaml(shown(page))["name"] == "patient"


def test_what_is_typed_before_the_form_is_there_stays(visit: Visitor, desk: Desk) -> None:
    forms: list[Held] = []
    found = visit(
        f"{desk.site.url}/studies/new",
        prepare=lambda page: forms.append(Held(page, "**/studies/new/form")),
    )
    page = found.page
    page.on("dialog", lambda dialog: dialog.accept())
    text = "name: early\ndataset: {name: digits}\nfamily: vae\n"
    write_yaml(page, text)
    page.reload()
    assert shown(page) == text
    write_yaml(page, text.replace("early", "earlier"))
    forms[0].let_go()
    be_ready(page)
    assert read_yaml(shown(page))["name"] == "earlier"
    expect(page.get_by_label("Name of the study")).to_have_value("earlier")


def test_a_form_that_never_comes_says_why(visit: Visitor, desk: Desk) -> None:
    def hang(page: Page) -> None:
        page.add_init_script(SOONER)
        Held(page, "**/studies/new/form")

    page = visit(f"{desk.site.url}/studies/new", prepare=hang).page
    expect(page.locator("#not-loaded")).to_contain_text("could not be loaded")
    expect(page.get_by_text("send it:")).to_be_visible()


def test_epochs_of_the_selection_are_counted(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    text = "dataset: {name: digits}\nfamily: vae\nbudget: {trials: 2}\ntraining: {epochs: 2}\n"
    write_yaml(page, f"name: dear\n{text}selection: {{top_k: 3, seeds: 3}}\n")
    be_ready(page)
    costs = page.locator("#costs")
    expect(costs).to_contain_text(re.compile(r"epochs at most\s*16"))
    expect(costs).to_contain_text(re.compile(r"of which in the selection\s*12"))
    write_yaml(page, f"name: cheap\n{text}selection: {{top_k: 0}}\n")
    expect(costs).to_contain_text(re.compile(r"epochs at most\s*4"))
    expect(costs).not_to_contain_text("selection")


def test_the_focus_stays_near_what_was_taken_out(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.get_by_role("button", name="Add a bound").click()
    out = page.get_by_role("button", name="Take the bound out")
    out.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add a bound")).to_be_focused()
    page.locator("#part-space > summary").click()
    page.locator("#field-space-dropout").select_option("fixed")
    page.locator("#space-clear").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#part-space > summary")).to_be_focused()
