"""The answer of a confirmed study over REST: its model is a repetition, and repeats exactly."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.migration import migrate
from tests.dashboards.test_routes import serve
from tests.engine.harness import SMALL, House

SPEC: dict[str, Any] = {
    **SMALL,
    "family": "vae",
    "budget": {"trials": 4},
    "training": {"epochs": 4},
    "selection": {"top_k": 2, "seeds": 3},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    url = f"sqlite:///{folder / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(folder, database)
    house.submit("s", SPEC)
    assert house.run("s", InProcessExecutor(1)).state is StudyState.COMPLETE
    yield house
    database.close()


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    url = house.database.url.render_as_string(hide_password=False)
    with serve(url, house.folder) as client:
        yield client


def test_the_answer_says_how_far_to_trust_it(client: TestClient) -> None:
    best = client.get("/v1/studies/s/best").json()
    found = best["selection"]
    assert found["kind"] == "confirmed"
    assert found["mean"] == pytest.approx(sum(found["values"]) / 3)
    assert best["objective"]["value"] == sorted(found["values"])[1]
    assert found["seed_optimism"] == pytest.approx(found["mean"] - found["search"])
    assert found["split_optimism"] == pytest.approx(best["metrics"]["test"]["mse"] - found["mean"])
    assert found["test_openings"] == 1
    assert "fresh seeds" in found["note"]
    listed = client.get("/v1/studies").json()["items"]
    assert [study["id"] for study in listed] == ["s"]
    assert listed[0]["best"]["value"] == found["mean"]
    assert listed[0]["best"]["seeds"] == 3
    parts = client.get("/v1/studies", params={"parent": "s"}).json()["items"]
    assert [part["id"] for part in parts] == found["confirmations"]
    model = client.get(best["links"]["model_trial"]).json()
    assert (model["value"], model["seed"]) == (best["objective"]["value"], best["seed"])


def test_checkpoint_and_model_are_those_of_the_repetition(client: TestClient) -> None:
    best = client.get("/v1/studies/s/best").json()
    weights = client.get("/v1/studies/s/best/checkpoint")
    assert weights.headers["etag"] == f'"{hashlib.sha256(weights.content).hexdigest()}"'
    with zipfile.ZipFile(io.BytesIO(client.get("/v1/studies/s/best/model").content)) as packed:
        config = json.loads(packed.read("config.json"))
        assert packed.read("weights.safetensors") == weights.content
    assert config["seed"] == best["seed"]
    assert config["metrics"]["validation"] == best["metrics"]["validation"]


def test_its_config_trains_the_same_model_again(client: TestClient, house: House) -> None:
    best = client.get("/v1/studies/s/best").json()
    spec = client.get("/v1/studies/s/best/config").json()
    assert spec["trial_seed"] == best["seed"]
    house.submit("again", spec)
    study = house.run("again", InProcessExecutor(1))
    assert study.best is not None
    assert study.best.value == best["objective"]["value"]
    checkpoints = [client.get(f"/v1/studies/{name}/best/checkpoint") for name in ("s", "again")]
    assert checkpoints[0].content == checkpoints[1].content


def test_a_part_cannot_be_steered_over_rest(client: TestClient) -> None:
    [part] = client.get("/v1/studies", params={"parent": "s"}).json()["items"]
    refused = client.delete(f"/v1/studies/{part['id']}")
    assert refused.status_code == 409
    assert "part of it" in refused.json()["detail"]


def test_another_study_begins_with_what_this_one_confirmed(
    client: TestClient, house: House
) -> None:
    wish = {**SPEC, "name": "warm", "warm_start": {"studies": ["s"]}, "budget": {"trials": 20}}
    resolved = client.post("/v1/studies:validate", json=wish).json()["resolved"]
    best = client.get("/v1/studies/s/best").json()
    assert resolved["enqueue"][0] == best["params"]
    assert len(resolved["enqueue"]) == 2
    ulid = {**wish, "warm_start": {"studies": ["01k7x2m8qv4e9wz3tbn5ha6rcd"]}}
    refused = client.post("/v1/studies:validate", json=ulid).json()
    assert refused["errors"][0]["pointer"] == "/warm_start/studies/0"
    assert "there is no study 01k7" in refused["errors"][0]["reason"]
