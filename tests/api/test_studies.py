"""Studies are submitted, checked, listed, steered and deleted."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest

from service.api.dependencies import STUDY_ID_PATTERN
from tests.api.house import MINIMAL, House, Seed


def test_the_minimal_spec_makes_a_queued_study(http: httpx.Client) -> None:
    answer = http.post("/v1/studies", json=MINIMAL)

    study = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/studies/{study['id']}"
    assert re.fullmatch(STUDY_ID_PATTERN, study["id"])
    assert study["state"] == "QUEUED"
    assert study["progress"]["trials"] == study["resolved"]["budget"]["trials"] == 40
    assert study["best"] is None
    assert {"hifitune", "torch", "numpy", "optuna", "python"} <= study["versions"].keys()
    assert http.get(answer.headers["location"]).json() == study


def test_yaml_and_json_say_the_same(http: httpx.Client) -> None:
    text = "name: x\ndataset: {name: digits}\nfamily: vae\nspace: {learning_rate: 1e-3}\n"
    yaml = http.post(
        "/v1/studies:validate", content=text, headers={"Content-Type": "application/yaml"}
    )
    spec = {**MINIMAL, "space": {"learning_rate": 0.001}}
    assert yaml.json() == http.post("/v1/studies:validate", json=spec).json()


def test_validate_resolves_warns_and_estimates_without_storing(http: httpx.Client) -> None:
    before = http.get("/v1/studies").json()
    spec = {**MINIMAL, "space": {"latent_dim": {"type": "int", "low": 2, "high": 64}}}

    answer = http.post("/v1/studies:validate", json=spec)

    body = answer.json()
    assert answer.status_code == 200
    assert body["resolved"]["parallel"]["cohort_size"] == 5
    assert "/space/latent_dim" in [warning["pointer"] for warning in body["warnings"]]
    assert body["estimate"]["trials"] == 40
    assert body["estimate"]["parameters_max"] > 1000
    assert body["data"]["shape"] == [8, 8]
    advice = {each["loss"]: each["fit"] for each in body["advice"]}
    assert set(advice) == set(http.get("/v1/catalog").json()["losses"])
    assert (advice["mse"], advice["bce"]) == ("good", "possible")
    assert http.get("/v1/studies").json() == before


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ({**MINIMAL, "family": "transformer"}, "/family"),
        ({**MINIMAL, "dataset": {"name": "imagenet"}}, "/dataset/name"),
        ({**MINIMAL, "dataset": {"kind": "npz", "path": "missing.npy"}}, "/dataset/path"),
        ({**MINIMAL, "dataset": {"kind": "npz", "path": "/etc/passwd"}}, "/dataset/path"),
        ({**MINIMAL, "dataset": {"kind": "idx", "images": "../../etc/passwd"}}, "/dataset/images"),
        ({**MINIMAL, "space": {"beta": {"type": "float", "low": 0.1, "high": 1}}}, "/space/beta"),
        ({**MINIMAL, "space": {"wings": 2}}, "/space/wings"),
        ({**MINIMAL, "split": {"order": "file", "resplit": 1}}, "/split/resplit"),
        ({**MINIMAL, "split": {"resplit": -1}}, "/split/resplit"),
        (
            {**MINIMAL, "split": {"order": "file"}, "selection": {"resplit": True}},
            "/selection/resplit",
        ),
        (
            {**MINIMAL, "sampler": {"type": "grid"},
             "space": {"learning_rate": {"type": "float", "low": 0.001, "high": 0.01}}},
            "/space/learning_rate",
        ),
    ],
)  # fmt: skip
def test_impossible_wishes_are_refused_with_a_pointer(
    http: httpx.Client, spec: dict[str, Any], pointer: str
) -> None:
    for path in ("/v1/studies", "/v1/studies:validate"):
        answer = http.post(path, json=spec)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        errors = answer.json()["errors"]
        assert pointer in [error["pointer"] for error in errors]
        assert all(error["reason"] and error["remedy"] for error in errors)


def test_a_file_under_a_configured_root_is_read_by_its_header(
    http: httpx.Client, house: House
) -> None:
    data_root = house.settings.data_roots[0]
    np.save(data_root / "grey.npy", np.zeros((200, 5, 4), np.uint8))
    spec = {**MINIMAL, "dataset": {"kind": "npz", "path": str(data_root / "grey.npy")}}
    assert http.post("/v1/studies:validate", json=spec).json()["data"] == {
        "samples": 200, "shape": [5, 4], "dtype": "uint8", "test_samples": None, "bytes": 4000,
        "kind": "image", "columns": [], "vocabulary": 0, "estimated": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/xml", "application/json; charset=latin-1"]
)
def test_other_media_types_are_refused(http: httpx.Client, media: str) -> None:
    answer = http.post("/v1/studies", content=json.dumps(MINIMAL), headers={"Content-Type": media})
    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:hifitune:problem:unsupported-media-type"


def test_a_body_above_the_cap_is_refused_by_its_length_or_as_it_comes(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    declared = http.post("/v1/studies", content=b" " * (2**20 + 1), headers=headers)
    chunks = (b" " * 65_536 for _ in range(17))
    chunked = http.post("/v1/studies", content=chunks, headers=headers)
    assert [declared.status_code, chunked.status_code] == [413, 413]


def test_the_same_key_and_body_give_the_first_answer(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "again-1"}
    first = http.post("/v1/studies", json=MINIMAL, headers=headers)
    second = http.post("/v1/studies", json=dict(reversed(MINIMAL.items())), headers=headers)

    assert [first.status_code, second.status_code] == [201, 201]
    assert first.headers["location"] == second.headers["location"]
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "other-1"}
    http.post("/v1/studies", json=MINIMAL, headers=headers)
    answer = http.post("/v1/studies", json={**MINIMAL, "seed": 1}, headers=headers)
    assert answer.status_code == 409


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_a_malformed_key_is_refused(http: httpx.Client, key: str) -> None:
    answer = http.post("/v1/studies", json=MINIMAL, headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/header/Idempotency-Key"


def test_a_race_of_fifty_makes_one_study(house: House) -> None:
    def post(number: int) -> tuple[int, str]:
        with httpx.Client(base_url=house.url, timeout=60, trust_env=False) as client:
            answer = client.post(
                "/v1/studies",
                json={**MINIMAL, "name": "raced"},
                headers={"Idempotency-Key": f"race-{number % 2}"},
            )
            return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(post, range(50)))

    assert {status for status, _ in answers} == {201}
    assert len({study_id for _, study_id in answers}) == 2
    with httpx.Client(base_url=house.url, trust_env=False) as client:
        assert len(client.get("/v1/studies", params={"name": "raced"}).json()["items"]) == 2


def test_lists_are_paged_filtered_and_ordered(http: httpx.Client) -> None:
    for name in ("page-b", "page-a", "page-c"):
        http.post("/v1/studies", json={**MINIMAL, "name": name, "family": "autoencoder"})
    params = {"name": "page-", "family": "autoencoder", "page_size": 2, "order_by": "name"}

    first = http.get("/v1/studies", params=params).json()
    rest = http.get("/v1/studies", params={**params, "page_token": first["next_page_token"]}).json()

    names = [study["name"] for study in first["items"] + rest["items"]]
    assert names == ["page-a", "page-b", "page-c"]
    assert rest["next_page_token"] is None
    newest = http.get("/v1/studies", params={"name": "page-"}).json()["items"]
    assert [study["name"] for study in newest] == ["page-c", "page-a", "page-b"]
    assert http.get("/v1/studies", params={"state": "FAILED"}).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("page_size=0", "/query/page_size"),
        ("page_size=many", "/query/page_size"),
        ("state=DREAMING", "/query/state"),
        ("order_by=seed", "/query/order_by"),
    ],
)
def test_bad_parameters_are_pointed_at(http: httpx.Client, query: str, pointer: str) -> None:
    answer = http.get(f"/v1/studies?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("token", ["x", "e30", "0", "a" * 1024])
def test_a_token_that_is_not_ours_is_refused(http: httpx.Client, token: str) -> None:
    assert http.get("/v1/studies", params={"page_token": token}).status_code == 400


def test_pause_resume_and_stop_say_what_is_wanted(http: httpx.Client) -> None:
    location = http.post("/v1/studies", json=MINIMAL).headers["location"]
    intents = [
        http.post(f"{location}:{verb}").json()["intent"]
        for verb in ("pause", "pause", "resume", "stop", "stop")
    ]
    assert intents == ["PAUSE", "PAUSE", "RUN", "STOP", "STOP"]
    assert http.post(f"{location}:resume").status_code == 409


def test_a_study_that_is_over_cannot_be_steered(http: httpx.Client, seed: Seed) -> None:
    study = f"/v1/studies/{seed(count=4).study_id}"
    for verb in ("pause", "resume", "stop"):
        answer = http.post(f"{study}:{verb}")
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:hifitune:problem:conflict"


def test_a_study_is_deleted_with_its_files_once_it_is_over(
    http: httpx.Client, seed: Seed, house: House
) -> None:
    live = seed(count=4, planned=8).study_id
    over = seed(count=4).study_id
    for study_id in (live, over):
        house.artifacts.put_bytes(f"studies/{study_id}/trials/0/checkpoint.safetensors", b"x")

    assert http.delete(f"/v1/studies/{live}").status_code == 409
    assert http.delete(f"/v1/studies/{over}").status_code == 204
    assert http.get(f"/v1/studies/{over}").status_code == 404
    assert http.delete(f"/v1/studies/{over}").status_code == 404
    assert house.artifacts.path(f"studies/{live}").exists()
    assert not house.artifacts.path(f"studies/{over}").exists()


def test_a_verb_is_not_an_id(http: httpx.Client) -> None:
    location = http.post("/v1/studies", json=MINIMAL).headers["location"]
    assert http.get(f"{location}:pause").status_code == 405
    assert http.post(f"{location}:fly").status_code == 404
    assert http.get("/v1/studies:validate").status_code == 405
