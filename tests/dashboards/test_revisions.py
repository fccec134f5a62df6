"""The study page shows every result that the study had, and why a search ended early."""

import html
import re

import httpx

from service.domain.spec import ExtensionSpec
from service.domain.states import Intent, StudyState
from service.storage.decisions import DecisionRepository
from service.storage.locking import lock_study
from service.storage.revisions import RevisionRepository
from service.storage.studies import StudyRepository
from tests.api.house import House, Seed, house, http, seed

__all__ = ["house", "http", "seed"]


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_page_of_an_extended_study_shows_both_revisions(
    house: House, http: httpx.Client, seed: Seed
) -> None:
    study = seed(count=12)
    assert 'id="revisions"' not in http.get(f"/studies/{study.study_id}").text
    best = http.get(f"/v1/studies/{study.study_id}").json()["best"]
    with house.database.transaction() as session:
        RevisionRepository(session).extend(study.study_id, ExtensionSpec(trials=8), [])
    page = http.get(f"/studies/{study.study_id}").text
    table = text_of(page[page.index('id="revisions"') :].split("</section>")[0])
    assert f"1 12 trial {best['trial']}" in table
    assert f"2 now 20 trial {best['trial']}" in table
    assert "confirmed mean" in table and "test" in table


def test_the_page_shows_which_result_stands_after_an_extension_that_was_stopped(
    house: House, http: httpx.Client, seed: Seed
) -> None:
    study = seed(count=12)
    best = http.get(f"/v1/studies/{study.study_id}").json()["best"]["trial"]
    with house.database.transaction() as session:
        lock_study(session, study.study_id).summary = {"trial": best, "test": {"mse": 0.25}}
        RevisionRepository(session).extend(study.study_id, ExtensionSpec(trials=8), [])
        StudyRepository(session).set_intent(study.study_id, Intent.STOP)
    page = http.get(f"/studies/{study.study_id}").text
    table = text_of(page[page.index('id="revisions"') :].split("</section>")[0])
    assert f"1 now 12 trial {best}" in table
    assert "2 20 – – – –" in table


def test_the_page_says_that_a_search_had_nothing_that_may_win(
    house: House, http: httpx.Client, seed: Seed
) -> None:
    study = seed(count=12, planned=40, running=1)
    nothing = {"first": 4, "last": 11, "at_least": 0.0, "before": None, "best": None}
    with house.database.transaction() as session:
        DecisionRepository(session).append(study.study_id, study.fence, "no_improvement", nothing)
    text = text_of(http.get(f"/studies/{study.study_id}").text)
    assert "none of the 12 trials gave anything that may win" in text
    study.transition(StudyState.STOPPED)


def test_the_page_says_why_a_search_ended_early(
    house: House, http: httpx.Client, seed: Seed
) -> None:
    study = seed(count=12, planned=40, running=1)
    numbers = {"before": {"trial": 3, "value": 0.5}, "best": {"trial": 3, "value": 0.5}}
    with house.database.transaction() as session:
        DecisionRepository(session).append(
            study.study_id,
            study.fence,
            "no_improvement",
            {"first": 4, "last": 11, "at_least": 0.01, **numbers},
        )
        RevisionRepository(session).end_search(study.study_id, study.fence)
    text = text_of(http.get(f"/studies/{study.study_id}").text)
    assert "trials 4 to 11 did not make the best" in text
    assert "better by 0.01 of it (0.5 before them, 0.5 with them)" in text
    assert "12 of 13 trials" in text
    study.transition(StudyState.STOPPED)
