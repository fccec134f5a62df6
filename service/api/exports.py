"""A study as a file for other tools."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from service.api.dependencies import ContainerDependency, StudyDependency
from service.api.open_files import OpenFileResponse
from service.api.openapi import Responses, file_response, problems
from service.domain.exports import FILE_KINDS, ExportFormat, file_name

router = APIRouter(prefix="/v1/studies/{study_id:study}", tags=["studies"])


def _documented() -> Responses:
    responses = file_response(FILE_KINDS["json"].media_type, "The file.")
    content = responses[200]["content"]
    (schema,) = content.values()
    responses[200]["content"] = {
        kind.media_type.partition(";")[0]: schema for kind in FILE_KINDS.values()
    }
    return responses


FormatChoice = Annotated[
    ExportFormat,
    Query(
        alias="format",
        description="`optuna`: a SQLite file that `optuna.load_study` and optuna-dashboard open; "
        "`csv`, `parquet`: a row for every trial; `json`: everything that is recorded.",
    ),
]


@router.get(
    "/export",
    operation_id="export_study",
    summary="The study as a file",
    response_class=StreamingResponse,
    responses={**_documented(), **problems(400, 404, 409, 507)},
)
def export_study(
    study: StudyDependency, container: ContainerDependency, form: FormatChoice = "json"
) -> OpenFileResponse:
    """Every trial with params, values, metrics, verdict and times, of one moment.

    A study that runs may be exported, too: the file shows it as it is. What every column and field
    holds, and how our states become Optuna's, is in docs/exports.md. 409 where writing the file
    would need more time or memory than it may have.
    """
    return OpenFileResponse(
        container.exporter.write(study.id, form),
        media_type=FILE_KINDS[form].media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(study.name, form)}"',
            # The next export of the same study may differ.
            "Cache-Control": "no-store",
        },
    )
