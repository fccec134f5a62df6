"""The live stream of many studies: one connection for all pages that a browser has open."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from service.api.dependencies import STUDY_ID_PATTERN, ContainerDependency
from service.api.many_feeds import MAX_STUDIES, Start
from service.api.openapi import MANY_EVENTS, problems
from service.errors import InvalidRequest, NotFound
from service.storage.watching import WatchRepository

router = APIRouter(prefix="/v1", tags=["events"])

PLACE = re.compile(rf"({STUDY_ID_PATTERN})@([0-9]{{1,18}})", re.ASCII)


@router.get(
    "/events",
    operation_id="watch_studies",
    summary="Watch many studies live",
    response_class=StreamingResponse,
    responses={200: MANY_EVENTS, **problems(404)},
)
def watch_studies(
    container: ContainerDependency,
    study: Annotated[
        list[str] | None,
        Query(
            description=f"`ID@AFTER`, repeated, at most {MAX_STUDIES}: a study and the sequence "
            "to begin after (its `event` is its newest; 0: from the start).",
            max_length=MAX_STUDIES,
            examples=[["01k7x2m8qv4e9wz3tbn5ha6rcd@0"]],
        ),
    ] = None,
    lists: Annotated[
        Literal["yes", "no"],
        Query(alias="list", description="`yes`: also say when the set of studies changes."),
    ] = "no",
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="The newest `id`; goes before `study` for the studies that it names. "
            "Browsers send it on reconnect.",
        ),
    ] = None,
) -> StreamingResponse:
    """Every entry of the event logs of the studies, each study's in order and without a gap.

    Events are named `study`, `trials`, `epochs` or `analysis`; `data` has `study` and `sequence`.
    `id` has the positions of all studies (`ID@SEQUENCE`, between commas) and comes on the last
    event of each batch: after a reconnect some events of the last batch may come again, with a
    `sequence` that you have seen. `end` says that a study is over (COMPLETE, STOPPED, FAILED or
    DELETED); one that is extended goes on. With `list=yes` an event `studies` has the number of
    studies, the id of the newest and how many are in each state. The stream closes when all
    studies are over and the list is not asked for. A comment is sent every 15 seconds of silence.
    """
    wanted = dict[str, int]()
    for index, entry in enumerate(study or []):
        study_id, after = _place(entry, f"/query/study/{index}")
        if study_id in wanted:
            raise InvalidRequest(
                f"/query/study/{index}: {study_id} is named twice", "name each study once"
            )
        wanted[study_id] = after
    if not wanted and lists == "no":
        raise InvalidRequest(
            "/query/study: there is nothing to watch", "give study=ID@AFTER, or list=yes"
        )
    seen = _seen(last_event_id)
    with container.database.read() as session:
        looks = WatchRepository(session)
        newest = looks.positions(wanted)
        listed = looks.listed() if lists == "yes" else None
    starts = dict[str, Start]()
    for index, (study_id, after) in enumerate(wanted.items()):
        if study_id not in newest and study_id not in seen:
            raise NotFound(
                f"/query/study/{index}: there is no study {study_id}",
                "leave it out; GET /v1/studies lists those that there are",
            )
        starts[study_id] = Start(seen.get(study_id, after), newest.get(study_id))
    return StreamingResponse(
        container.many_feeds.watch(starts, listed),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _seen(last_event_id: str | None) -> dict[str, int]:
    if not last_event_id:
        return {}
    entries = last_event_id.split(",", MAX_STUDIES)
    if len(entries) > MAX_STUDIES:
        raise InvalidRequest(
            f"/header/Last-Event-ID: it names more than {MAX_STUDIES} studies",
            "send an id of this stream as it came, or leave it out",
        )
    return dict(_place(entry, "/header/Last-Event-ID") for entry in entries)


def _place(entry: str, field: str) -> tuple[str, int]:
    found = PLACE.fullmatch(entry)
    if found is None:
        raise InvalidRequest(
            f"{field}: it is not a study and a sequence",
            "write ID@AFTER, for example 01k7x2m8qv4e9wz3tbn5ha6rcd@0",
        )
    return found[1], int(found[2])
