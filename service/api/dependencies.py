"""What routes are given: the composition root puts it on the app, routes ask for it by type."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from starlette.convertors import Convertor, register_url_convertor

from service.api.dataset_details import list_entries, read_detail
from service.api.feeds import Feeds
from service.api.many_feeds import ManyFeeds
from service.api.stored_samples import StoredSamples as StoredSamples
from service.api.stored_samples import read_stored_samples as read_stored_samples
from service.api.uploads import UploadDesk
from service.artifacts import ArtifactStore
from service.domain.advice import advise_stored
from service.domain.catalog import Catalog
from service.domain.comparison import Comparison, read_ids
from service.domain.records import DatasetDetail, DatasetPage, Study, Trial
from service.domain.uploads import Origin
from service.errors import NotFound
from service.exports.csv_text import write_csv
from service.exports.exporter import Exporter
from service.exports.pictures import PictureDesk
from service.storage.comparisons import ComparisonRepository
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.overviews import OverviewRepository
from service.storage.revisions import RevisionRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository
from service.storage.uploads import UploadRepository
from service.storage.watching import WatchRepository

STUDY_ID_PATTERN = "[0-9A-Za-z][0-9A-Za-z_-]{0,63}"
"""Has no colon and no dot: `/studies/abc:pause` can only be the verb `pause` of `abc`."""


@dataclass(frozen=True)
class Container:
    """Everything that the routes share; made once by `service.main.create_app`."""

    database: Database
    artifacts: ArtifactStore
    catalog: Catalog
    feeds: Feeds
    many_feeds: ManyFeeds
    data_roots: Sequence[FilePath]
    data_dir: FilePath
    """Its disk must have room: database, data store and artifacts lie in it."""
    data_store: FilePath
    """Root of the ingested data sets."""
    versions: Mapping[str, str]
    """Of what a result may depend on; stored with every study."""
    uploads: UploadDesk
    exporter: Exporter
    pictures: PictureDesk
    max_body_bytes: int = 1_048_576
    engine_alive: Callable[[], bool] | None = None
    """Where this process looks after an engine: whether it runs."""


class _StudyIdConvertor(Convertor[str]):
    regex = STUDY_ID_PATTERN

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


# `{study_id:study}` in a route: an id of another shape is a 404 of the router itself, and
# `GET /studies/abc:pause` a 405. Starlette keeps convertors in a global table.
register_url_convertor("study", _StudyIdConvertor())


def get_container(request: Request) -> Container:
    """The app's container."""
    container = request.app.state.container
    assert isinstance(container, Container)
    return container


ContainerDependency = Annotated[Container, Depends(get_container)]


def get_database(container: ContainerDependency) -> Database:
    """The database."""
    return container.database


def get_artifacts(container: ContainerDependency) -> ArtifactStore:
    """The artifact store."""
    return container.artifacts


def get_catalog(container: ContainerDependency) -> Catalog:
    """The catalog of families, metrics and strategies."""
    return container.catalog


@dataclass(frozen=True)
class Records:
    """The repositories over one consistent snapshot, for pages that read many of them."""

    studies: StudyRepository
    trials: TrialRepository
    overviews: OverviewRepository
    datasets: DatasetRepository
    uploads: UploadRepository
    analyses: AnalysisRepository
    decisions: DecisionRepository
    revisions: RevisionRepository
    comparisons: ComparisonRepository
    watch: WatchRepository


@contextmanager
def read_records(database: Database) -> Iterator[Records]:
    """One snapshot to read from. Raises Unavailable."""
    with database.read() as session:
        yield Records(
            studies=StudyRepository(session),
            trials=TrialRepository(session),
            overviews=OverviewRepository(session),
            datasets=DatasetRepository(session),
            uploads=UploadRepository(session),
            analyses=AnalysisRepository(session),
            decisions=DecisionRepository(session),
            revisions=RevisionRepository(session),
            comparisons=ComparisonRepository(session),
            watch=WatchRepository(session),
        )


DatabaseDependency = Annotated[Database, Depends(get_database)]
ArtifactsDependency = Annotated[ArtifactStore, Depends(get_artifacts)]
CatalogDependency = Annotated[Catalog, Depends(get_catalog)]

StudyId = Annotated[
    str,
    Path(
        description="The study's id.",
        pattern=f"^{STUDY_ID_PATTERN}$",
        examples=["01k7x2m8qv4e9wz3tbn5ha6rcd"],
    ),
]
TrialNumber = Annotated[int, Path(ge=0, le=999_999, description="Counts from 0.", examples=[7])]


def find_study(study_id: StudyId, database: DatabaseDependency) -> Study:
    """The study of the path. Raises NotFound."""
    with database.read() as session:
        study = StudyRepository(session).get(study_id)
    if study is None:
        raise NotFound("there is no such study", "list the studies with GET /v1/studies")
    return study


StudyDependency = Annotated[Study, Depends(find_study)]


def find_trial(study: StudyDependency, number: TrialNumber, database: DatabaseDependency) -> Trial:
    """The trial of the path. Raises NotFound."""
    with database.read() as session:
        trial = TrialRepository(session).get(study.id, number)
    if trial is None:
        raise NotFound(
            "the study has no such trial", f"list its trials with GET /v1/studies/{study.id}/trials"
        )
    return trial


TrialDependency = Annotated[Trial, Depends(find_trial)]

ComparedIds = Annotated[
    list[str],
    Query(
        description="Two to eight ids of studies: repeated (`ids=A&ids=B`), or between commas.",
        examples=[["01k7x2m8qv4e9wz3tbn5ha6rcd", "01k7x2m8qv4e9wz3tbn5ha6rce"]],
        max_length=64,
    ),
]


def find_comparison(ids: ComparedIds, database: DatabaseDependency) -> Comparison:
    """The comparison that the query asks for. Raises InvalidRequest, NotFound."""
    chosen = read_ids(ids)
    with read_records(database) as records:
        return records.comparisons.compare(chosen)


ComparisonDependency = Annotated[Comparison, Depends(find_comparison)]

DatasetId = Annotated[
    str,
    Path(
        description="Of an uploaded data set (`ds-...`), the name of a built-in one, or the hash "
        "of one in the store.",
        pattern=f"^{STUDY_ID_PATTERN}$",
        examples=["digits"],
    ),
]


def find_dataset(dataset_id: DatasetId, container: ContainerDependency) -> DatasetDetail:
    """The data set of the path. Raises NotFound."""
    detail = read_detail(
        dataset_id, container.database, container.catalog, container.uploads.inspector
    )
    if not detail.divisions:
        return detail
    advice = advise_stored(detail.divisions[0], container.catalog.losses.values())
    return detail.model_copy(update={"advice": advice})


DatasetDependency = Annotated[DatasetDetail, Depends(find_dataset)]


def page_of_datasets(
    container: Container, page_size: int, page_token: str | None, origin: Origin | None
) -> DatasetPage:
    """Built-in data sets on the first page, then uploads and stored ones, newest first."""
    return list_entries(container.database, container.catalog, page_size, page_token, origin)


def table_as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A table as RFC 4180 that no spreadsheet executes, in UTF-8."""
    text = io.StringIO(newline="")
    write_csv(text, columns, rows)
    return text.getvalue().encode(errors="backslashreplace")
