"""The gallery of a trial in a real browser: slider, thumbnails beside points, texts, tables."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from playwright.sync_api import Locator, Page, expect

from dashboards.figures.frame import Pictures
from service.domain.data import Column
from service.domain.records import Artifact
from service.domain.states import TrialState
from service.settings import Settings
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.dashboards.test_text_reconstructions import LETTERS, ids
from tests.e2e.site import Photograph, Site, Visitor, serve
from trainers.data.stored import Stored

pytestmark = pytest.mark.browser

COLUMNS = [
    Column(name="age <b>", kind="numeric", start=0, width=1),
    Column(name="sex", kind="categorical", start=1, width=2, categories=["f", "m"]),
]
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Studies of images (one that runs), texts and a table, with their data in the store."""
    folder = tmp_path_factory.mktemp("gallery")
    with serve(folder) as site:
        images = make_study(count=6, running=1, planned=12, study_id="images1", seed=5)
        store_data(folder, images)
        site.seed("images", images)
        for study in (texts(), table()):
            artifacts = [leave(site, study, kind) for kind in ("reconstructions", "evidence")]
            seed_study(site.database, study, {0: artifacts})
        yield site


def store_data(folder: Path, study: SyntheticStudy) -> None:
    """The study's data in the store, as ingestion leaves it."""
    place = Settings(data_dir=folder).data_store / study.dataset.folder
    place.mkdir(parents=True)
    draw = np.random.default_rng(0)
    parts = {name: draw.random((300, 64)).astype(np.float32) for name in ("train", "validation")}
    parts |= {"offset": np.zeros(1), "scale": np.full(1, 16.0), "mean": parts["train"].mean(0)}
    for name, array in parts.items():
        np.save(place / f"{name}.npy", array)
    Stored(
        data_hash=study.dataset.data_hash, folder=study.dataset.folder, shape=[8, 8],
        dtype="float64", train=300, validation=300, test=0, low=0.0, high=1.0,
        duplicates_across=0, scaling={"kind": "unit"}, baselines={}, kind="image",
    ).write(place)  # fmt: skip


def leave(site: Site, study: SyntheticStudy, kind: str) -> Artifact:
    """What a worker leaves of the study's first trial."""
    pictures, evidence = study.pictures, study.evidence
    assert pictures is not None
    assert evidence is not None
    arrays = dict(evidence.arrays)
    if kind == "reconstructions":
        names = ("input", "best", "last", "worst_input", "worst_best", "snapshots")
        arrays = {name: np.asarray(getattr(pictures, name)) for name in names}
        arrays["worst_index"] = np.array(pictures.worst_index)
        arrays["snapshot_epochs"] = np.array(pictures.snapshot_epochs)
    content = safetensors.numpy.save(
        {name: np.ascontiguousarray(a, np.float32) for name, a in arrays.items()}
    )
    path = f"studies/{study.study.id}/trials/0/{kind}.safetensors"
    sha256, size = site.artifacts.put_bytes(path, content)
    return Artifact(
        study_id=study.study.id, trial=0, kind=kind, path=path, sha256=sha256, bytes=size
    )


def texts() -> SyntheticStudy:
    """A study whose first trial wrote texts."""
    study = make_study(count=1, planned=4, study_id="texts1", spec=make_spec("names", 4))
    text, early, best = (
        ids("emma", "olivia", "a<b"),
        ids("aa", "aa", "aa"),
        ids("ema", "o&ivia", "a<bb"),
    )
    study.pictures = Pictures(
        (12,), 0.0, 30.0, text, best, best, text[:1], best[:1], (17,), tokens=LETTERS,
        snapshots=np.stack([early, best]), snapshot_epochs=(1, 3),
    )  # fmt: skip
    assert study.evidence is not None
    arrays = {
        "latent/best": np.array([[0.0, 1], [1, 0], [2, 2]]),
        "traversal/best": np.stack([ids("anna", "anna", "hanna")]),
        "traversal_units/best": np.array([4.0]),
        "traversal_values/best": np.array([[-2.0, 0, 2]]),
    }
    study.evidence = replace(study.evidence, arrays=arrays)
    study.dataset = study.dataset.model_copy(
        update={"data_hash": "a" * 64, "shape": [12], "kind": "text", "tokens": list(LETTERS),
                "tokenizer": "char"}
    )  # fmt: skip
    return study


def table() -> SyntheticStudy:
    """A study whose first trial reconstructed rows."""
    study = make_study(count=1, planned=4, study_id="rows1", spec=make_spec("rows", 4))
    rows = np.array([[0.0, 1, 0], [2.0, 0, 1], [-1.0, 0, 1]])
    out = rows.copy()
    out[0] = [0.9, 0.2, 0.8]
    study.pictures = Pictures(
        (3,), -1.0, 2.0, rows, out, rows, rows[:1], out[:1], (5,),
        snapshots=np.stack([rows * 0, out]), snapshot_epochs=(1, 3),
    )  # fmt: skip
    assert study.evidence is not None
    arrays = {"error_map/best": np.array([0.1, 0.3, 0.2])}
    study.evidence = replace(study.evidence, arrays=arrays)
    study.dataset = study.dataset.model_copy(
        update={"data_hash": "b" * 64, "shape": [3], "kind": "table", "columns": COLUMNS}
    )
    return study


def shown(page: Page, name: str) -> Locator:
    """A figure, scrolled near and drawn."""
    figure = page.locator(f"#figure-{name}")
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-state", "ready")
    return figure


def sources(figure: Locator) -> list[str]:
    """The pictures that are drawn, by their bytes."""
    found = figure.locator(".plot").evaluate("e => e.data.filter(t => t.source).map(t => t.source)")
    return [str(source) for source in found]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_slider_goes_through_the_epochs_by_keyboard_and_stays_over_an_update(
    gallery: Site, visit: Visitor
) -> None:
    page = visit(f"{gallery.url}/studies/images1/trials/0").page
    figure = shown(page, "reconstructions")
    slider = figure.get_by_role("slider")
    expect(figure.locator("output")).to_contain_text("epoch 20 of 20 (best), MSE")
    best = sources(figure)
    slider.focus()
    page.keyboard.press("Home")
    expect(figure.locator("output")).to_contain_text("epoch 1 of 20, MSE")
    expect(slider).to_have_attribute("aria-valuetext", figure.locator("output").inner_text())
    expect(figure.locator(".annotation-text").nth(1)).to_contain_text("epoch 1: MSE")
    first = sources(figure)
    assert first[0] == best[0], "the input stays"
    assert first[1] != best[1]
    assert first[2] != best[2]
    page.keyboard.press("ArrowRight")
    expect(figure.locator("output")).to_contain_text("epoch 2 of 20")
    expect(page).to_have_url(f"{gallery.url}/studies/images1/trials/0?epoch=2")
    expect(figure.locator(".annotation-text").nth(1)).to_contain_text("epoch 2: MSE")
    second = sources(figure)

    etag = figure.evaluate("e => e.etag")
    running = next(t for t in gallery.synthetic["images"].trials if t.state == TrialState.RUNNING)
    report = gallery.synthetic["images"].reports[running.number][-1]
    later = report.model_copy(update={"epoch": report.epoch + 1})
    gallery.studies["images"].append_epochs(running.number, [later])
    page.wait_for_function("([e, was]) => e.etag !== was", arg=[figure.element_handle(), etag])
    expect(figure).to_have_attribute("data-state", "ready")
    expect(figure.locator("output")).to_contain_text("epoch 2 of 20")
    assert sources(figure) == second
    expect(slider).to_be_focused()


def test_the_address_holds_the_epoch_and_play_goes_to_the_end(
    gallery: Site, visit: Visitor
) -> None:
    page = visit(f"{gallery.url}/studies/images1/trials/0?epoch=12").page
    figure = shown(page, "reconstructions")
    expect(figure.locator("output")).to_contain_text("epoch 12 of 20")
    figure.get_by_role("button", name="Play").click()
    expect(figure.get_by_role("button", name="Pause")).to_be_visible()
    expect(figure.locator("output")).to_contain_text("(last)")
    expect(figure.get_by_role("button", name="Play")).to_be_visible()


def test_a_point_shows_its_sample_under_the_mouse_and_by_keyboard(
    gallery: Site, visit: Visitor
) -> None:
    page = visit(f"{gallery.url}/studies/images1/trials/0").page
    figure = shown(page, "latent_scatter")
    preview = figure.locator(".preview")
    expect(preview).to_be_hidden()
    figure.locator(".scatterlayer .trace").first.locator("path").nth(7).hover(force=True)
    expect(preview).to_be_visible()
    expect(preview).to_have_attribute("aria-hidden", "true")
    box, plot = preview.bounding_box(), figure.locator(".plot").bounding_box()
    assert box is not None
    assert plot is not None
    assert 24 <= box["width"] <= 110
    assert plot["x"] <= box["x"] <= plot["x"] + plot["width"] - box["width"] + 2
    page.mouse.move(2, 2)
    expect(preview).to_be_hidden()
    figure.get_by_label("Look at validation sample").fill("12")
    expect(figure.locator(".inline-preview")).to_be_visible()
    expect(figure.locator("output")).to_contain_text("at ")
    first = figure.locator(".inline-preview").evaluate("e => e.style.backgroundPosition")
    page.keyboard.press("ArrowUp")
    expect(figure.get_by_label("Look at validation sample")).to_have_value("13")
    assert figure.locator(".inline-preview").evaluate("e => e.style.backgroundPosition") != first
    figure.get_by_label("Look at validation sample").fill("99999")
    expect(figure.locator("output")).to_have_text("not among those that are drawn")


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@pytest.mark.parametrize("study", ["images1", "texts1", "rows1"])
def test_the_gallery_is_whole_at_every_width(
    gallery: Site, visit: Visitor, photograph: Photograph, study: str, width: int, dark: bool
) -> None:
    page = visit(f"{gallery.url}/studies/{study}/trials/0", width=width, dark=dark).page
    for name in page.locator("hf-figure").evaluate_all("all => all.map(e => e.dataset.name)"):
        shown(page, name)
    assert fits(page)
    headings = page.locator("h2.section-title").all_inner_texts()
    assert headings == ["Curves", "Gallery", "Training signals", "Settings and metrics"]
    photograph(page, f"gallery-{study}-{width}-{'dark' if dark else 'light'}")


def test_edits_of_texts_have_a_colour_and_a_form_each_and_a_legend(
    gallery: Site, visit: Visitor
) -> None:
    page = visit(f"{gallery.url}/studies/texts1/trials/0").page
    figure = shown(page, "reconstructions")
    expect(figure.locator("tbody tr")).to_have_count(3)
    expect(figure.locator("tbody tr").nth(0).locator("del")).to_have_text("m")
    expect(figure.locator("tbody tr").nth(2).locator("ins")).to_have_text("b")
    expect(figure.locator("tbody .swap")).to_have_text("l&")
    expect(figure.locator(".legend")).to_contain_text("deleted inserted replacedby")
    looks = "e => [getComputedStyle(e).color, getComputedStyle(e).textDecorationLine]"
    kinds = [
        figure.locator(f".legend {each}").first.evaluate(looks)
        for each in ("> del", "> ins", ".swap del", ".swap ins")
    ]
    assert [kind[1] for kind in kinds] == ["line-through", "underline"] * 2
    assert len({kind[0] for kind in kinds}) == 3
    figure.get_by_role("slider").focus()
    page.keyboard.press("Home")
    expect(figure.locator("output")).to_have_text("epoch 1 of 20, 3.333 edits a text")
    expect(figure.locator("tbody tr").nth(0).locator("td").last).to_have_text("3")
    units = shown(page, "latent_traversal")
    expect(units.locator("tbody ins")).to_have_text("h")


def test_wrong_cells_of_rows_are_marked_and_columns_are_sorted(
    gallery: Site, visit: Visitor
) -> None:
    page = visit(f"{gallery.url}/studies/rows1/trials/0").page
    hardest = shown(page, "hardest")
    cells = hardest.locator("tbody tr").first.locator("td")
    expect(cells.nth(1).locator("del")).to_have_text("f")
    expect(cells.nth(1).locator("ins")).to_have_text("m")
    expect(hardest.locator("thead th").nth(1)).to_have_text("age <b>")
    figure = shown(page, "error_map")
    expect(figure.locator(".summary")).to_contain_text("errs most in sex")
    expect(figure.locator(".ytick text").first).to_have_text("sex")
