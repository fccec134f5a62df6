"""Trials of a study, and their epochs."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.api.bodies import JSON
from service.api.dependencies import DatabaseDependency, StudyDependency, TrialDependency
from service.api.openapi import SPEC_RESPONSE, problems
from service.api.paging import PageSize, PageToken
from service.api.spec_answers import SpecAccept, SpecForm, answer_spec
from service.domain.configuration import best_config_spec
from service.domain.records import EpochPage, Trial, TrialPage
from service.domain.states import TrialState
from service.errors import InvalidRequest
from service.storage.trials import TrialRepository

router = APIRouter(prefix="/v1/studies/{study_id:study}", tags=["trials"])

TrialOrder = Annotated[
    str,
    Query(
        pattern="^-?(number|value|epochs)$",
        description="`number`, `value` or `epochs`; a minus in front turns it round.",
    ),
]


@router.get(
    "/trials", operation_id="list_trials", summary="List the trials", responses=problems(404)
)
def list_trials(
    study: StudyDependency,
    database: DatabaseDependency,
    page_size: PageSize = 100,
    page_token: PageToken = None,
    state: Annotated[
        list[TrialState] | None,
        Query(max_length=7, description="Only trials in these states; may be repeated."),
    ] = None,
    order_by: TrialOrder = "number",
) -> TrialPage:
    """Trials with params, value, metrics at the best epoch, verdict and failure."""
    with database.read() as session:
        return TrialRepository(session).page(study.id, page_size, page_token, state, order_by)


@router.get(
    "/trials/{number:int}", operation_id="get_trial", summary="One trial", responses=problems(404)
)
def get_trial(trial: TrialDependency) -> Trial:
    """Params, value, metrics at the best epoch, verdict, seed, attempt and failure."""
    return trial


@router.get(
    "/trials/{number:int}/config",
    operation_id="get_trial_config",
    summary="One trial as a study spec",
    response_class=Response,
    responses={**SPEC_RESPONSE, **problems(404)},
)
def get_trial_config(
    study: StudyDependency, trial: TrialDependency, form: SpecForm = None, accept: SpecAccept = JSON
) -> Response:
    """A spec of one trial that trains this one again, to the same numbers, whatever became of it.

    Everything is written out, the trial's seed included; POST it, or `hifitune train` it.
    """
    return answer_spec(best_config_spec(study, trial), form, accept)


@router.get(
    "/trials/{number:int}/epochs",
    operation_id="list_epochs",
    summary="The epochs of a trial",
    responses=problems(404),
)
def list_epochs(
    trial: TrialDependency,
    database: DatabaseDependency,
    page_size: PageSize = 1000,
    page_token: PageToken = None,
) -> EpochPage:
    """Train and validation metrics epoch by epoch, from epoch 1; null stands for not finite."""
    after = _read_token(page_token)
    with database.read() as session:
        reports = TrialRepository(session).epochs(
            trial.study_id, trial.number, after=after, limit=page_size + 1
        )
    more = len(reports) > page_size
    items = reports[:page_size]
    return EpochPage(items=items, next_page_token=str(items[-1].epoch) if more else None)


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdecimal() or len(token) > 9:
        raise InvalidRequest("page_token is not one of ours", "take it from the page before")
    return int(token)
