"""A real server on a free port over SQLite, without an engine: studies are put into states."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from service.artifacts import FilesystemArtifacts
from service.commands.listening import listen
from service.commands.server import Service
from service.settings import Settings
from service.storage.database import Database
from tests.dashboards.seeding import Seeded, seed_study
from tests.dashboards.synthetic import make_study

MINIMAL: dict[str, Any] = {"name": "x", "dataset": {"name": "digits"}, "family": "vae"}


@dataclass(frozen=True)
class House:
    """A running server, and what lies behind it."""

    url: str
    settings: Settings
    database: Database
    artifacts: FilesystemArtifacts


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("house"),
        port=0,
        data_roots=(tmp_path_factory.mktemp("roots"),),
        poll_seconds=0.05,
        heartbeat_seconds=0.4,
    )
    with Service(settings, listen(settings.host, 0), with_engine=False) as service:
        database = Database(settings.database_url)
        yield House(service.url, settings, database, FilesystemArtifacts(settings.artifact_root))
        database.close()


@pytest.fixture
def http(house: House) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.url, timeout=20, trust_env=False) as client:
        yield client


Seed = Callable[..., Seeded]

_numbers = itertools.count()


@pytest.fixture
def seed(house: House) -> Seed:
    """Write a synthetic study; arguments of tests.dashboards.synthetic.make_study."""

    def write(**options: Any) -> Seeded:
        study_id = f"seeded{next(_numbers):04}"
        return seed_study(house.database, make_study(study_id=study_id, **options))

    return write
