"""Figures over HTTP: the list with what each says, and one figure as Plotly JSON."""

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from dashboards.answers import FigureAnswer, FigureEntry, FigureList
from dashboards.figures import FIGURES
from dashboards.figures.figure import Need, Waiting, as_json
from dashboards.frames import FrameCache, load_frame
from service import __version__
from service.api.dependencies import Container, ContainerDependency, StudyDependency
from service.domain.studies import Study
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
    responses={304: {"description": "Nothing has happened since the ETag that was sent."}},
)
def get_figure(
    study: StudyDependency,
    container: ContainerDependency,
    request: Request,
    name: Annotated[str, Path(description="One of the list.", examples=["slice"])],
    trial: TrialQuery = None,
    if_none_match: Annotated[
        str | None, Header(description="An ETag of before: answers 304 if it still holds.")
    ] = None,
) -> Response:
    """The figure as Plotly JSON, its one-sentence summary, and the data behind it as a table.

    While there is too little data, `waiting` is true and the summary says what is awaited.
    """
    entry = FIGURES.get(name)
    if entry is None:
        raise NotFound("there is no such figure", f"there are {', '.join(FIGURES)}")
    if entry.of_trial and trial is None:
        raise InvalidRequest(f"{name} shows one trial", "add ?trial=NUMBER")
    etag = _etag(study, name, trial)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    return Response(
        _render(container, frame_cache(request), study, name, trial),
        media_type="application/json",
        headers=headers,
    )


def _etag(study: Study, name: str, trial: int | None) -> str:
    """Nothing of a figure changes without an event of its study (or a new version of us)."""
    text = f"{__version__}/{study.id}/{study.event}/{name}/{trial}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def _render(
    container: Container, cache: FrameCache, study: Study, name: str, trial: int | None
) -> str:
    entry = FIGURES[name]
    frame = load_frame(container, cache, study, entry.needs, trial)
    answer = as_json(name, entry, entry.render(frame))
    return json.dumps(answer, separators=(",", ":"), allow_nan=False)
