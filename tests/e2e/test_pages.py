"""The pages in a real browser: figures drawn, live updates, both schemes, a phone, the keyboard."""

import time

import pytest
from playwright.sync_api import Page, expect

from dashboards.figures import FIGURES
from service.domain.states import StudyState, TrialState
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study
from tests.e2e.site import MARKUP, PATIENCE_MS, Photograph, Site, Visitor, draw_all

pytestmark = pytest.mark.browser


OF_ANY_STUDY = [name for name, entry in FIGURES.items() if not entry.of_trial]
OF_STUDY = [name for name in OF_ANY_STUDY if name != "pareto"]
"""Those of a study with one objective and no bounds."""
OF_TRIAL = [name for name, entry in FIGURES.items() if entry.of_trial]


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right of the window."""
    answer = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return bool(answer)


def test_the_empty_page_tells_how_to_begin(
    empty_site: Site, visit: Visitor, photograph: Photograph
) -> None:
    page = visit(empty_site.url).page
    expect(page.get_by_text("hifitune demo")).to_be_visible()
    photograph(page, "empty")


def test_the_list_of_studies_filters_in_its_address(
    site: Site, visit: Visitor, photograph: Photograph
) -> None:
    page = visit(site.url).page
    expect(page.locator("tbody tr")).to_have_count(len(site.studies))
    photograph(page, "studies-light")
    page.get_by_label("State").select_option("PAUSED")
    expect(page).to_have_url(f"{site.url}/?state=PAUSED&order_by=-created_at")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(len(site.studies))


def test_a_study_that_begins_appears_in_the_list_by_itself(site: Site, visit: Visitor) -> None:
    page = visit(f"{site.url}/?name=newcomer").page
    expect(page.get_by_text("No study fits")).to_be_visible()
    site.seed("new", make_study(count=0, planned=8, study_id="new1", spec=make_spec("newcomer")))
    expect(page.get_by_role("link", name="newcomer")).to_be_visible(timeout=12_000)


@pytest.mark.parametrize(
    ("width", "dark", "name"),
    [(1280, False, "study-light"), (1280, True, "study-dark"), (390, False, "study-phone")],
)
def test_the_study_page_draws_every_figure(
    site: Site, visit: Visitor, photograph: Photograph, width: int, dark: bool, name: str
) -> None:
    page = visit(site.page_of("running"), width=width, dark=dark).page
    draw_all(page, OF_STUDY)
    assert fits(page)
    expect(page.locator("#live .word")).to_have_text("live")
    for figure in OF_STUDY:
        label = page.locator(f"#figure-{figure} .plot").get_attribute("aria-label")
        assert label is not None and FIGURES[figure].title in label and len(label) > 80
    photograph(page, name)


@pytest.mark.parametrize(("width", "name"), [(1280, "pareto-light"), (390, "pareto-phone")])
def test_the_page_of_a_pareto_study_draws_its_front_and_marks_its_members(
    site: Site, visit: Visitor, photograph: Photograph, width: int, name: str
) -> None:
    page = visit(site.page_of("pareto"), width=width).page
    draw_all(page, [name for name in OF_ANY_STUDY if name != "rate_distortion"])
    assert fits(page)
    expect(page.get_by_text("on the front").first).to_be_attached()
    expect(page.get_by_text("beyond a bound").first).to_be_attached()
    photograph(page, name)


@pytest.mark.parametrize(
    ("width", "dark", "name"),
    [(1280, False, "trial-light"), (1280, True, "trial-dark"), (390, False, "trial-phone")],
)
def test_the_trial_page_draws_curves_and_pictures(
    site: Site, visit: Visitor, photograph: Photograph, width: int, dark: bool, name: str
) -> None:
    page = visit(f"{site.page_of('complete')}/trials/3", width=width, dark=dark).page
    draw_all(page, OF_TRIAL)
    assert fits(page)
    assert page.locator("#figure-reconstructions image").count() == 3
    assert page.locator("#figure-hardest image").count() == 6
    expect(page.locator("#live .word")).to_have_text("final")
    photograph(page, name)


def test_a_table_of_sensors_is_drawn_as_lines(
    site: Site, visit: Visitor, photograph: Photograph
) -> None:
    page = visit(f"{site.page_of('table')}/trials/0").page
    draw_all(page, ["reconstructions"])
    expect(page.locator("#figure-reconstructions .xy .scatterlayer .trace")).to_have_count(2)
    photograph(page, "trial-sensors")


def test_a_running_study_grows_on_the_page_and_zoom_stays(site: Site, visit: Visitor) -> None:
    live = make_study(count=6, running=3, planned=20, study_id="live1",
                      spec=make_spec("live-vae", 20), seed=9)  # fmt: skip
    more = make_study(count=9, running=3, planned=20, study_id="live1",
                      spec=make_spec("live-vae", 20), seed=9)  # fmt: skip
    seeded = site.seed("live", live)
    page = visit(site.page_of("live")).page
    draw_all(page, ["best_so_far"])
    page.evaluate("window.sameDocument = true")
    plot = page.locator("#figure-best_so_far")
    plot.scroll_into_view_if_needed()
    area = plot.locator(".nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.2, area["y"] + area["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.7, area["y"] + area["height"] * 0.8, steps=6)
    page.mouse.up()
    read = "document.querySelector('#figure-best_so_far .plot').layout.xaxis.range"
    page.wait_for_function(f"{read} && document.querySelector('#figure-best_so_far .plot')"
                           ".layout.xaxis.autorange === false")  # fmt: skip
    zoomed = page.evaluate(read)
    seen_at = plot.bounding_box()
    for number in (6, 7, 8):
        ended = more.trials[number]
        if ended.state not in (TrialState.RUNNING, TrialState.QUEUED):
            seen = live.trials[number].epochs
            rest = [report for report in more.reports[number] if report.epoch > seen]
            seeded.append_epochs(number, rest)
            seeded.finish(ended)
    expect(page.locator("[data-live=head] .large").first).to_contain_text("9 of 20")
    expect(plot.locator(".summary")).to_contain_text("9 of 20 trials ended")
    expect(page).to_have_title("Running 9/20 · live-vae · HiFiTune")
    assert page.evaluate("window.sameDocument") is True
    assert page.evaluate(read) == zoomed
    # What grows above it is scrolled away by the browser: what is looked at stays where it is.
    stays_at = plot.bounding_box()
    assert seen_at is not None and stays_at is not None
    assert abs(stays_at["y"] - seen_at["y"]) < 1
    seeded.transition(StudyState.STOPPED)
    expect(page.locator("#live .word")).to_have_text("final")
    expect(page.locator("h1 + .state")).to_have_text("stopped")


def test_epochs_of_a_running_trial_arrive_on_its_page(site: Site, visit: Visitor) -> None:
    synthetic = site.synthetic["running"]
    number = synthetic.trials[-1].number
    page = visit(f"{site.page_of('running')}/trials/{number}").page
    draw_all(page, ["trial_curves"])
    last = synthetic.reports[number][-1]
    following = last.model_copy(update={"epoch": last.epoch + 1})
    site.studies["running"].append_epochs(number, [following])
    summary = page.locator("#figure-trial_curves .summary")
    expect(summary).to_contain_text(f"over {last.epoch + 1} epochs")


def test_a_page_says_when_it_is_stale_or_offline_and_is_live_again(
    site: Site, visit: Visitor
) -> None:
    def break_stream(page: Page) -> None:
        # Playwright sees what a page asks for, but not what a SharedWorker does.
        page.add_init_script("delete window.SharedWorker")
        page.route("**/events*", lambda route: route.fulfill(status=503, body="away"))

    opened = visit(site.page_of("running"), prepare=break_stream)
    badge = opened.page.locator("#live .word")
    expect(badge).to_have_text("stale")
    opened.page.route("**/v1/studies/*", lambda route: route.abort())
    expect(badge).to_have_text("offline")
    opened.page.unroute_all()
    expect(badge).to_have_text("live")
    # What was tested is what the browser complains of.
    opened.expected = ("503", "ERR_FAILED")


def test_stopping_asks_first(site: Site, visit: Visitor) -> None:
    synthetic = make_study(count=2, running=1, planned=9, study_id="stop1", spec=make_spec("stop"))
    site.seed("stop", synthetic)
    page = visit(site.page_of("stop")).page
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("It is being paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be resumed")
    page.get_by_role("button", name="Keep it running").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It is being stopped")).to_be_visible()


def test_the_trial_table_sorts_filters_and_jumps(site: Site, visit: Visitor) -> None:
    page = visit(site.page_of("complete")).page
    page.get_by_role("link", name="mse").click()
    expect(page).to_have_url(f"{site.page_of('complete')}?order_by=value#trials")
    best = site.synthetic["complete"].study.best
    assert best is not None
    expect(page.locator(".trials tbody tr").first).to_have_class("is-best")
    page.get_by_role("link", name="pruned").click()
    expect(page.locator(".trials tbody .state").first).to_have_text("pruned")
    page.get_by_label("Jump to trial").fill("5")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="Trial 5", exact=True)).to_be_visible()


def test_the_data_of_a_figure_is_there_as_a_table(site: Site, visit: Visitor) -> None:
    page = visit(site.page_of("complete")).page
    draw_all(page, ["importance"])
    figure = page.locator("#figure-importance")
    figure.get_by_text("The data as a table").click()
    expect(figure.locator("tbody tr").first).to_contain_text("activation")


def test_a_click_on_a_point_opens_its_trial(site: Site, visit: Visitor) -> None:
    page = visit(site.page_of("complete")).page
    draw_all(page, ["best_so_far"])
    page.locator("#figure-best_so_far").scroll_into_view_if_needed()
    page.locator("#figure-best_so_far .points path").first.hover(force=True)
    box = page.locator("#figure-best_so_far .points path").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name="Trial 0", exact=True)).to_be_visible()


def test_markup_of_users_stays_text(site: Site, visit: Visitor, photograph: Photograph) -> None:
    page = visit(site.page_of("hostile")).page
    # It searches no regulariser, and only one number.
    absent = ("gap_against_regularisers", "contour", "rank")
    draw_all(page, [name for name in OF_STUDY if name not in absent])
    photograph(page, "hostile")
    assert page.locator("img[src=x]").count() == 0
    expect(page.get_by_text(MARKUP, exact=False).first).to_be_visible()
    page.goto(f"{site.page_of('hostile')}/trials/1")
    draw_all(page, [name for name in OF_TRIAL if name != "training_signals"])
    assert page.locator("img[src=x]").count() == 0
    assert "hacked" not in page.title()


@pytest.mark.parametrize("key", ["queued", "failed", "paused"])
def test_every_state_of_a_study_has_its_page(
    site: Site, visit: Visitor, photograph: Photograph, key: str
) -> None:
    page = visit(site.page_of(key), dark=key == "failed").page
    expect(page.locator("h1 + .state")).to_have_text(key)
    expect(page.locator("#figure-best_so_far")).to_have_attribute("data-state", "ready")
    photograph(page, key)


def test_the_keyboard_reaches_everything_and_shows_where_it_is(site: Site, visit: Visitor) -> None:
    page = visit(site.page_of("running")).page
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle + ' '"
            " + document.activeElement.textContent.trim().slice(0, 24)"
        )
        assert outline.startswith("solid"), outline
        reached.add(outline.removeprefix("solid "))
    assert {"Pause", "Stop", "Download the model"} <= reached


def test_the_study_page_of_a_big_study_is_useful_in_time(site: Site, visit: Visitor) -> None:
    synthetic = make_study(count=600, planned=600, study_id="big1", epochs=3,
                           spec=make_spec("big", 600))  # fmt: skip
    seed_study(site.database, synthetic, cohort_size=300)
    started = time.monotonic()
    page = visit(f"{site.url}/studies/big1").page
    expect(page.locator(".trials tbody tr")).to_have_count(50)
    draw_all(page, ["best_so_far"])
    assert time.monotonic() - started < PATIENCE_MS / 1000  # 1.5 s on a quiet machine
