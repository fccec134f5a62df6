"""The form of a new study in a real browser: form and YAML say the same, and it sends that."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from service.api.yaml_text import read_yaml
from service.domain.spec import StudySpec
from tests.e2e.new_study_desk import (
    Desk,
    be_ready,
    open_desk,
    opened,
    shown,
    status,
    write,
)
from tests.e2e.site import Visitor

pytestmark = pytest.mark.browser

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
REFUSED = "status of 422"
"""What Chromium's console says of a refusal that a test has asked for."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("desk")) as opened_desk:
        yield opened_desk


def test_a_study_from_scratch_is_what_the_yaml_said(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.get_by_label("Name of the study").fill("from scratch")
    page.get_by_label("Data set", exact=True).select_option("name:diabetes")
    expect(page.locator("#field-dataset-note")).to_contain_text("442 samples")
    page.get_by_label("Autoencoder autoencoder", exact=True).uncheck()
    expect(page.get_by_label("Autoencoder autoencoder", exact=True)).not_to_be_checked()
    page.locator("#group-for-tables").evaluate("part => { part.open = true; }")
    page.get_by_label("Tabular autoencoder tabular_autoencoder").check()
    be_ready(page)
    page.get_by_label("Metric, on validation").select_option("numeric_mse")
    page.get_by_label("Trials", exact=True).fill("3")
    page.get_by_text("Training of a trial").click()
    page.get_by_label("Epochs", exact=True).fill("2")
    page.get_by_text("Search space", exact=True).click()
    be_ready(page)
    page.locator("#field-space-latent_dim").select_option("fixed")
    page.get_by_label("Value of latent_dim").fill("4")
    page.get_by_text("Sampler and pruner").click()
    page.get_by_label("Sampler", exact=True).select_option("random")
    page.get_by_text("Split and scaling").click()
    page.get_by_label("Scaling").select_option("standard")
    be_ready(page)
    text = shown(page)
    document = read_yaml(text)
    assert document["family"] == "tabular_autoencoder"
    assert document["space"]["latent_dim"] == 4
    assert document["space"]["learning_rate"]["type"] == "float", "the default search is kept"
    assert document["training"] == {"epochs": 2} and document["budget"] == {"trials": 3}
    page.get_by_role("button", name="Submit the study").click()
    page.wait_for_url(re.compile(r"/studies/0\w{25}$"))
    (made,) = desk.named("from scratch")
    assert StudySpec.model_validate(made["spec"]) == StudySpec.model_validate(document)


def test_every_family_can_be_chosen_and_its_default_form_is_valid(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    data = {"text": "unicode_names", "table": "wine", "vector": "digits", "image": "digits"}
    for name, entry in desk.get("/v1/catalog")["families"].items():
        kind = entry["data_kinds"][0]
        task = "reconstruct" if "reconstruct" in entry["tasks"] else "super_resolve"
        write(
            page,
            f"name: default-{name}\ndataset: {{name: {data[kind]}}}\ntask: {{kind: {task}}}\n",
        )
        box = page.locator(f"#family-{name}")
        expect(box).to_be_enabled()
        expect(box).not_to_be_checked()
        box.evaluate("box => { box.closest('details')?.setAttribute('open', ''); }")
        box.check()
        be_ready(page)
        assert read_yaml(shown(page))["family"] == name


@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_goes_through_the_form_and_means_the_same(
    visit: Visitor, desk: Desk, example: Path
) -> None:
    page = opened(visit, desk)
    text = example.read_text()
    write(page, text)
    be_ready(page)
    name = read_yaml(text)["name"]
    field = page.get_by_label("Name of the study")
    expect(field).to_have_value(name)
    field.fill(f"{name}-2")
    field.fill(name)
    be_ready(page)
    through = shown(page)
    assert "#" not in through and through != text
    assert read_yaml(through) == read_yaml(text)
    assert desk.validate(through)["resolved"] == desk.validate(text)["resolved"]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    trials = page.get_by_label("Trials", exact=True)
    trials.fill("a great many")
    expect(status(page)).to_have_text("One thing to mend")
    expect(trials).to_have_attribute("aria-invalid", "true")
    described = str(trials.get_attribute("aria-describedby")).split()
    texts = [page.locator(f"#{each}").inner_text() for each in described]
    assert any("must be a whole number" in text for text in texts)
    assert "trials: a great many" in shown(page)
    link = page.locator("#problem-0")
    expect(link).to_have_text("/budget/trials")
    link.click()
    expect(trials).to_be_focused()
    trials.fill("5")
    be_ready(page)
    expect(trials).not_to_have_attribute("aria-invalid", "true")


def test_an_error_in_a_folded_part_is_counted_there_and_its_link_opens_it(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    write(page, f"{shown(page)}space: {{dropout: {{type: float, low: 0, high: lots}}, zebra: 1}}\n")
    expect(page.locator("#part-space")).to_contain_text("1 to mend")
    high = page.locator("#field-space-dropout-high")
    expect(high).not_to_be_visible()
    page.get_by_role("link", name="/space/dropout/high").click()
    expect(high).to_be_focused()
    expect(page.locator("#part-space")).to_contain_text("zebra is no parameter")
    high.fill("0.2")
    expect(status(page)).to_have_text("One thing to mend")
    page.get_by_role("button", name="Take it out").click()
    be_ready(page)
    assert read_yaml(shown(page))["space"] == {"dropout": {"type": "float", "low": 0, "high": 0.2}}


def test_what_the_form_does_not_know_is_kept(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    extra = (
        "enqueue: [{dropout: 0.05}]\n"
        "space:\n"
        "  dropout: {type: float, low: 0.0, high: 0.2, when: {norm: [layer]}}\n"
        "  norm: {type: categorical, choices: [none, layer]}\n"
        "zoo: {deep: [1, 2.5]}\n"
    )
    write(page, shown(page) + extra)
    expect(status(page)).to_have_text("One thing to mend")
    before = read_yaml(shown(page))
    page.get_by_label("Trials", exact=True).fill("7")
    assert read_yaml(shown(page)) == {**before, "budget": {"trials": 7}}


def test_yaml_that_cannot_be_read_stops_the_form_and_is_not_lost(
    visit: Visitor, desk: Desk
) -> None:
    page = opened(visit, desk)
    good = shown(page)
    write(page, good + "space: [")
    expect(page.locator("#unreadable")).to_be_visible()
    expect(page.get_by_label("Name of the study")).to_be_disabled()
    expect(page.locator("#check-errors")).to_contain_text("line")
    assert shown(page).endswith("space: [")
    page.get_by_role("button", name="take the form's instead").click()
    be_ready(page)
    assert read_yaml(shown(page)) == read_yaml(good)


def test_a_clone_resolves_to_the_same_but_the_name(visit: Visitor, desk: Desk) -> None:
    page = visit(f"{desk.site.url}/studies/source1").page
    page.get_by_role("link", name="Clone").click()
    be_ready(page)
    field = page.get_by_label("Name of the study")
    expect(field).to_have_value("clone-me copy")
    field.fill("clone-me")
    be_ready(page)
    own = desk.get("/v1/studies/source1")["spec"]
    assert StudySpec.model_validate(read_yaml(shown(page))) == StudySpec.model_validate(own)


def test_two_clicks_and_a_lost_answer_make_one_study(visit: Visitor, desk: Desk) -> None:
    found = visit(f"{desk.site.url}/studies/new")
    page = found.page
    page.on("dialog", lambda dialog: dialog.accept())
    be_ready(page)
    page.get_by_label("Name of the study").fill("only-once")
    be_ready(page)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/v1/studies", lose, times=1)
    page.get_by_role("button", name="Submit the study").click()
    expect(page.locator("#refused")).to_contain_text("Nothing is lost")
    page.reload()
    expect(page.locator("#restored")).to_be_visible()
    be_ready(page)
    page.get_by_role("button", name="Submit the study").dblclick()
    page.wait_for_url(re.compile(r"/studies/0\w{25}$"))
    assert len(desk.named("only-once")) == 1
    found.expected = ("ERR_FAILED",)


def test_a_draft_survives_a_reload_and_can_be_thrown_away(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.get_by_label("Name of the study").fill("kept for later")
    page.reload()
    be_ready(page)
    expect(page.get_by_label("Name of the study")).to_have_value("kept for later")
    page.get_by_role("button", name="Start anew").click()
    expect(page.get_by_label("Name of the study")).to_have_value("digits-autoencoder")


def test_a_refusal_is_told_beside_the_field(visit: Visitor, desk: Desk) -> None:
    found = visit(f"{desk.site.url}/studies/new")
    page = found.page
    be_ready(page)
    page.get_by_label("Name of the study").fill("../no")
    expect(status(page)).to_have_text("One thing to mend")
    page.get_by_role("button", name="Submit the study").click()
    expect(page.locator("#refused")).to_contain_text("mend what is marked")
    expect(page.locator("#problem-0")).to_be_focused()
    assert "name: ../no" in shown(page).replace('"', "")
    found.expected = (REFUSED,)


def test_without_a_server_nothing_is_lost_and_it_goes_on_by_itself(
    visit: Visitor, desk: Desk
) -> None:
    found = visit(f"{desk.site.url}/studies/new")
    page = found.page
    be_ready(page)
    page.route("**/studies/new/check", lambda route: route.abort())
    page.get_by_label("Trials", exact=True).fill("11")
    expect(status(page)).to_contain_text("does not answer")
    assert read_yaml(shown(page))["budget"] == {"trials": 11}
    page.unroute("**/studies/new/check")
    be_ready(page)
    expect(page.locator("#costs")).to_contain_text("11")
    found.expected = ("ERR_FAILED",)


def test_typing_is_never_interrupted_by_an_answer(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    field = page.get_by_label("Name of the study")
    field.fill("")
    field.press_sequentially("slowly typed name", delay=90)
    expect(field).to_be_focused()
    expect(field).to_have_value("slowly typed name")
    be_ready(page)
    assert read_yaml(shown(page))["name"] == "slowly typed name"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/studies/new$"))


def test_aims_bounds_and_several_objectives_come_from_the_form(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    write(page, "name: aims\ndataset: {name: digits}\nfamily: vae\n")
    be_ready(page)
    page.get_by_role("button", name="Add a bound").click()
    be_ready(page)
    page.get_by_role("button", name="Add an objective").click()
    be_ready(page)
    assert read_yaml(shown(page))["objective"] == [
        {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 20}]}, {"metric": "kl"},
    ]  # fmt: skip
    page.get_by_role("button", name="Take the bound out").click()
    page.get_by_role("button", name="Take objective 1 out").click()
    page.get_by_label("Metric, on validation").select_option("psnr")
    be_ready(page)
    assert read_yaml(shown(page))["objective"] == {"metric": "psnr", "direction": "maximize"}


def test_a_parameter_that_needs_another_appears_with_it(visit: Visitor, desk: Desk) -> None:
    page = opened(visit, desk)
    page.get_by_text("Search space", exact=True).click()
    expect(page.locator("#field-space-channels")).to_have_count(0)
    page.locator("#field-space-architecture").select_option("choices")
    be_ready(page)
    page.locator("#field-space-channels").select_option("choices")
    be_ready(page)
    space = read_yaml(shown(page))["space"]
    assert space["architecture"]["choices"] == ["mlp", "conv"]
    assert space["channels"]["choices"] == [8, 16, 32]
