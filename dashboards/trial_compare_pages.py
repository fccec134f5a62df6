"""A few trials of one study side by side: the page, and its two figures over HTTP."""

import json
from typing import Annotated, Any
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
from dashboards.figure_routes import say_origin
from dashboards.figures.figure import answer_of
from dashboards.figures.trial_comparison_figures import COMPARED, render_compared, whole_compared
from dashboards.rendering import PageRoute, no_study, page
from dashboards.trial_comparison import compare_trials, find_trials, load_sides, read_numbers
from dashboards.trial_files import has_store
from service.api.dependencies import (
    ContainerDependency,
    StudyDependency,
    StudyId,
    read_records,
)
from service.domain.figure_files import figure_file_name
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import NotFound

MAX_NUMBERS = 64
"""Repetitions of ?trials= that are read before there are too many."""

Numbers = Annotated[
    list[Annotated[int, Query(ge=0, le=999_999)]],
    Query(max_length=MAX_NUMBERS, description="Two to six trials, by number.", examples=[[3, 7]]),
]

figure_router = APIRouter(prefix="/v1/studies/{study_id:study}/trials:compare", tags=["figures"])
router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/studies/{study_id:study}/compare")
def show_compared_trials(
    container: ContainerDependency,
    study_id: StudyId,
    trials: Numbers = [],  # noqa: B006 - FastAPI copies it
) -> HTMLResponse:
    """Two to six trials: curves overlaid, params diffed, reconstructions side by side."""
    with read_records(container.database) as records:
        study = records.studies.get(study_id)
        if study is None:
            raise no_study()
        numbers = read_numbers(trials)
        found = find_trials(records, study, numbers)
    return page(
        "compare_trials.html",
        study=study,
        comparison=compare_trials(study, found),
        compared=COMPARED,
        # Not sooner: which trial is the best is the whole study's.
        over=study.state in TERMINAL_STUDY_STATES,
        query=urlencode([("trials", number) for number in numbers]),
    )


@figure_router.get(
    "/figures/{name}",
    operation_id="get_trial_comparison_figure",
    summary="Trials side by side",
    response_model=FigureAnswer,
    responses=RESPONSES,
)
def get_trial_comparison_figure(
    study: StudyDependency,
    container: ContainerDependency,
    name: Annotated[str, Path(description="`curves` or `pictures`.", examples=["curves"])],
    trials: Numbers,
    wanted: WantedDependency,
    if_none_match: Annotated[
        str | None, Header(description="An ETag of before: answers 304 if it still holds.")
    ] = None,
) -> Response:
    """Learning curves of two to six trials in one figure, or their reconstructions of the same
    fixed validation samples with errors on one scale. `format` makes it a file, as that of any
    figure."""
    if name not in COMPARED:
        raise NotFound("there is no such figure", f"there are {', '.join(COMPARED)}")
    numbers = read_numbers(trials)
    drawn = container.pictures.missing() is None
    stored = name == "pictures" and has_store(container, study)
    etag = etag_of(study.id, study.event, name, numbers, wanted.key, drawn, stored)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if still_holds(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    entry = COMPARED[name]
    sides = load_sides(container, study, numbers, pictures=name == "pictures")

    def answer() -> dict[str, Any]:
        return answer_of(name, entry.title, entry.group, render_compared(entry, sides))

    if wanted.form != "json":
        joined = "-".join(map(str, numbers))
        about = [*say_origin(study, None), f"trials {', '.join(map(str, numbers))}"]
        subject = Subject(
            title=entry.title,
            file_name=lambda form: figure_file_name(
                study.name, f"{name}-of-trials-{joined}", None, form
            ),
            about=about,
            answer=answer,
            over=study.state in TERMINAL_STUDY_STATES,
            table=lambda: whole_compared(entry, sides),
        )
        return answer_file(container, subject, wanted, etag, headers)
    body = answer()
    body["formats"] = formats_now(container, body["waiting"])
    text = json.dumps(body, separators=(",", ":"), allow_nan=False)
    return Response(text, media_type="application/json", headers=headers)
