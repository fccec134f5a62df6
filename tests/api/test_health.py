"""Liveness and readiness."""

import pytest
from starlette.testclient import TestClient

from service.main import create_app
from service.settings import Settings
from service.storage.migration import downgrade, migrate

URL = "http://127.0.0.1"


@pytest.fixture
def settings(sqlite_url: str, tmp_path) -> Settings:  # type: ignore[no-untyped-def]
    return Settings(data_dir=tmp_path, database_url=sqlite_url)


def test_a_migrated_house_is_ready(settings: Settings) -> None:
    answer = TestClient(create_app(settings), base_url=URL).get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"database": "ok", "disk": "ok"}}


def test_an_old_schema_is_not_ready_but_alive(settings: Settings) -> None:
    downgrade(settings.database_url, "base")
    client = TestClient(create_app(settings), base_url=URL)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "hifitune migrate" in answer.json()["remedy"]
    assert client.get("/livez").status_code == 200
    migrate(settings.database_url)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("alive", "status"), [(True, 200), (False, 503)])
def test_readiness_answers_for_the_engine(settings: Settings, alive: bool, status: int) -> None:
    app = create_app(settings, engine_alive=lambda: alive)
    assert TestClient(app, base_url=URL).get("/readyz").status_code == status


def test_a_full_disk_is_not_ready(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.health.LEAST_FREE_BYTES", 2**62)
    answer = TestClient(create_app(settings), base_url=URL).get("/readyz")
    assert answer.status_code == 507
