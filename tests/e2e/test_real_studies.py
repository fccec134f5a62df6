"""Studies of an image, a text, a tabular and an adversarial family, trained while one watches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from playwright.sync_api import expect

from service.client import Client, StudyHandle
from tests.cli.processes import serving
from tests.e2e.site import Photograph, Visitor, draw_all
from tests.e2e.test_pages import fits

TRAINING_MS = 240_000
RATE = {"type": "float", "low": 1e-3, "high": 1e-2, "log": True}
SPECS: dict[str, dict[str, Any]] = {
    "image": {
        "dataset": {"name": "digits"},
        "family": "vae",
        "space": {"learning_rate": RATE, "hidden_width": 32, "latent_dim": 6},
        "training": {"epochs": 8},
        "budget": {"trials": 6},
        "selection": {"top_k": 2, "seeds": 2},
    },
    "text": {
        "dataset": {"name": "unicode_names", "limit": 600},
        "family": "text_autoencoder",
        "space": {"learning_rate": RATE, "latent_dim": 8},
        "training": {"epochs": 4},
        "budget": {"trials": 2},
        "selection": {"top_k": 0},
    },
    "table": {
        "dataset": {"name": "wine"},
        "family": "tabular_autoencoder",
        "space": {"learning_rate": RATE, "hidden_width": 16, "latent_dim": 3},
        "training": {"epochs": 6},
        "budget": {"trials": 4},
        "selection": {"top_k": 0},
    },
    "adversarial": {
        "dataset": {"name": "digits"},
        "family": "vae_gan",
        "space": {"learning_rate": RATE, "hidden_width": 32, "latent_dim": 6},
        "training": {"epochs": 4},
        "budget": {"trials": 2},
        "selection": {"top_k": 0},
    },
}
DRAWN = ".main-svg, .written table"
"""A figure, or texts and rows in its place."""
GALLERY = {
    "image": ["reconstructions", "hardest", "latent_scatter", "latent_traversal", "prior_samples"],
    "text": ["reconstructions", "hardest", "latent_scatter", "latent_traversal", "error_map"],
    "table": ["reconstructions", "hardest", "error_map", "latent_scatter", "latent_traversal"],
    "adversarial": ["reconstructions", "latent_traversal", "prior_samples", "loss_terms"],
}


@dataclass
class Trained:
    """A real server, and the studies that were submitted to it."""

    url: str
    client: Client
    studies: dict[str, StudyHandle]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    with (
        serving(tmp_path_factory.mktemp("real")) as served,
        Client(served.url) as client,
    ):
        studies = {kind: client.submit({"name": kind, **spec}) for kind, spec in SPECS.items()}
        yield Trained(served.url, client, studies)


@pytest.mark.parametrize("kind", list(SPECS))
def test_a_study_is_watched_to_its_end_and_its_best_model_looked_at(
    trained: Trained, visit: Visitor, photograph: Photograph, kind: str
) -> None:
    study = trained.studies[kind]
    page = visit(f"{trained.url}/studies/{study.id}").page
    marked = "document.body.dataset.opened = 'once'"
    page.evaluate(marked)
    expect(page.locator("h1 + .state")).to_have_text("complete", timeout=TRAINING_MS)
    expect(page).to_have_title(f"Complete {SPECS[kind]['budget']['trials']}/{SPECS[kind]['budget']['trials']} · {kind} · HiFiTune")  # fmt: skip  # noqa: E501
    expect(page.locator("#live .word")).to_have_text("final")
    assert page.evaluate("document.body.dataset.opened") == "once", "it was never loaded anew"
    best = study.best()
    expect(page.locator("#summary")).to_contain_text(f"trial {best.trial}")
    summary = trained.client.summary(study.id)
    for sentence in summary.sentences:
        expect(page.locator("#summary")).to_contain_text(sentence.text)
    draw_all(page, ["best_so_far", "learning_curves", "timeline"])
    assert fits(page)
    photograph(page, f"real-{kind}-study")

    page.goto(f"{trained.url}/studies/{study.id}/trials/{best.trial}")
    draw_all(page, GALLERY[kind], DRAWN)
    slider = page.locator("#figure-reconstructions input[type=range]")
    said = page.locator("#figure-reconstructions output")
    before = said.inner_text()
    slider.focus()
    page.keyboard.press("Home")
    expect(said).to_contain_text("epoch 1 of")
    assert said.inner_text() != before
    photograph(page, f"real-{kind}-trial")


@pytest.mark.parametrize("kind", list(SPECS))
def test_on_a_dark_phone_the_same_pages_fit(
    trained: Trained, visit: Visitor, photograph: Photograph, kind: str
) -> None:
    study = trained.studies[kind]
    trained.client.handle(study.id).wait(timeout=TRAINING_MS / 1000)
    page = visit(f"{trained.url}/studies/{study.id}", width=390, dark=True).page
    draw_all(page, ["best_so_far"])
    assert fits(page)
    photograph(page, f"real-{kind}-study-phone-dark")
    page.goto(f"{trained.url}/studies/{study.id}/trials/{study.best().trial}")
    draw_all(page, GALLERY[kind], DRAWN)
    assert fits(page)
    photograph(page, f"real-{kind}-trial-phone-dark")


def test_the_form_makes_the_best_config_a_study_again(trained: Trained, visit: Visitor) -> None:
    """Pulled from the page, submitted as it is: the same trial, to the same number."""
    study = trained.studies["table"]
    study.wait(timeout=TRAINING_MS / 1000)
    page = visit(f"{trained.url}/studies/{study.id}").page
    spec = yaml.safe_load(page.locator("#best-yaml").inner_text())
    again = trained.client.submit({**spec, "name": "again"})
    again.wait(timeout=TRAINING_MS / 1000)
    assert again.best().metrics.validation == study.best().metrics.validation
