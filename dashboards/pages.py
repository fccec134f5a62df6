"""The list of studies, and every address that leads nowhere."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from dashboards.rendering import PageRoute, linker, nowhere, page
from dashboards.views import upload_ids
from service.api.dependencies import ContainerDependency, read_records
from service.domain.states import StudyState

STUDIES_ON_A_PAGE = 25

Absent = BeforeValidator(lambda value: value or None)
"""An empty field of a form is no filter."""
Token = Annotated[str | None, Query(max_length=1024)]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def show_studies(
    request: Request,
    container: ContainerDependency,
    state: Annotated[StudyState | None, Absent, Query()] = None,
    family: Annotated[str, Query(max_length=64)] = "",
    name: Annotated[str, Query(max_length=120)] = "",
    order_by: Annotated[str, Query(pattern="^-?(created_at|name)$")] = "-created_at",
    page_token: Token = None,
) -> HTMLResponse:
    """All studies, filtered and ordered as the address says."""
    with read_records(container.database) as records:
        found = records.studies.page(
            STUDIES_ON_A_PAGE, page_token, state, family or None, name or None, order_by
        )
        improvements = records.overviews.improvements([study.id for study in found.items])
        names = records.uploads.names(upload_ids(found.items))
        running = records.watch.states().get(StudyState.RUNNING, 0)
    return page(
        "studies.html",
        running=running,
        studies=found.items,
        events={study.id: study.event for study in found.items},
        improvements=improvements,
        names=names,
        filtered=bool(state or family or name or page_token),
        families=sorted(container.catalog.families),
        states=list(StudyState),
        selected={"state": state, "family": family, "name": name, "order_by": order_by},
        link=linker(request),
        next_page_token=found.next_page_token,
        paged=page_token is not None,
    )


@router.get("/{rest}")
@router.get("/studies/{rest:path}")
def show_nothing(rest: str) -> HTMLResponse:
    """Every other address that a person may try."""
    raise nowhere()
