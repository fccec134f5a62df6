"""The pages of data sets in a real browser: samples, findings, and a deletion that asks first."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from sklearn.datasets import load_digits, load_wine

from tests.e2e.site import MARKUP, Photograph, Site, Visitor, serve

pytestmark = pytest.mark.browser


QUOTED = '"{}"'.format(MARKUP.replace('"', '""'))
"""The same as a field of a CSV file."""


@dataclass
class Shelf:
    """A server with a data set of every look."""

    site: Site
    ids: dict[str, str]

    def send(self, key: str, content: bytes, name: str, **params: str) -> None:
        answer = httpx.post(
            f"{self.site.url}/v1/datasets", params={"name": name, **params}, content=content,
            timeout=60, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        self.ids[key] = answer.json()["id"]

    def page_of(self, key: str) -> str:
        return f"{self.site.url}/datasets/{self.ids[key]}"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with serve(tmp_path_factory.mktemp("shelf")) as site:
        shelf = Shelf(site, {})
        digits = (load_digits().images[:600] * 15).astype(np.uint8)
        shelf.send("pictures", saved(np.concatenate([digits, digits[:25]])), "digits some twice")
        lines = [f"{first}{middle}{last}" for first in "BDKLMR" for middle in ("ar", "el", "io")
                 for last in ("a", "en", "in", "o", "us")]  # fmt: skip
        shelf.send("text", "\n".join([*lines, MARKUP]).encode(), "names.txt")
        shelf.send("table", wine(), "wine.csv")
        study = {"name": "on uploaded pictures", "dataset": {"id": shelf.ids["pictures"]},
                 "family": "autoencoder"}  # fmt: skip
        httpx.post(f"{site.url}/v1/studies", json=study, timeout=60, trust_env=False)
        yield shelf


def saved(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def wine() -> bytes:
    data = load_wine()
    kinds = ["barolo", "grignolino", "barbera"]
    head = ",".join([*data.feature_names[:6], QUOTED, "kind"])
    rows = [
        ",".join([*(f"{value:g}" for value in row[:7]), kinds[label]])
        for row, label in zip(data.data, data.target, strict=True)
    ]
    return "\n".join([head, *rows]).encode()


def fits(page: Page) -> bool:
    answer = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return bool(answer)


@pytest.mark.parametrize(
    ("width", "dark", "name"),
    [(1280, False, "dataset-light"), (1280, True, "dataset-dark"), (390, False, "dataset-phone")],
)
def test_the_page_of_pictures_shows_them_and_what_was_found(
    shelf: Shelf, visit: Visitor, photograph: Photograph, width: int, dark: bool, name: str
) -> None:
    page = visit(shelf.page_of("pictures"), width=width, dark=dark).page
    expect(page.locator(".pictures img")).to_have_count(16)
    widths = page.evaluate(
        "[...document.querySelectorAll('.pictures img')].map(i => i.naturalWidth)"
    )
    assert set(widths) == {8}
    expect(page.get_by_text("25 samples of 625 are an exact copy")).to_be_visible()
    expect(page.get_by_role("link", name="on uploaded pictures")).to_be_visible()
    assert fits(page)
    photograph(page, name)


@pytest.mark.parametrize("key", ["text", "table"])
def test_text_and_tables_are_shown_as_they_are(
    shelf: Shelf, visit: Visitor, photograph: Photograph, key: str
) -> None:
    page = visit(shelf.page_of(key)).page
    expect(page.locator(".texts li" if key == "text" else ".rows tbody tr")).to_have_count(16)
    assert fits(page)
    assert "hacked" not in page.title()
    photograph(page, f"dataset-{key}")


@pytest.mark.parametrize("key", ["text", "table"])
def test_a_wide_sample_does_not_widen_a_phone(shelf: Shelf, visit: Visitor, key: str) -> None:
    assert fits(visit(shelf.page_of(key), width=390).page)


@pytest.mark.parametrize(("width", "name"), [(1280, "datasets-light"), (390, "datasets-phone")])
def test_the_list_leads_to_every_data_set(
    shelf: Shelf, visit: Visitor, photograph: Photograph, width: int, name: str
) -> None:
    page = visit(f"{shelf.site.url}/datasets", width=width).page
    for dataset in shelf.ids.values():
        expect(page.locator(f"a[href='/datasets/{dataset}']")).to_be_visible()
    assert fits(page)
    photograph(page, name)


def test_every_page_leads_to_the_data_sets(shelf: Shelf, visit: Visitor) -> None:
    page = visit(shelf.site.url).page
    page.get_by_role("link", name="Data sets").click()
    expect(page).to_have_url(f"{shelf.site.url}/datasets")
    page.get_by_role("link", name="uploaded").click()
    expect(page).to_have_url(f"{shelf.site.url}/datasets?origin=upload")


def test_a_study_leads_to_its_data_set_by_name(shelf: Shelf, visit: Visitor) -> None:
    page = visit(shelf.site.url).page
    page.get_by_role("link", name="on uploaded pictures").click()
    page.get_by_role("link", name="digits some twice").click()
    expect(page).to_have_url(shelf.page_of("pictures"))


def test_a_built_in_data_set_has_a_page_too(shelf: Shelf, visit: Visitor) -> None:
    page = visit(f"{shelf.site.url}/datasets/digits").page
    expect(page.locator(".pictures img")).to_have_count(16)
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)


def test_deleting_asks_first_and_ends_at_the_list(shelf: Shelf, visit: Visitor) -> None:
    shelf.send("doomed", b"".join(b"line %d\n" % number for number in range(60)), "doomed.txt")
    page = visit(shelf.page_of("doomed")).page
    button = page.get_by_role("button", name="Delete")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Keep it").click()
    expect(page).to_have_url(shelf.page_of("doomed"))
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{shelf.site.url}/datasets")
    expect(page.get_by_role("link", name="doomed.txt")).to_have_count(0)


def test_a_refused_deletion_says_why(shelf: Shelf, visit: Visitor) -> None:
    opened = visit(shelf.page_of("pictures"))
    opened.expected = ("409",)  # the browser itself reports it as a failed resource
    page = opened.page
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("on uploaded pictures").last).to_be_visible()
    expect(page.get_by_role("dialog")).to_contain_text("studies that are not over")
