"""The pages of data: what can be trained on, and one data set."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from dashboards.dataset_views import ORIGIN_WORDS, dataset_view, say_sample
from dashboards.rendering import PageRoute, linker, page
from service.api.dependencies import ContainerDependency, DatasetDependency, page_of_datasets
from service.domain.uploads import Origin

DATASETS_ON_A_PAGE = 25

Absent = BeforeValidator(lambda value: value or None)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/datasets")
def show_datasets(
    request: Request,
    container: ContainerDependency,
    origin: Annotated[Origin | None, Absent, Query()] = None,
    page_token: Annotated[str | None, Query(max_length=1024)] = None,
) -> HTMLResponse:
    """All data sets: built in, uploaded, read by studies."""
    found = page_of_datasets(container, DATASETS_ON_A_PAGE, page_token, origin)
    return page(
        "datasets.html",
        entries=found.items,
        origin=origin,
        origins=ORIGIN_WORDS,
        say_sample=say_sample,
        link=linker(request),
        next_page_token=found.next_page_token,
        paged=page_token is not None,
        address=str(request.base_url).rstrip("/"),
    )


@router.get("/datasets/{dataset_id:study}")
def show_dataset(detail: DatasetDependency) -> HTMLResponse:
    """One data set: samples, split, what was found, baselines, studies."""
    return page(
        "dataset.html",
        detail=detail,
        entry=detail.entry,
        view=dataset_view(detail),
        origins=ORIGIN_WORDS,
    )
