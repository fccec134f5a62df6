"""Harmful texts in every place that a person, a file or a traceback can write: they stay texts."""

import csv
import io
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from playwright.sync_api import Page, expect

from service.domain.records import Failure, Notice
from service.domain.states import StudyState, TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.e2e.payloads import PAYLOADS
from tests.e2e.scenes import add_texts, draw, open_all, wait_for_check
from tests.e2e.site import Site, Visitor, serve

pytestmark = pytest.mark.browser

TOP = 120
"""The longest name that a data set may have."""
MADE = """() => [...document.querySelectorAll("*")].filter((item) =>
  [...item.attributes].some(({ name, value }) =>
    name === "data-made" || name.startsWith("on") && name !== "one"
    || (/^(href|src|action|xlink:href|formaction|srcdoc|style)$/.test(name)
        && /javascript:|evil[.]example|data:text/i.test(value))))
  .map((item) => item.outerHTML.slice(0, 200))"""
READ = """async (paths) => {
  const found = [];
  for (const path of paths) {
    const answer = await fetch(path, { headers: { Accept: "text/html" } });
    const read = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = [...read.querySelectorAll("[data-made], body script, iframe, base, style")];
    const seen = made.map((item) => item.outerHTML.slice(0, 200));
    found.push([path, answer.status, seen, read.body.textContent]);
  }
  return found;
}"""


class Made(HTMLParser):
    """The tags of a document that a payload has made."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Payloads mark what they make."""
        if any(name == "data-made" for name, _ in attrs):
            self.tags.append(tag)


def hostile(study_id: str) -> SyntheticStudy:
    """One trial for each payload, which has it in all that it can have it in."""
    spec = make_spec(study_id, len(PAYLOADS), space={
        "activation": {"type": "categorical", "choices": ["relu", "gelu"]},
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    })  # fmt: skip
    study = make_study(count=len(PAYLOADS), study_id=study_id, spec=spec, epochs=3)
    study.trials = [
        trial.model_copy(
            update={
                "params": {**trial.params, "activation": text},
                "failure": Failure(kind="crash", message=text, traceback_tail=f"File\n{text}")
                if trial.state != TrialState.COMPLETE
                else None,
                "verdict": trial.verdict and trial.verdict.model_copy(update={"sentence": text}),
                "metrics": trial.metrics
                and trial.metrics.model_copy(
                    update={"validation": {**trial.metrics.validation, text: 1.0}}
                ),
            }
        )
        for trial, text in zip(study.trials, PAYLOADS, strict=True)
    ]
    study.reports = {
        number: [
            report.model_copy(
                update={"validation": {**report.validation, PAYLOADS[number]: 0.5},
                        "train": {**report.train, PAYLOADS[number]: 0.5}}
            )
            for report in reports
        ]
        for number, reports in study.reports.items()
    }  # fmt: skip
    resolved = study.study.resolved
    entry = resolved.space["activation"].model_copy(update={"choices": list(PAYLOADS)})  # type: ignore[union-attr]
    study.study = study.study.model_copy(
        update={
            "resolved": resolved.model_copy(
                update={"space": {**resolved.space, "activation": entry}}
            ),
            "spec": study.study.spec.model_copy(
                update={"space": {**study.study.spec.space, "activation": entry}}
            ),
            "warnings": [
                Notice(code="x", pointer=f"/{text}", message=text, remedy=text) for text in PAYLOADS
            ],
        }
    )
    if study.analyses:
        shares = {text: 1 / len(PAYLOADS) for text in PAYLOADS}
        values = study.analyses[0].data | {"values": {**shares, "learning_rate": 0.3}}
        study.analyses = [study.analyses[0].model_copy(update={"data": values})]
    return study


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("poisoned")) as site:
        for name in ("poison1", "poison2"):
            site.seed(name, hostile(name))
        failed = make_study(count=0, running=1, study_id="broken1", spec=make_spec("broken"))
        site.seed("broken", failed).transition(
            StudyState.FAILED,
            failure=Failure(
                kind="data", message=" ".join(PAYLOADS), traceback_tail="\n".join(PAYLOADS)
            ),
        )
        add_texts(site)
        yield site


@pytest.fixture(scope="module")
def shelved(poisoned: Site) -> list[str]:
    """Data sets that are called so, hold such texts and have such columns."""
    lines = "\n".join(text.replace("\n", " ") for text in PAYLOADS for _ in range(3))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([*(text for text in PAYLOADS[:12]), "kind"])
    for number in range(60):
        row = [str((number * (place + 3)) % 17 / 7) for place in range(12)]
        writer.writerow([*row, PAYLOADS[number % 6]])
    ids = []
    for name, content in [
        *((f"{text[: TOP - 4]}.txt", f"{lines}\n{text}") for text in PAYLOADS),
        ("texts.txt", lines),
        ("columns.csv", table.getvalue()),
    ]:
        answer = httpx.post(
            f"{poisoned.url}/v1/datasets", params={"name": name}, content=content.encode(),
            timeout=60, trust_env=False,
        )  # fmt: skip
        if answer.status_code == 201:
            ids.append(answer.json()["id"])
        else:
            # Such names are refused; what is in the files is not.
            assert answer.status_code == 400 and "/query/name" in answer.text
    return ids


def check(page: Page) -> None:
    """Nothing was made of a payload, and none has run."""
    assert page.evaluate(MADE) == []
    assert page.evaluate("window.made") is None


def opened(visit: Visitor, address: str) -> Page:
    """A page on which a dialog is an error."""
    seen = visit(address)
    seen.page.on("dialog", lambda dialog: seen.complaints.append(f"dialog {dialog.message}"))
    return seen.page


def test_no_study_can_be_called_so(poisoned: Site) -> None:
    for text in PAYLOADS[:-1]:
        spec = make_spec("x").model_dump(mode="json", exclude_unset=True) | {"name": text}
        answer = httpx.post(f"{poisoned.url}/v1/studies", json=spec, timeout=60, trust_env=False)
        assert answer.status_code == 422
        assert text not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/studies/poison1",
        "/studies/poison1?order_by=-value",
        "/studies/broken1",
        "/studies/texts1/trials/0",
        "/compare?ids=poison1&ids=poison2&ids=broken1",
        "/studies/poison1/compare?trials=0&trials=2&trials=26&trials=27&trials=28&trials=30",
        *(f"/studies/poison1/trials/{number}" for number in (2, 26, 28)),
    ],
)
def test_on_a_page_with_all_its_figures_and_their_tables(
    poisoned: Site, visit: Visitor, path: str
) -> None:
    page = opened(visit, poisoned.url + path)
    draw(page)
    open_all(page)
    for number, figure in enumerate(page.locator("hf-figure .plot").all()):
        if number < 8 and figure.is_visible():
            figure.hover(force=True)
    check(page)


def test_in_the_form_of_a_new_study(poisoned: Site, visit: Visitor) -> None:
    page = opened(visit, f"{poisoned.url}/studies/new?from=poison1")
    wait_for_check(page)
    open_all(page)
    check(page)
    assert all(text in page.input_value("#yaml").replace("''", "'") for text in PAYLOADS[:3])
    page = opened(visit, f"{poisoned.url}/studies/new?from=poison1&trial=2")
    wait_for_check(page)
    check(page)


def test_on_the_pages_of_data_sets(poisoned: Site, shelved: list[str], visit: Visitor) -> None:
    for path in ["/datasets", *(f"/datasets/{name}" for name in shelved)]:
        page = opened(visit, poisoned.url + path)
        open_all(page)
        check(page)
    found = page.evaluate(READ, [f"/datasets/{name}" for name in shelved])
    assert [(path, made) for path, status, made, _ in found if made or status != 200] == []


def test_in_the_markup_of_every_trial(poisoned: Site, visit: Visitor) -> None:
    page = opened(visit, f"{poisoned.url}/studies/broken1")
    expect(page.locator("h1")).to_be_visible()
    paths = [f"/studies/poison1/trials/{number}" for number in range(len(PAYLOADS))]
    pages = page.evaluate(READ, paths)
    assert [(path, made) for path, _, made, _ in pages if made] == []
    for (_, status, _, text), payload in zip(pages, PAYLOADS, strict=True):
        assert status == 200
        assert payload.replace("\r", "") in text
    # Read here: it has a style sheet of its own, which the policy of our pages would report.
    alone = httpx.get(f"{poisoned.url}/v1/studies/poison1/figures/slice?format=html")
    assert alone.status_code == 200
    made = Made()
    made.feed(alone.text)
    assert made.tags == []
