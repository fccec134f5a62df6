"""A study that is COMPLETE goes on: more trials, and the results that it had before."""

from fastapi import APIRouter, Response

from service.api.bodies import DocumentDependency
from service.api.dependencies import (
    ContainerDependency,
    DatabaseDependency,
    StudyDependency,
)
from service.api.openapi import EXTENSION_BODY, problems
from service.api.pointers import read_value
from service.api.studies import IdempotencyKey
from service.domain.catalog import Catalog
from service.domain.enqueue_checks import fit_enqueued
from service.domain.model import content_hash
from service.domain.records import RevisionList, Study
from service.domain.space import Params
from service.domain.spec import MAX_TRIALS, ExtensionSpec
from service.domain.states import StudyState
from service.domain.strategies import GridSampler
from service.errors import Conflict, FieldError, InvalidSpec
from service.storage.revisions import RevisionRepository

router = APIRouter(prefix="/v1/studies/{study_id:study}", tags=["studies"])


@router.post(
    ":extend",
    operation_id="extend_study",
    summary="Go on with a study that is COMPLETE",
    responses={
        200: {
            "description": "The study is queued again, as a new revision. A repeated "
            "`Idempotency-Key` answers the same, with the study as it is now.",
            "headers": {
                "Idempotency-Replayed": {
                    "description": "`true` when an earlier request has extended the study.",
                    "schema": {"type": "string", "enum": ["true"]},
                }
            },
        },
        **problems(404, 409, 413, 415, 422, 507),
    },
    openapi_extra=EXTENSION_BODY,
)
def extend_study(
    document: DocumentDependency,
    study: StudyDependency,
    container: ContainerDependency,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Study:
    """More trials, from where the search stopped; then another selection.

    The result so far is kept (`revisions`). Cohort size, startup trials and seeds stay as they
    were. 409 unless the study is COMPLETE, and for a grid, which has no further cells.
    """
    asked = read_value(document, ExtensionSpec)
    body_hash = content_hash(document)
    replayed = False
    if idempotency_key is not None:
        with container.database.read() as session:
            known = RevisionRepository(session)
            replayed = known.extended_by(study.id, idempotency_key, body_hash)
    if not replayed:
        enqueue = _check(asked, study, container.catalog)
        with container.database.transaction() as session:
            study, replayed = RevisionRepository(session).extend(
                study.id, asked, enqueue, idempotency_key, body_hash
            )
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return study


@router.get(
    "/revisions",
    operation_id="list_revisions",
    summary="What a study had found before it was extended",
    responses=problems(404),
)
def list_revisions(study: StudyDependency, database: DatabaseDependency) -> RevisionList:
    """The earlier results, oldest first; the current one is the study itself."""
    with database.read() as session:
        return RevisionList(items=RevisionRepository(session).of(study.id))


def _check(asked: ExtensionSpec, study: Study, catalog: Catalog) -> list[Params]:
    """The entries as the study's space wants them."""
    resolved = study.resolved
    if isinstance(resolved.sampler, GridSampler) and study.state is StudyState.COMPLETE:
        raise Conflict(
            "every cell of the grid has been tried, or the budget left some out: a grid cannot be "
            "extended",
            "submit a study with more values in the space, or with another sampler and this one as "
            f"warm_start: {{studies: [{study.id}]}}",
        )
    missing = [name for name in resolved.families if name not in catalog.families]
    if missing:
        raise Conflict(
            f"this server does not have the family {', '.join(missing)}",
            "start it with --family FILE.py:CLASS, as when the study was made",
        )
    allowed = MAX_TRIALS - study.progress.trials
    if asked.trials > allowed:
        raise InvalidSpec(
            [
                FieldError(
                    pointer="/trials",
                    reason=f"a study has at most {MAX_TRIALS:,} trials, and this one has "
                    f"{study.progress.trials:,}",
                    remedy=f"ask for at most {allowed:,}",
                )
            ]
        )
    families = [catalog.families[name] for name in resolved.families]
    enqueue, errors = fit_enqueued(asked.enqueue, resolved, families, asked.trials)
    if errors:
        raise InvalidSpec(errors)
    return enqueue
