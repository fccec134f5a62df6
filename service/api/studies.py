"""Studies: submitted, checked, listed, paused, resumed, stopped, deleted."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from service.api.bodies import DocumentDependency
from service.api.dependencies import (
    ContainerDependency,
    DatabaseDependency,
    StudyDependency,
    StudyId,
)
from service.api.identifiers import new_study_id
from service.api.openapi import SPEC_BODY, problems
from service.api.paging import PageSize, PageToken
from service.api.pointers import read_spec
from service.api.preview import Preview, preview
from service.domain.model import content_hash
from service.domain.records import Study, StudyPage
from service.domain.states import Intent, StudyState
from service.storage.database import Database
from service.storage.studies import StudyRepository
from service.upload_files import set_aside

router = APIRouter(prefix="/v1", tags=["studies"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A repeated request with the same key and body gets the first answer, "
        "and makes no second study. The same key with another body is a 409.",
    ),
]
Order = Annotated[
    str,
    Query(
        pattern="^-?(created_at|name)$",
        description="`created_at` or `name`; a minus in front turns it round.",
    ),
]


@router.post(
    "/studies",
    status_code=201,
    operation_id="create_study",
    summary="Submit a study",
    responses={
        201: {
            "description": "The study is queued. A repeated `Idempotency-Key` answers the same, "
            "with the study as it is now.",
            "headers": {
                "Location": {"description": "The study.", "schema": {"type": "string"}},
                "Idempotency-Replayed": {
                    "description": "`true` when the study was made by an earlier request.",
                    "schema": {"type": "string", "enum": ["true"]},
                },
            },
        },
        **problems(409, 413, 415, 422, 507),
    },
    openapi_extra=SPEC_BODY,
)
def create_study(
    document: DocumentDependency,
    container: ContainerDependency,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Study:
    """Check a StudySpec, resolve it, store it and queue it. The linter's warnings are in it."""
    spec = read_spec(document)
    body_hash = content_hash(document) if idempotency_key else None
    study = _replay(container.database, idempotency_key, body_hash)
    study_id = ""
    if study is None:
        found = preview(spec, container)
        study_id = new_study_id()
        with container.database.transaction() as session:
            study = StudyRepository(session).create(
                study_id,
                spec,
                found.resolved,
                content_hash(found.resolved.model_dump(mode="json")),
                found.warnings,
                dict(container.versions),
                idempotency_key,
                body_hash,
            )
    response.headers["Location"] = f"/v1/studies/{study.id}"
    if study.id != study_id:
        response.headers["Idempotency-Replayed"] = "true"
    return study


def _replay(database: Database, key: str | None, body_hash: str | None) -> Study | None:
    """The first answer to this key and body, even if the data set is gone since.

    Another body under the key is left to `create`, which decides races too.
    """
    if key is None:
        return None
    with database.read() as session:
        found = StudyRepository(session).by_idempotency_key(key)
    return found[0] if found and found[1] == body_hash else None


@router.post(
    "/studies:validate",
    operation_id="validate_study",
    summary="Check a study without submitting it",
    responses=problems(413, 415, 422),
    openapi_extra=SPEC_BODY,
)
def validate_study(document: DocumentDependency, container: ContainerDependency) -> Preview:
    """The resolved spec, the linter's warnings and an estimate of the cost; stores nothing."""
    return preview(read_spec(document), container)


@router.get("/studies", operation_id="list_studies", summary="List the studies")
def list_studies(
    database: DatabaseDependency,
    page_size: PageSize = 50,
    page_token: PageToken = None,
    state: Annotated[StudyState | None, Query(description="Only studies in this state.")] = None,
    family: Annotated[
        str | None, Query(max_length=64, description="Only studies that train this family.")
    ] = None,
    name: Annotated[
        str | None, Query(max_length=120, description="Only studies whose name contains this.")
    ] = None,
    order_by: Order = "-created_at",
    parent: Annotated[
        str | None,
        Query(
            max_length=64,
            description="Instead the studies that repeat this one's best configs with fresh seeds.",
        ),
    ] = None,
) -> StudyPage:
    """Studies with state, progress and best so far, newest first."""
    with database.read() as session:
        return StudyRepository(session).page(
            page_size, page_token, state, family, name, order_by, parent
        )


@router.get(
    "/studies/{study_id:study}",
    operation_id="get_study",
    summary="One study",
    responses=problems(404),
)
def get_study(study: StudyDependency) -> Study:
    """State, progress, best so far, the spec as sent and as resolved, warnings."""
    return study


@router.delete(
    "/studies/{study_id:study}",
    status_code=204,
    operation_id="delete_study",
    summary="Delete a study that is over",
    responses=problems(404, 409),
)
def delete_study(study_id: StudyId, container: ContainerDependency) -> Response:
    """Delete the study, its trials and its files. 409 while it is live: stop it first."""
    with set_aside() as take, container.database.transaction() as session:
        gone = StudyRepository(session).delete(study_id)
        for data_hash in sorted(gone.data):
            container.uploads.discard(session, data_hash, take)
    # After the commit: files without a row are litter, a row without files is a lie.
    for each in gone.studies:
        container.artifacts.delete_study(each)
    return Response(status_code=204)


@router.post(
    "/studies/{study_id:study}:pause",
    operation_id="pause_study",
    summary="Pause a study",
    responses=problems(404, 409),
)
def pause_study(study_id: StudyId, database: DatabaseDependency) -> Study:
    """Arrays in training save their state and give up their slots. Asking twice is fine."""
    return _set_intent(database, study_id, Intent.PAUSE)


@router.post(
    "/studies/{study_id:study}:resume",
    operation_id="resume_study",
    summary="Resume a paused study",
    responses=problems(404, 409),
)
def resume_study(study_id: StudyId, database: DatabaseDependency) -> Study:
    """Go on where the study was paused. Asking twice is fine."""
    return _set_intent(database, study_id, Intent.RUN)


@router.post(
    "/studies/{study_id:study}:stop",
    operation_id="stop_study",
    summary="Stop a study for good",
    responses=problems(404, 409),
)
def stop_study(study_id: StudyId, database: DatabaseDependency) -> Study:
    """End the study within seconds; trials in training end as STOPPED with their best so far."""
    return _set_intent(database, study_id, Intent.STOP)


def _set_intent(database: Database, study_id: str, intent: Intent) -> Study:
    return database.write(lambda session: StudyRepository(session).set_intent(study_id, intent))
