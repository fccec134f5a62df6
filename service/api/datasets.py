"""Data sets: uploaded, listed, looked at, deleted."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from service.api.dependencies import (
    ContainerDependency,
    DatasetDependency,
    DatasetId,
    page_of_datasets,
)
from service.api.openapi import problems
from service.api.paging import PageSize, PageToken
from service.api.receiving import ReceivedDependency
from service.domain.records import DatasetDetail, DatasetPage, Upload
from service.domain.uploads import Origin
from service.errors import Conflict
from service.storage.datasets import DatasetRepository

router = APIRouter(prefix="/v1", tags=["datasets"])

_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself, whatever its Content-Type; no form.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_UPLOADED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The same content, read alike, was uploaded before: this is it."},
    201: {
        "description": "The data set can be used: `dataset: {id: ...}`.",
        "headers": {"Location": {"description": "The data set.", "schema": {"type": "string"}}},
    },
    **problems(408, 413, 415, 422, 507),
}


@router.post(
    "/datasets",
    status_code=201,
    response_model=Upload,
    operation_id="upload_dataset",
    summary="Upload a data set",
    responses=_UPLOADED,
    openapi_extra=_FILE_BODY,
)
def upload_dataset(
    received: ReceivedDependency, container: ContainerDependency, response: Response
) -> Upload:
    """Send a file as the body: `curl -X POST -T faces.zip 'http://.../v1/datasets?name=faces.zip'`.

    It is streamed to disk, then read to its end by a process with limits of memory and time, and
    brought into the store with the default split. 422 names what is wrong with it, and the remedy.
    """
    return _keep(received, container, response)


@router.put(
    "/datasets",
    status_code=201,
    response_model=Upload,
    operation_id="put_dataset",
    summary="Upload a data set, as `curl -T` does",
    responses=_UPLOADED,
    openapi_extra=_FILE_BODY,
)
def put_dataset(
    received: ReceivedDependency, container: ContainerDependency, response: Response
) -> Upload:
    """The same as POST: equal content makes one data set, however it is sent."""
    return _keep(received, container, response)


def _keep(
    received: ReceivedDependency, container: ContainerDependency, response: Response
) -> Upload:
    upload, new = container.uploads.keep(received)
    response.headers["Location"] = f"/v1/datasets/{upload.id}"
    if not new:
        response.status_code = 200
    return upload


@router.get("/datasets", operation_id="list_datasets", summary="List the data sets")
def list_datasets(
    container: ContainerDependency,
    page_size: PageSize = 50,
    page_token: PageToken = None,
    origin: Annotated[
        Origin | None,
        Query(description="Only these: built in, uploaded, or brought in by a study from a path."),
    ] = None,
) -> DatasetPage:
    """Built-in data sets, then the uploaded ones and those that studies read, newest first."""
    return page_of_datasets(container, page_size, page_token, origin)


@router.get(
    "/datasets/{dataset_id:study}",
    operation_id="get_dataset",
    summary="One data set",
    responses=problems(404, 422, 507),
)
def get_dataset(dataset: DatasetDependency) -> DatasetDetail:
    """What it holds, a few samples, its split sizes, duplicates, baselines, and its studies."""
    return dataset


@router.delete(
    "/datasets/{dataset_id:study}",
    status_code=204,
    operation_id="delete_dataset",
    summary="Delete an uploaded data set",
    responses=problems(404, 409),
)
def delete_dataset(dataset_id: DatasetId, container: ContainerDependency) -> Response:
    """Delete the file, and what is in the store because of it.

    409 while a study that is not over uses it, and for data sets that were not uploaded. What
    studies that are over trained on stays in the store until they are deleted.
    """
    if dataset_id in {choice.name for choice in container.catalog.datasets}:
        raise Conflict("a built-in data set cannot be deleted", "leave it")
    with container.database.read() as session:
        if DatasetRepository(session).get(dataset_id) is not None:
            raise Conflict(
                "it was not uploaded: studies read it from a path",
                "delete these studies; its files go with the last of them",
            )
    container.uploads.delete(dataset_id)
    return Response(status_code=204)
