"""Studies side by side: the page, and its two figures over HTTP."""

import json
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import HTMLResponse

from dashboards.answers import FigureAnswer
from dashboards.etags import still_holds
from dashboards.figure_files import (
    RESPONSES,
    Subject,
    WantedDependency,
    answer_file,
    etag_of,
    formats_now,
)
from dashboards.figures.convergence_of_studies import (
    TITLES,
    Against,
    render_convergence,
    whole_convergence,
)
from dashboards.figures.figure import answer_of
from dashboards.rendering import PageRoute, page
from service.api.dependencies import (
    ComparisonDependency,
    ContainerDependency,
    read_records,
)
from service.domain.comparison import read_ids
from service.domain.figure_files import figure_file_name
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import NotFound

figure_router = APIRouter(prefix="/v1/studies:compare/figures", tags=["figures"])
router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/compare")
def show_comparison(
    container: ContainerDependency,
    ids: Annotated[list[str] | None, Query(max_length=64)] = None,
) -> HTMLResponse:
    """Two to eight studies: a table, and how they converged."""
    chosen = read_ids(ids or [])
    with read_records(container.database) as records:
        # First what the page will watch from: an event that comes between is told again.
        found = [records.studies.get(each) for each in chosen]
        comparison = records.comparisons.compare(chosen)
    names = [study.name for study in comparison.studies]
    return page(
        "compare.html",
        comparison=comparison,
        events={study.id: study.event for study in found if study is not None},
        titles=TITLES,
        over=all(study.state in TERMINAL_STUDY_STATES for study in comparison.studies),
        shared=[name for name in names if names.count(name) > 1],
        query=urlencode([("ids", study.id) for study in comparison.studies]),
    )


@figure_router.get(
    "/{against}",
    operation_id="get_comparison_figure",
    summary="How studies converged",
    response_model=FigureAnswer,
    responses=RESPONSES,
)
def get_comparison_figure(
    comparison: ComparisonDependency,
    container: ContainerDependency,
    wanted: WantedDependency,
    against: Annotated[
        str,
        Path(description="What is paid: `trials` or `seconds`.", examples=["trials"]),
    ],
    if_none_match: Annotated[
        str | None, Header(description="An ETag of before: answers 304 if it still holds.")
    ] = None,
) -> Response:
    """The best so far of every study as a line of one figure, against trials or trainer-seconds.

    Studies whose values cannot be compared stand in panels of their own. `format` makes it a file,
    as that of any figure.
    """
    known: dict[str, Against] = {"trials": "trials", "seconds": "seconds"}
    if against not in known:
        raise NotFound("there is no such figure", f"there are {', '.join(known)}")
    chosen = known[against]
    plot = render_convergence(comparison, chosen)
    name = f"convergence_{chosen}"
    answer = answer_of(name, TITLES[chosen], "convergence", plot)
    answer["formats"] = formats_now(container, plot.waiting)
    text = json.dumps(answer, separators=(",", ":"), allow_nan=False)
    names = ", ".join(study.name for study in comparison.studies)
    etag = etag_of(text, names, wanted.key)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if still_holds(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    if wanted.form == "json":
        return Response(text, media_type="application/json", headers=headers)
    count = len(comparison.studies)
    subject = Subject(
        title=TITLES[chosen],
        file_name=lambda form: figure_file_name(f"{count}-studies", name, None, form),
        about=[f"studies {names}"],
        answer=lambda: answer,
        over=all(study.state in TERMINAL_STUDY_STATES for study in comparison.studies),
        table=lambda: plot.summary if plot.waiting else whole_convergence(comparison, chosen),
    )
    return answer_file(container, subject, wanted, etag, headers)
