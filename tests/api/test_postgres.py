"""The same API over PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from service.client.stream import read_messages
from service.commands.listening import listen
from service.commands.server import Service
from service.settings import Settings
from service.storage.database import Database
from tests.api.house import MINIMAL
from tests.api.upload_house import npy
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_study

pytestmark = pytest.mark.database


@pytest.fixture
def http(postgres_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    settings = Settings(data_dir=tmp_path, database_url=postgres_url, poll_seconds=0.05)
    with (
        Service(settings, listen(settings.host, 0), with_engine=False) as service,
        httpx.Client(base_url=service.url, timeout=30, trust_env=False) as client,
    ):
        yield client


def test_a_race_makes_one_study(http: httpx.Client) -> None:
    def post(_: int) -> tuple[int, str]:
        answer = http.post("/v1/studies", json=MINIMAL, headers={"Idempotency-Key": "race"})
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(post, range(30)))) == 1
    assert len(http.get("/v1/studies").json()["items"]) == 1


def test_a_whole_study_is_read(http: httpx.Client, postgres_url: str) -> None:
    database = Database(postgres_url)
    study_id = seed_study(database, make_study(count=12)).study_id
    database.close()

    assert http.get("/readyz").status_code == 200
    assert http.get(f"/v1/studies/{study_id}/best").json()["metrics"]["test"] is None
    assert len(http.get(f"/v1/studies/{study_id}/trials").json()["items"]) == 12
    newest = http.get(f"/v1/studies/{study_id}").json()["event"]
    with http.stream("GET", f"/v1/studies/{study_id}/events") as response:
        messages = list(read_messages(response.iter_lines()))
    assert [message.id for message in messages[:-1]] == [str(i + 1) for i in range(newest)]
    assert messages[-1].event == "end"


def test_a_race_of_uploads_studies_and_deletions_leaves_no_half_data_set(
    http: httpx.Client, tmp_path: Path
) -> None:
    def act(number: int) -> int:
        sent = http.post("/v1/datasets", params={"name": f"number {number}"}, content=npy(4))
        assert sent.status_code in (200, 201, 503), sent.text
        upload = sent.json().get("id", "ds-none")
        if number % 2:
            return http.delete(f"/v1/datasets/{upload}").status_code
        study = {**MINIMAL, "family": "autoencoder", "dataset": {"id": upload}}
        return http.post("/v1/studies", json=study).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(act, range(6)))
    assert set(statuses) <= {201, 204, 404, 409, 422}
    named = {entry["id"] for entry in http.get("/v1/datasets?origin=upload").json()["items"]}
    kept = {path.name for path in (tmp_path / "uploads").iterdir() if path.name != ".lock"}
    assert {name for name in kept if not name.startswith(".")} == named
    in_use = {study["spec"]["dataset"]["id"] for study in http.get("/v1/studies").json()["items"]}
    assert in_use <= named
    for upload in named:
        detail = http.get(f"/v1/datasets/{upload}").json()
        assert detail["preview"]["images"], "its folder of the store is there"
