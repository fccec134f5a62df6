"""What a spec would become: its data's header, the resolved spec, warnings, and the cost."""

from pydantic import Field

from service.api.dependencies import Container
from service.api.warm_starts import read_earlier
from service.domain.advice import LossAdvice, advise_losses, known_of_header
from service.domain.datasets import UploadedDataset
from service.domain.linter import lint_spec
from service.domain.model import Record
from service.domain.records import DataHeader, Estimate, Notice
from service.domain.resolve import estimate, resolve
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.uploads import header_within
from service.domain.warm_start import warmed
from service.errors import DataError, FieldError, InvalidSpec
from service.sources import header_of, located
from service.storage.uploads import UploadRepository
from trainers.data.errors import UnreadableData


class Preview(Record):
    """The answer to `studies:validate`."""

    resolved: ResolvedSpec
    warnings: list[Notice] = Field(description="What the linter says, before a second is spent.")
    estimate: Estimate
    data: DataHeader
    advice: list[LossAdvice] = Field(
        description="Which training losses fit, as far as the header tells; best first."
    )


class UnusableData(InvalidSpec):
    """The data set of a spec cannot be used, said with a pointer to the field that names it."""

    status = DataError.status
    type = DataError.type
    title = DataError.title


def preview(spec: StudySpec, container: Container) -> Preview:
    """Resolve, lint and estimate; reads a few hundred bytes of the data set.

    Raises InvalidSpec and UnusableData.
    """
    header = read_data_header(spec, container)
    resolved = resolve(spec, container.catalog, header)
    earlier = read_earlier(container.database, spec.warm_start)
    resolved, notices = warmed(resolved, container.catalog, earlier)
    return Preview(
        resolved=resolved,
        warnings=[*lint_spec(resolved, container.catalog, header), *notices],
        estimate=estimate(resolved, container.catalog, header),
        data=header,
        advice=advise_losses(
            known_of_header(header, resolved.scaling), container.catalog.losses.values()
        ),
    )


def read_data_header(spec: StudySpec, container: Container) -> DataHeader:
    """What the beginning of a spec's data says, whatever else the spec holds. Raises
    UnusableData."""
    try:
        if isinstance(spec.dataset, UploadedDataset):
            return _uploaded_header(spec, spec.dataset, container)
        return header_of(spec, container.data_roots)
    except UnreadableData as error:
        raise UnusableData(
            [FieldError(pointer=error.pointer, reason=error.reason, remedy=error.remedy)]
        ) from None


def _uploaded_header(spec: StudySpec, dataset: UploadedDataset, container: Container) -> DataHeader:
    """What was found when it was uploaded: nothing is opened."""
    with container.database.read() as session:
        upload = UploadRepository(session).get(dataset.id)
    located(spec, upload, container.data_roots, container.uploads.files.root)
    assert upload is not None
    return header_within(upload.header, dataset.limit)
