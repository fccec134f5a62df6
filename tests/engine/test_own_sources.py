"""A study of a family of one's own trains what it was submitted with, or fails and says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain.model import content_hash
from service.domain.resolve import resolve
from service.domain.spec import StudySpec
from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from service.sources import header_of
from service.storage.database import Database
from service.storage.migration import migrate
from service.storage.studies import StudyRepository
from tests.engine.harness import House
from tests.own_family import MINE
from trainers import registry


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    registry.use_sources([f"{path}:Mine"])
    yield path
    registry.use_sources([])


def test_a_file_that_was_edited_since_the_study_was_submitted_is_not_trained(
    tmp_path: Path, source: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(tmp_path, database)
    spec = StudySpec.model_validate(
        {
            "name": "own",
            "dataset": {"name": "digits", "limit": 300},
            "family": "mine",
            "training": {"epochs": 2},
            "pruner": {"type": "none"},
            "budget": {"trials": 1},
            "selection": {"top_k": 0},
        }
    )
    resolved = resolve(spec, registry.catalog(), header_of(spec, [tmp_path]))

    def submit(name: str) -> None:
        with database.transaction() as session:
            StudyRepository(session).create(
                name,
                spec,
                resolved,
                content_hash(spec.model_dump(mode="json")),
                [],
                registry.fingerprints(),
            )

    submit("before")
    assert house.run("before", InProcessExecutor()).state == StudyState.COMPLETE
    submit("after")  # not sooner: one supervisor would have trained both before the edit
    source.write_text(MINE.replace("1.0", "1000.0"))
    registry.use_sources([])  # as in a worker, which looks at the file itself
    registry.use_sources([f"{source}:Mine"])
    failed = house.run("after", InProcessExecutor())
    database.close()
    assert failed.state == StudyState.FAILED
    assert failed.failure is not None
    assert "it has changed since" in failed.failure.message
