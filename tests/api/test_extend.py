"""Going on with a study over HTTP: what is asked, what is kept, what is refused."""

from typing import Any

import httpx
import pytest

from service.domain.spec import StudySpec
from service.domain.states import StudyState
from tests.api.house import House, Seed
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_study


def extend(http: httpx.Client, study_id: str, key: str | None = None, **body: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return http.post(f"/v1/studies/{study_id}:extend", json=body, headers=headers)


def test_a_complete_study_is_queued_again_and_its_result_is_kept(
    http: httpx.Client, seed: Seed
) -> None:
    study_id = seed(count=12).study_id
    before = http.get(f"/v1/studies/{study_id}").json()
    assert (before["state"], before["revision"]) == ("COMPLETE", 1)
    assert http.get(f"/v1/studies/{study_id}/revisions").json() == {"items": []}

    answer = extend(http, study_id, trials=8, seconds=30)
    assert answer.status_code == 200, answer.text
    study = answer.json()
    assert (study["state"], study["revision"]) == ("QUEUED", 2)
    assert study["progress"]["trials"] == 20
    assert study["resolved"]["parallel"] == before["resolved"]["parallel"]
    assert study == http.get(f"/v1/studies/{study_id}").json()
    (kept,) = http.get(f"/v1/studies/{study_id}/revisions").json()["items"]
    assert (kept["number"], kept["trials"]) == (1, 12)
    assert (kept["best_trial"], kept["best_value"]) == (
        before["best"]["trial"],
        before["best"]["value"],
    )
    assert kept["finished_at"] == before["finished_at"]


def test_entries_are_checked_against_the_study_and_written_as_params(
    http: httpx.Client, house: House, seed: Seed
) -> None:
    study_id = seed(count=4).study_id
    space = http.get(f"/v1/studies/{study_id}").json()["resolved"]["space"]
    name = next(name for name, entry in space.items() if isinstance(entry, dict))
    answer = extend(http, study_id, trials=2, enqueue=[{}, {name + "x": 1}])
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"/enqueue/1/{name}x"
    assert f"did you mean {name}" in error["remedy"]

    answer = extend(http, study_id, trials=2, enqueue=[{}, {}, {}])
    assert answer.json()["errors"][0]["reason"] == "there are 3 entries and 2 trials"
    answer = extend(http, study_id, trials=0)
    assert answer.json()["errors"][0]["pointer"] == "/trials"
    answer = extend(http, study_id, trials=2, trails=3)
    assert answer.json()["errors"][0]["remedy"] == "write `trials`, if that is meant"
    answer = extend(http, study_id, trials=100_000)
    assert answer.json()["errors"][0]["remedy"] == "ask for at most 99,996"
    assert http.get(f"/v1/studies/{study_id}").json()["state"] == "COMPLETE"


def test_a_key_extends_once(http: httpx.Client, seed: Seed) -> None:
    study_id = seed(count=4).study_id
    first = extend(http, study_id, "again", trials=2)
    second = extend(http, study_id, "again", trials=2)
    assert first.status_code == second.status_code == 200
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json() == second.json()
    other = extend(http, study_id, "again", trials=3)
    assert other.status_code == 409 and "another body" in other.json()["detail"]
    assert extend(http, study_id, trials=2).status_code == 409


def test_what_cannot_go_on_says_why_and_what_to_do(
    http: httpx.Client, house: House, seed: Seed
) -> None:
    running = seed(count=4, running=2)
    answer = extend(http, running.study_id, trials=2)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("the study is RUNNING")
    assert answer.json()["remedy"] == "wait until it is COMPLETE"
    running.transition(StudyState.STOPPED)
    answer = extend(http, running.study_id, trials=2)
    assert answer.status_code == 409 and "warm_start" in answer.json()["remedy"]
    assert extend(http, "nosuchstudy", trials=2).status_code == 404


def test_a_grid_has_no_further_cells(http: httpx.Client, house: House) -> None:
    space = {"hidden_width": {"type": "categorical", "choices": [16, 32, 64, 128]}}
    wish = {"name": "x", "dataset": {"name": "digits"}, "family": "vae", "space": space}
    spec = StudySpec.model_validate(wish | {"sampler": {"type": "grid"}})
    seed_study(house.database, make_study(count=4, spec=spec, study_id="seededgrid"))
    answer = extend(http, "seededgrid", trials=2)
    assert answer.status_code == 409
    assert "grid" in answer.json()["detail"]
    assert "another sampler" in answer.json()["remedy"]


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_a_posted_study_may_say_what_to_try_first(http: httpx.Client, sampler: str) -> None:
    space = {"latent_dim": {"type": "int", "low": 4, "high": 8}}
    entry = {"latent_dim": 8}
    body = {"name": "x", "dataset": {"name": "digits"}, "family": "autoencoder", "space": space}
    body |= {"sampler": {"type": sampler}, "enqueue": [entry]}
    answer = http.post("/v1/studies", json=body)
    if sampler == "random":
        assert answer.json()["resolved"]["enqueue"] == [entry]
    else:
        assert answer.json()["errors"][0]["pointer"] == "/enqueue"
