"""What a study says, over HTTP."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from dashboards.etags import still_holds
from dashboards.summary_desk import find_summary
from service import __version__
from service.api.dependencies import ContainerDependency, StudyDependency
from service.domain.study_summary import StudySummary

router = APIRouter(prefix="/v1/studies/{study_id:study}", tags=["studies"])


@router.get(
    "/summary",
    operation_id="get_summary",
    summary="What a study says, in plain language",
    response_model=StudySummary,
    responses={304: {"description": "Nothing has happened since the ETag that was sent."}},
)
def get_summary(
    study: StudyDependency,
    container: ContainerDependency,
    request: Request,
    if_none_match: Annotated[
        str | None, Header(description="An ETag of before: answers 304 if it still holds.")
    ] = None,
) -> Response:
    """At most seven sentences computed from the records, and the most useful next step.

    State, the best beside its baselines, whether the search still improves, overfitting and what
    narrows the gap, which parameters matter, edges of ranges, luck. Each names its numbers and
    the figure (or the part of the page) that shows it; what cannot be said with a number is left
    out. While a study runs it may be a moment old: `event` says of when.
    """
    found = find_summary(request, container, study)
    text = f"{__version__}/{study.id}/{found.event}/{found.state}"
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if still_holds(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(found.model_dump_json(), media_type="application/json", headers=headers)
