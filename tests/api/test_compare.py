"""Studies side by side, over HTTP and with the client."""

from typing import Any

import httpx
import pytest

from service.client import Client, ProblemError
from service.domain.states import StudyState
from tests.api.house import House, Seed
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_dataset, make_spec, make_study
from tests.dashboards.test_selection_view import summary_of


def ask(http: httpx.Client, *ids: str) -> dict[str, Any]:
    answer = http.get("/v1/studies:compare", params={"ids": list(ids)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_studies_stand_in_the_order_of_the_question(http: httpx.Client, seed: Seed) -> None:
    one, other = seed(count=9).study_id, seed(count=6, seed=5).study_id
    found = ask(http, other, one)
    assert [study["id"] for study in found["studies"]] == [other, one]
    assert found["comparable"] and found["notices"] == []
    values = {study["id"]: study["best"]["search"] for study in found["studies"]}
    assert found["leader"] == min(values, key=values.__getitem__)
    assert found == ask(http, f"{other},{one}")
    assert found == ask(http, f"{other}, {one}", one)


def test_nothing_of_the_test_part_is_told_before_complete(http: httpx.Client, seed: Seed) -> None:
    found = ask(http, seed(count=4, planned=9).study_id, seed(count=4, planned=8).study_id)
    for study in found["studies"]:
        assert study["state"] == "RUNNING"
        assert study["best"]["test"] is study["best"]["interval"] is study["best"]["mean"] is None


def test_a_confirmed_study_shows_mean_and_test_and_the_other_is_named(
    http: httpx.Client, house: House, seed: Seed
) -> None:
    synthetic = make_study(count=12, planned=13, study_id="confirmed0001")
    seeded = seed_study(house.database, synthetic)
    summary = summary_of(synthetic)
    seeded.transition(StudyState.SELECTING)
    seeded.transition(StudyState.COMPLETE, summary=summary)
    plain = seed(count=6).study_id
    found = ask(http, "confirmed0001", plain)
    best = found["studies"][0]["best"]
    assert best["trial"] == summary["trial"]
    assert best["mean"] == pytest.approx(0.0201)
    assert best["sd"] == summary["selection"]["pooled_sd"] and best["seeds"] == 3
    assert best["search"] == synthetic.trials[best["trial"]].value
    assert (best["test"], best["interval"]) == (0.022, [0.021, 0.0235])
    assert [(each["code"], each["studies"]) for each in found["notices"]] == [
        ("unconfirmed", [plain])
    ]
    assert found["comparable"] and found["leader"] is None


def test_what_is_not_comparable_is_named_with_its_reason(
    http: httpx.Client, house: House, seed: Seed
) -> None:
    plain = seed(count=6).study_id
    other = make_study(
        count=6,
        study_id="otherdata0001",
        spec=make_spec(
            "other",
            trials=6,
            split={"seed": 7},
            task={"kind": "denoise"},
            objective={"metric": "mae"},
        ),
    )
    other.dataset = make_dataset().model_copy(update={"data_hash": "e" * 64})
    seed_study(house.database, other)
    found = ask(http, plain, "otherdata0001")
    notices = {each["code"]: each["message"] for each in found["notices"]}
    assert notices.keys() == {"different-data", "different-objective", "different-task"}
    assert "divide or scale it differently" in notices["different-data"]
    assert "minimize mse, minimize mae" in notices["different-objective"]
    assert not found["comparable"] and found["leader"] is None


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "ids"),
        ("?ids=", 400, "not of 0"),
        ("?ids=one", 400, "2 to 8 studies, not of 1"),
        ("?ids=one&ids=one", 400, "not of 1"),
        ("?ids=" + ",".join("abcdefghi"), 400, "not of 9"),
        ("?ids=a%00b,c", 400, "no study's id"),
        ("?ids=nobody&ids=none", 404, "no study nobody, none"),
    ],
)
def test_refusals_name_the_field_and_the_remedy(
    http: httpx.Client, query: str, status: int, said: str
) -> None:
    answer = http.get(f"/v1/studies:compare{query}")
    assert answer.status_code == status
    problem = answer.json()
    assert said in problem["detail"]
    assert problem["remedy"] or problem["errors"]


def test_other_verbs_and_methods_stay_what_they_were(http: httpx.Client) -> None:
    assert http.post("/v1/studies:compare").status_code == 405
    assert http.get("/v1/studies:validate").status_code == 405
    assert http.get("/v1/studies/compare").status_code == 404


def test_the_client_compares(house: House, seed: Seed) -> None:
    ids = [seed(count=4).study_id, seed(count=5).study_id]
    with Client(house.url) as client:
        found = client.compare(ids)
        assert [study.id for study in found.studies] == ids
        with pytest.raises(ProblemError) as caught:
            client.compare([ids[0], "nobody"])
    assert caught.value.status == 404
