"""Changes in the form of a new study that must not lose what was there."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from service.api.yaml_text import read_yaml
from tests.e2e.new_study_desk import Desk, be_ready, open_desk, opened, shown, status, write
from tests.e2e.site import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("desk")) as opened_desk:
        yield opened_desk


def fix_learning_rate(page: Page) -> dict[str, Any]:
    page.locator("#field-space-learning_rate").select_option("fixed")
    space: dict[str, Any] = read_yaml(shown(page))["space"]
    return space


def default_names(desk: Desk, text: str) -> set[str]:
    return set(desk.validate(text)["resolved"]["space"])


def test_the_first_change_of_the_space_keeps_the_rest_beside_an_error(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    names = default_names(desk, shown(page))
    page.locator("#part-space > summary").click()
    page.get_by_label("Name of the study").fill("")
    expect(status(page)).to_have_text("One thing to mend")
    space = fix_learning_rate(page)
    assert set(space) == names and space["learning_rate"] == 0.005
    expect(page.locator("#part-space > summary")).not_to_contain_text("nothing is searched")


def test_the_first_change_of_the_space_keeps_the_rest_right_after_another(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    names = default_names(desk, shown(page))
    page.locator("#part-space > summary").click()
    page.evaluate(
        """() => {
          const name = document.getElementById("field-name");
          name.value = "quick";
          name.dispatchEvent(new Event("input", { bubbles: true }));
          const rate = document.getElementById("field-space-learning_rate");
          rate.value = "fixed";
          rate.dispatchEvent(new Event("change", { bubbles: true }));
        }"""
    )
    be_ready(page)
    document = read_yaml(shown(page))
    assert document["name"] == "quick" and set(document["space"]) == names


def test_the_first_change_of_the_space_keeps_the_rest_while_the_server_is_silent(
    visit: Visitor, desk: Desk
) -> None:
    found = visit(f"{desk.site.url}/studies/new")
    page = found.page
    page.on("dialog", lambda dialog: dialog.accept())
    be_ready(page)
    names = default_names(desk, shown(page))
    page.locator("#part-space > summary").click()
    page.route("**/studies/new/check", lambda route: route.abort())
    page.get_by_label("Name of the study").fill("offline")
    expect(status(page)).to_contain_text("does not answer")
    assert set(fix_learning_rate(page)) == names
    found.expected = ("ERR_FAILED",)


def test_a_default_search_that_is_not_known_cannot_be_changed_until_it_is(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    page.locator("#part-space > summary").click()
    write(page, "name: unknown\ndataset: {kind: npz, path: nowhere.npz}\nfamily: beta_vae\n")
    expect(status(page)).to_have_text("One thing to mend")
    row = page.locator("#field-space-learning_rate")
    expect(row).to_be_disabled()
    expect(page.locator("#space-unknown")).to_contain_text("once the server")
    page.get_by_label("Data set", exact=True).select_option("name:digits")
    be_ready(page)
    expect(row).to_be_enabled()
    expect(page.locator("#space-unknown")).to_have_count(0)
    names = default_names(desk, shown(page))
    assert set(fix_learning_rate(page)) == names


def test_a_number_is_retyped_in_an_optional_group(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    group = page.get_by_label("Stop when nothing improves")
    group.check()
    trials = page.get_by_label("Trials in a row")
    trials.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(trials).to_be_focused()
    expect(group).to_be_checked()
    assert read_yaml(shown(page))["budget"] == {"stop_when_no_improvement": {}}
    expect(status(page)).to_have_text("One thing to mend")
    page.keyboard.type("35")
    be_ready(page)
    expect(trials).to_be_focused()
    assert read_yaml(shown(page))["budget"] == {"stop_when_no_improvement": {"trials": 35}}
    group.uncheck()
    be_ready(page)
    assert "budget" not in read_yaml(shown(page))


def test_the_end_of_a_range_is_retyped_where_it_stands_alone(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.locator("#part-space > summary").click()
    write(page, f"{shown(page)}space: {{dropout: {{low: 0.1}}}}\n")
    expect(status(page)).not_to_have_text("Checking")
    low = page.locator("#field-space-dropout-low")
    expect(low).to_have_value("0.1")
    low.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(low).to_be_focused()
    page.keyboard.type("0.2")
    assert read_yaml(shown(page))["space"] == {"dropout": {"low": 0.2}}


def test_bounds_stay_when_the_objective_that_held_them_goes(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    bound = "{metric: parameters, at_most: 1000000}"
    write(
        page,
        "name: bounds\ndataset: {name: digits}\nfamily: vae\n"
        f"objective: [{{metric: mse, subject_to: [{bound}]}}, {{metric: mae}}]\n",
    )
    be_ready(page)
    page.get_by_role("button", name="Take objective 1 out").click()
    assert read_yaml(shown(page))["objective"] == {
        "metric": "mae", "subject_to": [{"metric": "parameters", "at_most": 1000000}],
    }  # fmt: skip
    be_ready(page)
