"""What is wide on a narrow window: texts, tables of numbers, names, and panels of close numbers."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import safetensors.numpy
from playwright.sync_api import Page, expect

from dashboards.figures.frame import Pictures
from service.domain.records import Artifact
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.e2e.site import MARKUP, Photograph, Site, Visitor, serve

pytestmark = pytest.mark.browser

LETTERS = ("<pad>", "<end>", "<unknown>", "<dropped>", *sorted(set(MARKUP + "abcdefghij klmno")))
LENGTH = 120
NAME = "a long name of a study with words that stay whole"
LOOKS = [(390, False), (390, True), (1280, False), (1280, True)]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("narrow")) as site:
        texts = make_study(count=6, study_id="texts1", spec=make_spec("texts", 6))
        texts.dataset = texts.dataset.model_copy(
            update={
                "data_hash": "f" * 64, "kind": "text", "shape": [LENGTH],
                "tokens": list(LETTERS), "tokenizer": "char",
            }
        )  # fmt: skip
        seed_study(site.database, texts, {0: [write_texts(site, texts)]})
        equal = make_study(count=12, study_id="equal1", spec=make_spec(NAME, 12))
        equal.trials = [
            trial.model_copy(
                update={
                    "complexity": trial.complexity
                    and trial.complexity | {"parameters": 22_527 + 346 * (trial.number % 2)},
                    "metrics": trial.metrics and with_long_names(trial.metrics),
                }
            )
            for trial in equal.trials
        ]
        seed_study(site.database, equal)
        yield site


def with_long_names(metrics):  # type: ignore[no-untyped-def]
    more = {"categorical_accuracy_of_columns": 0.123456, "token_cross_entropy": 1234567.8}
    return metrics.model_copy(
        update={"train": metrics.train | more, "validation": metrics.validation | more}
    )


def write_texts(site: Site, study: SyntheticStudy) -> Artifact:
    """Reconstructions of texts as a worker leaves them."""
    ids = np.zeros((3, LENGTH))
    for row, text in enumerate(
        (f"{MARKUP} {'abc def ' * 6}", "abcdefghijklmno" * 7, "a big cat"[:5])
    ):
        ids[row, : len(text) + 1] = [*(LETTERS.index(letter) for letter in text), 1]
    best = ids.copy()
    best[:, 3] = LETTERS.index("j")
    shown = Pictures((LENGTH,), 0.0, float(len(LETTERS)), ids, best, last=best)
    study.pictures = dataclasses.replace(shown)
    arrays = {"input": ids, "given": ids, "best": best, "last": best}
    content = safetensors.numpy.save({k: v.astype(np.float32) for k, v in arrays.items()})
    path = f"studies/{study.study.id}/trials/0/reconstructions.safetensors"
    sha256, size = site.artifacts.put_bytes(path, content)
    return Artifact(
        study_id=study.study.id, trial=0, kind="reconstructions", path=path, sha256=sha256,
        bytes=size,
    )  # fmt: skip


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_texts_are_read_whole(
    narrow: Site, visit: Visitor, photograph: Photograph, width: int, dark: bool
) -> None:
    page = visit(f"{narrow.url}/studies/texts1/trials/0", width=width, dark=dark).page
    figure = page.locator("#figure-reconstructions")
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".written tbody tr")).to_have_count(3)
    assert MARKUP in figure.locator(".written tbody tr td").first.inner_text()
    expect(figure.locator(".written del b").first).to_be_visible()
    expect(figure.locator(".written thead th").last).to_have_text("edits")
    letters = "e => { const r = document.createRange(); r.selectNodeContents(e);"
    letters += " return r.getBoundingClientRect().height; }"
    assert figure.locator(".written thead th").last.evaluate(letters) < 30, "a name on its side"
    cells = "[...document.querySelectorAll('.written :is(td, th)')]"
    cut = f"{cells}.filter(c => c.scrollWidth > c.clientWidth + 1)"
    assert page.evaluate(f"{cut}.length") == 0
    box = "(e => e.scrollWidth <= e.clientWidth + 1)(document.querySelector('.written'))"
    assert page.evaluate(box)
    assert fits(page)
    assert "hacked" not in page.title()
    photograph(page, f"texts-{width}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@pytest.mark.parametrize("path", ["/datasets/digits", "/studies/equal1/trials/1"])
def test_tables_of_numbers_stay_in_the_window(
    narrow: Site, visit: Visitor, photograph: Photograph, path: str, width: int, dark: bool
) -> None:
    page = visit(f"{narrow.url}{path}", width=width, dark=dark).page
    expect(page.locator(".across table").first).to_be_visible()
    assert fits(page)
    if "datasets" in path:
        name = page.get_by_role("link", name=NAME)
        longest = name.evaluate(
            "e => { const r = document.createRange(); const t = e.firstChild; let n = 0;"
            " for (const w of t.data.matchAll(/\\S+/g)) { r.setStart(t, w.index);"
            " r.setEnd(t, w.index + w[0].length); n = Math.max(n, r.getClientRects().length); }"
            " return n; }"
        )
        assert longest == 1, "a word is broken"
    name = "dataset" if "datasets" in path else "trial"
    photograph(page, f"narrow-{name}-{width}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_close_sizes_have_room_for_their_numbers(
    narrow: Site, visit: Visitor, photograph: Photograph, width: int, dark: bool
) -> None:
    page = visit(f"{narrow.url}/studies/equal1", width=width, dark=dark).page
    figure = page.locator("#figure-complexity")
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-state", "ready")
    expect(figure.locator(".main-svg").first).to_be_visible()
    boxes = figure.evaluate(
        'e => [...e.querySelectorAll(\'.xtick text, [class*="x"][class$="tick"] text\')]'
        ".map(t => t.getBoundingClientRect()).map(r => [r.left, r.right, r.top])"
    )
    assert boxes
    for left, right, top in boxes:
        others = [box for box in boxes if box != [left, right, top] and abs(box[2] - top) < 4]
        assert all(right < other[0] or other[1] < left for other in others), boxes
    photograph(page, f"complexity-{width}-{'dark' if dark else 'light'}")
