"""What there is to say of one data set: entry, preview, divisions, studies; the list of them."""

from service.api.inspection import Inspector
from service.domain.catalog import Catalog, Choice
from service.domain.datasets import BuiltInDataset
from service.domain.records import Dataset, DatasetDetail, DatasetPage, DatasetPreview
from service.domain.uploads import Origin
from service.errors import DataError
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.shelves import ShelfRepository, default_key
from service.storage.uploads import UploadRepository, missing_upload
from trainers.data.errors import UnreadableData


def list_entries(
    database: Database,
    catalog: Catalog,
    page_size: int,
    page_token: str | None,
    origin: Origin | None,
) -> DatasetPage:
    """Built-in data sets on the first page, then uploads and stored ones, newest first."""
    with database.read() as session:
        shelves = ShelfRepository(session)
        items = []
        if page_token is None and origin in (None, "built-in"):
            items = [
                shelves.built_in_entry(choice.name, choice.description)
                for choice in catalog.datasets
            ]
        found, token = shelves.page(page_size, page_token, origin)
    return DatasetPage(items=[*items, *found], next_page_token=token)


def read_detail(
    dataset_id: str, database: Database, catalog: Catalog, inspector: Inspector
) -> DatasetDetail:
    """One data set. What nobody has looked into yet is looked into now, and remembered.

    Raises NotFound; Unavailable when too many are being looked into.
    """
    for choice in catalog.datasets:
        if choice.name == dataset_id:
            return _built_in(choice, database, inspector)
    with database.read() as session:
        upload = UploadRepository(session).get(dataset_id)
        stored = DatasetRepository(session).get(dataset_id) if upload is None else None
    if upload is not None:
        preview = _preview_of(upload.data_hash, database, inspector)
        with database.read() as session:
            shelves = ShelfRepository(session)
            return DatasetDetail(
                entry=shelves.upload_entry(dataset_id),
                use={"id": dataset_id},
                sha256=upload.sha256,
                source=upload.source,
                preview=preview,
                divisions=shelves.divisions(dataset_id, upload.data_hash),
                studies=shelves.studies(dataset_id),
            )
    if stored is None:
        raise missing_upload()
    preview = _preview_of(dataset_id, database, inspector)
    with database.read() as session:
        shelves = ShelfRepository(session)
        return DatasetDetail(
            entry=shelves.store_entry(dataset_id),
            use=None,
            sha256=None,
            source=None,
            preview=preview,
            divisions=[shelves.unsealed(stored)],
            studies=shelves.studies(dataset_id),
        )


def _built_in(choice: Choice, database: Database, inspector: Inspector) -> DatasetDetail:
    name = choice.name
    with database.read() as session:
        stored = DatasetRepository(session).by_key(default_key(name))
    if stored is None:
        stored = _bring_in(name, database, inspector)
    preview = _preview_of(stored.data_hash, database, inspector)
    with database.read() as session:
        shelves = ShelfRepository(session)
        return DatasetDetail(
            entry=shelves.built_in_entry(name, choice.description),
            use={"name": name},
            sha256=None,
            source=None,
            preview=preview,
            divisions=shelves.divisions(name, stored.data_hash),
            studies=shelves.studies(name),
        )


def _bring_in(name: str, database: Database, inspector: Inspector) -> Dataset:
    """A built-in data set with the default split: ingested once, then known by its key."""
    try:
        found = inspector.ingest(BuiltInDataset(name=name), [])
    except UnreadableData as error:
        raise DataError(error.reason, error.remedy) from None
    with database.transaction() as session:
        datasets = DatasetRepository(session)
        stored = datasets.put(found.dataset)
        datasets.put_preview(stored.data_hash, found.preview)
        datasets.put_key(default_key(name), stored.data_hash)
    return stored


def _preview_of(data_hash: str, database: Database, inspector: Inspector) -> DatasetPreview | None:
    with database.read() as session:
        datasets = DatasetRepository(session)
        stored, preview = datasets.get(data_hash), datasets.preview(data_hash)
    if preview is not None or stored is None:
        return preview
    try:
        preview = inspector.preview(stored)
    except UnreadableData:
        return None  # a page without pictures is better than none
    if preview is not None:
        with database.transaction() as session:
            DatasetRepository(session).put_preview(data_hash, preview)
    return preview
