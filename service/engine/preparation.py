"""The first step of a study: its data set goes into the store, off the tick thread."""

import errno
from concurrent.futures import Future

from service.domain.datasets import UploadedDataset
from service.domain.linter import lint_data
from service.domain.loss_checks import say_impossible
from service.domain.records import Dataset, Failure
from service.domain.states import StudyState
from service.engine.context import StudyContext
from service.engine.ingestion import ingest_dataset
from service.sources import located
from service.storage.datasets import DatasetRepository
from service.storage.studies import StudyRepository
from service.storage.uploads import UploadRepository
from trainers.data.errors import UnreadableData

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

REMEDY = "the result before the extension stands; to search the data as they are,"


class Preparation:
    """Brings in the data set and checks that it is still the one the study began with."""

    def __init__(self, context: StudyContext) -> None:
        self._context = context
        self._ingestion: Future[Dataset] | None = None

    def tick(self) -> bool:
        """Whether the data set is there; fails the study when it cannot be had."""
        context = self._context
        if context.dataset is not None:
            return True
        if self._ingestion is None:
            if context.study.state is StudyState.QUEUED:
                context.transition(StudyState.RUNNING)
            self._ingestion = context.resources.pool.submit(self._ingest)
        if not self._ingestion.done():
            return False
        try:
            dataset = self._ingestion.result()
        except UnreadableData as error:
            context.fail(Failure(kind="data", message=str(error)))
            return False
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._ingestion = None
            context.pause_because(Failure(kind="storage-full", message=str(error)))
            return False
        return self._adopt(dataset)

    def _ingest(self) -> Dataset:
        resources, spec = self._context.resources, self._context.study.resolved
        upload = None
        if isinstance(spec.dataset, UploadedDataset):
            with resources.database.read() as session:
                upload = UploadRepository(session).get(spec.dataset.id)
        located_spec, roots = located(spec, upload, resources.data_roots, resources.upload_root)
        return ingest_dataset(located_spec, roots, resources.data_store)

    def _adopt(self, dataset: Dataset) -> bool:
        context = self._context
        study = context.study
        if study.data_hash not in (None, dataset.data_hash):
            context.fail(
                Failure(
                    kind="data",
                    message=f"the data set changed since the study began (was "
                    f"{str(study.data_hash)[:12]}, is {dataset.data_hash[:12]}); "
                    f"{REMEDY if study.resolved.extensions else 'restore the file, or'} "
                    "submit a new study",
                )
            )
            return False
        with context.resources.database.transaction() as session:
            datasets = DatasetRepository(session)
            datasets.put(dataset)
            if not (context.resources.data_store / dataset.folder).is_dir():
                # It was deleted as unused in the moment before; its row was locked until then.
                self._ingestion = None
                return False
            if study.data_hash is None:
                studies = StudyRepository(session)
                studies.set_data(study.id, context.fence, dataset.data_hash)
                notices = lint_data(study.resolved, context.resources.catalog, dataset)
                if notices:
                    studies.add_warnings(study.id, context.fence, notices)
        impossible = None
        if study.data_hash is None:
            impossible = say_impossible(study.resolved, context.resources.catalog, dataset)
        if impossible is not None:
            context.fail(Failure(kind="data", message=impossible))
            return False
        context.dataset = dataset
        context.mirror.refresh()
        return True
