"""Trials and their epochs."""

import httpx
import pytest

from tests.api.house import Seed


def test_trials_are_paged_filtered_and_ordered(http: httpx.Client, seed: Seed) -> None:
    study = f"/v1/studies/{seed(count=20, running=2, planned=30).study_id}"
    numbers: list[int] = []
    params: dict[str, str | int] = {"page_size": 8}
    while True:
        page = http.get(f"{study}/trials", params=params).json()
        numbers += [trial["number"] for trial in page["items"]]
        if page["next_page_token"] is None:
            break
        params["page_token"] = page["next_page_token"]
    running = http.get(f"{study}/trials?state=RUNNING&state=QUEUED").json()["items"]
    by_value = http.get(f"{study}/trials?order_by=value&state=COMPLETE").json()["items"]

    assert numbers == list(range(22))
    assert [trial["number"] for trial in running] == [20, 21]
    values = [trial["value"] for trial in by_value]
    assert values == sorted(values)
    assert http.get(study).json()["best"]["trial"] == by_value[0]["number"]


def test_a_trial_shows_what_the_contract_promises(http: httpx.Client, seed: Seed) -> None:
    study_id = seed(count=4).study_id
    trial = http.get(f"/v1/studies/{study_id}/trials/0").json()

    promised = {"number", "state", "params", "value", "metrics", "verdict", "seed", "attempt"}
    assert promised | {"failure", "created_at", "started_at", "finished_at"} <= trial.keys()
    assert trial["metrics"].keys() == {"train", "validation"}
    assert trial["metrics"]["validation"]["mse"] == trial["value"]


def test_epochs_come_in_order_and_in_pages(http: httpx.Client, seed: Seed) -> None:
    path = f"/v1/studies/{seed(count=4).study_id}/trials/0/epochs"
    first = http.get(path, params={"page_size": 12}).json()
    rest = http.get(path, params={"page_token": first["next_page_token"]}).json()

    epochs = first["items"] + rest["items"]
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 21))
    assert rest["next_page_token"] is None
    expected = {"epoch", "train", "validation", "effective_beta", "learning_rate",
                "gradient_norm", "seconds"}  # fmt: skip
    assert epochs[0].keys() == expected


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_config_of_any_trial_can_be_posted_back(
    http: httpx.Client, seed: Seed, form: str
) -> None:
    study = f"/v1/studies/{seed(count=20, running=2, planned=30).study_id}"
    trials = http.get(f"{study}/trials").json()["items"]
    one_of_each = {trial["state"]: trial for trial in trials}
    assert {"COMPLETE", "PRUNED", "RUNNING"} <= one_of_each.keys()
    for trial in one_of_each.values():
        config = http.get(f"{study}/trials/{trial['number']}/config?format={form}")
        again = http.post(
            "/v1/studies",
            content=config.content,
            headers={"Content-Type": config.headers["content-type"]},
        )
        assert again.status_code == 201, again.text
        assert again.json()["spec"]["trial_seed"] == trial["seed"]
        assert again.json()["resolved"]["space"].items() >= trial["params"].items()
        assert again.json()["progress"]["trials"] == 1


def test_the_config_of_the_best_trial_is_that_of_best(http: httpx.Client, seed: Seed) -> None:
    study = f"/v1/studies/{seed(count=10, planned=12).study_id}"
    number = http.get(f"{study}/best").json()["trial"]
    best = http.get(f"{study}/best/config")
    assert http.get(f"{study}/trials/{number}/config").content == best.content


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("trials/99", 404),
        ("trials/99/epochs", 404),
        ("trials/99/config", 404),
        ("trials/0/config?format=xml", 400),
        ("trials/99999999999999999999", 404),
        ("trials/-1", 404),
        ("trials/one", 404),
        ("trials?state=FLYING", 400),
        ("trials?order_by=mood", 400),
        ("trials?page_size=1001", 400),
        ("trials?page_token=x", 400),
        ("trials/0/epochs?page_token=-1", 400),
    ],
)
def test_what_is_not_there_or_not_meant_is_said_so(
    http: httpx.Client, seed: Seed, path: str, status: int
) -> None:
    answer = http.get(f"/v1/studies/{seed(count=1, planned=2).study_id}/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["", "/trials", "/trials/0", "/trials/0/epochs", "/best", "/events"]
)
def test_an_unknown_study_is_not_found(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/v1/studies/unknown{path}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:hifitune:problem:not-found"
