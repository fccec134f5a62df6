"""The live stream of a study as server-sent events, resumable by id."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from service.api.dependencies import ContainerDependency, StudyDependency
from service.api.openapi import EVENT_STREAM, problems
from service.errors import InvalidRequest

router = APIRouter(prefix="/v1/studies/{study_id:study}", tags=["events"])

MAX_SEQUENCE = 2**63 - 1


@router.get(
    "/events",
    operation_id="watch_study",
    summary="Watch a study live",
    response_class=StreamingResponse,
    responses={200: EVENT_STREAM, **problems(404)},
)
async def watch_study(
    study: StudyDependency,
    container: ContainerDependency,
    after: Annotated[
        int,
        Query(
            ge=0,
            le=MAX_SEQUENCE,
            description="Begin after this id (a study's `event` is its newest); 0: from the start.",
        ),
    ] = 0,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="As `after`; what browsers send on reconnect."),
    ] = None,
) -> StreamingResponse:
    """Every entry of the study's event log after a position, each once and in order.

    Events are named `study`, `trials`, `epochs` or `analysis`; `id` counts without a gap. When
    the study is over a last event named `end` carries its state, and the stream closes. A comment
    is sent every 15 seconds of silence.
    """
    position = _position(last_event_id) if last_event_id else after
    stream = container.feeds.watch(study.id, newest=study.event, after=position)
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _position(last_event_id: str) -> int:
    if not last_event_id.isascii() or not last_event_id.isdecimal() or len(last_event_id) > 18:
        raise InvalidRequest(
            "Last-Event-ID is not an id of this stream", "leave it out, or use ?after=0"
        )
    return int(last_event_id)
