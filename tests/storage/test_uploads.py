from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from service.domain.records import DataHeader, Upload
from service.domain.states import Intent
from service.errors import Conflict, NotFound
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.migration import downgrade, migrate
from service.storage.shelves import ShelfRepository
from service.storage.studies import StudyRepository
from service.storage.uploads import UploadRepository
from tests.storage.driving import create_study
from tests.storage.racing import race
from tests.storage.test_datasets import make_dataset


def make_upload(**fields: Any) -> Upload:
    return Upload.model_validate(
        {
            "id": "ds-1",
            "name": "faces",
            "sha256": "a" * 64,
            "bytes": 1000,
            "source": {"kind": "npz"},
            "header": DataHeader(samples=9, shape=[4], dtype="uint8", bytes=36),
            "data_hash": "d" * 64,
            "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        }
        | fields
    )


def add_upload(database: Database, **fields: Any) -> Upload:
    with database.transaction() as session:
        DatasetRepository(session).put(make_dataset())
        return UploadRepository(session).add(make_upload(**fields), lambda: None)[0]


def test_an_upload_is_read_back_as_it_was_added(database: Database) -> None:
    added = add_upload(database)
    with database.read() as session:
        assert UploadRepository(session).get("ds-1") == added
        assert UploadRepository(session).names(["ds-1", "ds-2"]) == {"ds-1": "faces"}
    assert added == make_upload(created_at=added.created_at)


def test_adding_it_again_changes_nothing_and_publishes_nothing(database: Database) -> None:
    first = add_upload(database)
    published: list[str] = []
    with database.transaction() as session:
        again, new = UploadRepository(session).add(
            make_upload(name="another"), lambda: published.append("again")
        )
    assert (again, new, published) == (first, False, [])


def test_a_file_that_cannot_be_published_leaves_no_row(database: Database) -> None:
    def publish() -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"), database.transaction() as session:
        DatasetRepository(session).put(make_dataset())
        UploadRepository(session).add(make_upload(), publish)
    with database.read() as session:
        assert UploadRepository(session).get("ds-1") is None


def test_one_of_many_adders_publishes(database: Database) -> None:
    published: list[int] = []
    with database.transaction() as session:
        DatasetRepository(session).put(make_dataset())

    def add(number: int) -> bool:
        with database.transaction() as session:
            return UploadRepository(session).add(make_upload(), lambda: published.append(number))[1]

    assert sorted(race(6, add)) == [False] * 5 + [True]
    assert len(published) == 1


def test_a_study_needs_an_upload_that_is_there(database: Database) -> None:
    with pytest.raises(NotFound):
        create_study(database, "s1", dataset={"id": "ds-1"})


def test_an_upload_is_deleted_when_no_study_under_way_uses_it(database: Database) -> None:
    add_upload(database)
    create_study(database, "s1", dataset={"id": "ds-1"})
    with pytest.raises(Conflict, match="a study"), database.transaction() as session:
        UploadRepository(session).delete("ds-1")
    with database.transaction() as session:
        StudyRepository(session).set_intent("s1", Intent.STOP)
        assert UploadRepository(session).delete("ds-1") == "d" * 64
    with database.read() as session:
        assert UploadRepository(session).get("ds-1") is None


def test_what_an_upload_refers_to_is_kept(database: Database) -> None:
    add_upload(database)
    with database.transaction() as session:
        assert DatasetRepository(session).discard("d" * 64) is None


def test_what_nothing_refers_to_goes(database: Database) -> None:
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        datasets.put(make_dataset())
        assert datasets.discard("d" * 64) == "datasets/d"
        assert datasets.get("d" * 64) is None


def test_openings_of_the_test_part_are_remembered_without_the_files(database: Database) -> None:
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        datasets.put(make_dataset())
        datasets.add_opening("d" * 64)
        assert datasets.discard("d" * 64) == "datasets/d"
        found = datasets.get("d" * 64)
    assert found is not None
    assert found.test_openings == 1


def test_the_bytes_of_all_uploads_are_summed(database: Database) -> None:
    with database.read() as session:
        assert UploadRepository(session).total_bytes() == 0
    add_upload(database)
    add_upload(database, id="ds-2", bytes=2**40)
    with database.read() as session:
        assert UploadRepository(session).total_bytes() == 2**40 + 1000


def test_studies_of_the_first_version_keep_the_name_of_their_data(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url)
    create_study(database, "s1")
    downgrade(empty_url, "0001")
    migrate(empty_url)
    with database.read() as session:
        named = session.execute(text("SELECT dataset_id FROM studies")).scalar_one()
        entry = ShelfRepository(session).built_in_entry("digits", "")
    database.close()
    assert (named, entry.studies) == ("digits", 1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.database)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite3"
    url: str = request.getfixturevalue("postgres").new_database()
    return url
