"""Figures over HTTP: the list with what each says, and one figure as Plotly JSON."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from dashboards.answers import FigureAnswer, FigureEntry, FigureList
from dashboards.etags import still_holds
from dashboards.figure_files import (
    RESPONSES,
    Subject,
    WantedDependency,
    answer_file,
    etag_of,
    formats_now,
)
from dashboards.figures import FIGURES
from dashboards.figures.figure import Need, Waiting, as_json
from dashboards.figures.frame import StudyFrame
from dashboards.frames import FrameCache, load_frame
from dashboards.trial_files import has_store
from service.api.dependencies import ContainerDependency, StudyDependency
from service.domain.figure_files import figure_file_name
from service.domain.records import Study
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import InvalidRequest, NotFound

router = APIRouter(prefix="/v1/studies/{study_id:study}/figures", tags=["figures"])

TrialQuery = Annotated[
    int | None,
    Query(ge=0, le=999_999, description="Number of the trial, for the figures of a trial."),
]


def frame_cache(request: Request) -> FrameCache:
    """The app's cache of frames; made by the first request that needs it."""
    state = request.app.state
    if not hasattr(state, "frame_cache"):
        state.frame_cache = FrameCache()
    cache = state.frame_cache
    assert isinstance(cache, FrameCache)
    return cache


@router.get("", operation_id="list_figures", summary="List the figures")
def list_figures(
    study: StudyDependency,
    container: ContainerDependency,
    request: Request,
    trial: TrialQuery = None,
) -> FigureList:
    """Every figure with the sentence that it says now; those of a trial only with `trial`."""
    shown = {
        name: entry for name, entry in FIGURES.items() if trial is not None or not entry.of_trial
    }
    needs: frozenset[Need] = frozenset().union(*(entry.needs for entry in shown.values()))
    frame = load_frame(container, frame_cache(request), study, needs, trial)
    items = []
    for name, entry in FIGURES.items():
        available, summary = None, None
        if name in shown:
            data = entry.prepare(frame)
            available = not isinstance(data, Waiting)
            summary = data.say(frame) if isinstance(data, Waiting) else entry.summarise(data)
        items.append(
            FigureEntry(
                name=name,
                title=entry.title,
                group=entry.group,
                of="trial" if entry.of_trial else "study",
                available=available,
                summary=summary,
            )
        )
    return FigureList(items=items)


@router.get(
    "/{name}",
    operation_id="get_figure",
    summary="One figure",
    response_model=FigureAnswer,
    responses=RESPONSES,
)
def get_figure(
    study: StudyDependency,
    container: ContainerDependency,
    request: Request,
    name: Annotated[str, Path(description="One of the list.", examples=["slice"])],
    wanted: WantedDependency,
    trial: TrialQuery = None,
    if_none_match: Annotated[
        str | None, Header(description="An ETag of before: answers 304 if it still holds.")
    ] = None,
) -> Response:
    """The figure as Plotly JSON, its one-sentence summary, and the data behind it as a table.

    While there is too little data, `waiting` is true and the summary says what is awaited.
    With `format` it is a file: a page of its own (`html`), a picture (`png`, `svg`), or every row
    of the data (`csv`); these are 409 while the figure waits. Pictures are drawn one at a time:
    503 when others wait already.
    """
    entry = FIGURES.get(name)
    if entry is None:
        raise NotFound("there is no such figure", f"there are {', '.join(FIGURES)}")
    if entry.of_trial and trial is None:
        raise InvalidRequest(f"{name} shows one trial", "add ?trial=NUMBER", "/query/trial")
    # A figure changes with an event of its study, but a browser may be installed meanwhile, and
    # the samples that a trial's figures show may leave the data store.
    drawn = container.pictures.missing() is None
    stored = entry.of_trial and has_store(container, study)
    etag = etag_of(study.id, study.event, name, trial, wanted.key, drawn, stored)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if still_holds(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    number = trial if entry.of_trial else None

    def load() -> StudyFrame:
        return load_frame(container, frame_cache(request), study, entry.needs, number)

    def answer() -> dict[str, Any]:
        frame = load()
        return as_json(name, entry, entry.render(frame))

    if wanted.form != "json":
        subject = Subject(
            title=entry.title,
            file_name=lambda form: figure_file_name(study.name, name, number, form),
            about=say_origin(study, number),
            answer=answer,
            over=study.state in TERMINAL_STUDY_STATES,
            table=lambda: entry.whole_table(load()),
        )
        return answer_file(container, subject, wanted, etag, headers)
    body = answer()
    body["formats"] = formats_now(container, body["waiting"])
    return Response(
        json.dumps(body, separators=(",", ":"), allow_nan=False),
        media_type="application/json",
        headers=headers,
    )


def say_origin(study: Study, trial: int | None) -> list[str]:
    """Where a figure comes from: study, trial, and how far the study was."""
    about = [f"study {study.name} ({study.id})"]
    if trial is not None:
        about.append(f"trial {trial}")
    done = f"{study.progress.done:,} of {study.progress.trials:,} trials done"
    about.append(f"{study.state.value}, {done}, as of its event {study.event:,}")
    if study.finished_at is not None:
        about.append(f"ended {study.finished_at:%Y-%m-%d %H:%M} UTC")
    return about
