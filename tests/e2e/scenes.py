"""Every page in every state that a person can meet, for checks that hold on all of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from service.domain.states import StudyState, TrialState
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study
from tests.e2e.site import Site
from tests.e2e.test_narrow_pages import LENGTH, LETTERS, write_texts

Prepare = Callable[[Page], None]


@dataclass(frozen=True)
class Scene:
    """A page in a state."""

    name: str
    path: str
    """From the root; `{key}` is the address of a study of the site."""
    prepare: Prepare | None = None
    """What a person does first."""
    status: int = 200
    drawn: bool = False
    """Whether all of its figures are waited for."""

    def address(self, site: Site) -> str:
        """Where it is on a site."""
        keys = {key: f"/studies/{seeded.study_id}" for key, seeded in site.studies.items()}
        for state in (TrialState.FAILED, TrialState.PRUNED, TrialState.DIVERGED):
            keys[f"trial_{state.lower()}"] = next(
                f"/studies/{site.studies[key].study_id}/trials/{trial.number}"
                for key in ("complete", "running", "pareto")
                for trial in site.synthetic[key].trials
                if trial.state == state
            )
        return site.url + self.path.format(**keys)


def wait_for_check(page: Page) -> None:
    """The form of a new study has had its answer."""
    expect(page.locator("#check-status")).to_have_class(re.compile("ready|bad|wrong|mend"))


def make_errors(page: Page) -> None:
    """A form with a mistake in it, and all of it open."""
    wait_for_check(page)
    page.get_by_label("Trials", exact=True).fill("a great many")
    expect(page.locator("#check-status")).to_contain_text("to mend")
    open_all(page)


def open_all(page: Page) -> None:
    """What is folded is unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")


def ask(page: Page) -> None:
    """A question of the page is open."""
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("dialog")).to_be_visible()


SCENES = (
    Scene("list", "/"),
    Scene("list-of-none", "/?name=nobody"),
    Scene("study-queued", "{queued}"),
    Scene("study-running", "{running}", open_all, drawn=True),
    Scene("study-asking", "{running}", ask),
    Scene("study-paused", "{paused}"),
    Scene("study-complete", "{complete}", open_all),
    Scene("study-failed", "{failed}", open_all),
    Scene("study-stopped", "{stopped}", open_all),
    Scene("study-selecting", "{selecting}", open_all),
    Scene("study-pareto", "{pareto}", drawn=True),
    Scene("study-table", "{table}"),
    Scene("study-hostile", "{hostile}", open_all),
    Scene("trial-complete", "{complete}/trials/0", open_all, drawn=True),
    Scene("trial-failed", "{trial_failed}", open_all),
    Scene("trial-pruned", "{trial_pruned}", open_all),
    Scene("trial-diverged", "{trial_diverged}", open_all),
    Scene("trial-texts", "{texts}/trials/0", drawn=True),
    Scene("trial-table", "{table}/trials/0", drawn=True),
    Scene("compare-studies", "/compare?ids=complete1&ids=running1&ids=paused1"),
    Scene("compare-trials", "{complete}/compare?trials=0&trials=1&trials=2", open_all),
    Scene("new-study", "/studies/new", wait_for_check),
    Scene("new-study-errors", "/studies/new", make_errors),
    Scene("new-study-clone", "/studies/new?from=complete1", wait_for_check),
    Scene("new-study-plain", "/studies/new?plain=yes"),
    Scene("datasets", "/datasets"),
    Scene("dataset-pictures", "/datasets/digits", open_all),
    Scene("dataset-rows", "/datasets/wine", open_all),
    Scene("not-found", "/studies/nowhere", status=404),
    Scene("not-valid", "/?state=NOPE", status=400),
)


def add_states(site: Site) -> None:
    """Studies in the states that are rare."""
    for state in (StudyState.STOPPED, StudyState.SELECTING):
        key = state.lower()
        if key not in site.studies:
            study = make_study(
                count=12, planned=20, study_id=f"{key}1", spec=make_spec(key, 20), seed=8
            )
            site.seed(key, study).transition(state)


def add_texts(site: Site) -> None:
    """A study of texts with the reconstructions of its first trial."""
    if "texts" in site.studies:
        return
    texts = make_study(count=6, study_id="texts1", spec=make_spec("texts", 6))
    texts.dataset = texts.dataset.model_copy(
        update={
            "data_hash": "f" * 64, "kind": "text", "shape": [LENGTH],
            "tokens": list(LETTERS), "tokenizer": "char",
        }
    )  # fmt: skip
    site.synthetic["texts"] = texts
    site.studies["texts"] = seed_study(site.database, texts, {0: [write_texts(site, texts)]})


def draw(page: Page) -> None:
    """All figures of the page are drawn."""
    for figure in page.locator("hf-figure").all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-state", "ready")
    page.evaluate("scrollTo(0, 0)")
