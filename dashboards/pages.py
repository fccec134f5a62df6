"""The pages: studies, one study, one trial; everything they show is in their address."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import yaml
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BeforeValidator

from dashboards import wording
from dashboards.figures import FIGURES
from dashboards.revision_view import EARLY, revision_rows, say_early_end
from dashboards.rivals import say_rival
from dashboards.selection_view import selection_view
from dashboards.trial_files import evidence_pieces
from dashboards.views import say_dataset, say_end, study_view, trial_view, upload_ids
from service.api.dependencies import (
    ContainerDependency,
    Records,
    StudyId,
    TrialNumber,
    read_records,
)
from service.domain.confirmed import confirmation_of
from service.domain.doing_nothing import DOING_NOTHING
from service.domain.records import Study, Trial
from service.domain.states import TERMINAL_STUDY_STATES, StudyState, TrialState
from service.errors import InvalidRequest, NotFound, ServiceError

STUDIES_ON_A_PAGE = 25
TRIALS_ON_A_PAGE = 50

Absent = BeforeValidator(lambda value: value or None)
"""An empty field of a form is no filter."""
Token = Annotated[str | None, Query(max_length=1024)]
NumberQuery = Annotated[int, Query(ge=0, le=999_999)]


@cache
def environment() -> Environment:
    """The templates: everything is escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": wording.say_number,
        "setting": wording.say_setting,
        "duration": wording.say_duration,
        "share": wording.say_share,
        "size": wording.say_size,
        "state": wording.say_state,
        "verdict": wording.say_verdict,
        "age": lambda moment: wording.say_age(moment, datetime.now(UTC)),
        "others": wording.say_others,
        "dataset": say_dataset,
        "end_of": say_end,
        "yaml": as_yaml,
    }
    made.globals |= {
        "figures": FIGURES,
        "sparkline": wording.draw_sparkline,
        "terminal_states": TERMINAL_STUDY_STATES,
    }
    return made


def as_yaml(value: Mapping[str, Any]) -> str:
    """A spec as people write it."""
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A rendered page. It is never taken from a cache: a reload shows what is."""
    text = environment().get_template(template).render(values)
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


class PageRoute(APIRoute):
    """A route whose errors are pages too, each with the next step."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals turned into pages."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except ServiceError as error:
                return _error_page(error)
            except RequestValidationError as error:
                in_path = any(detail["loc"][0] == "path" for detail in error.errors())
                return _error_page(_nowhere() if in_path else _bad_address())

        return handle_page


def _nowhere() -> NotFound:
    return NotFound("there is nothing at this address", "go back to the list of studies")


def _bad_address() -> InvalidRequest:
    return InvalidRequest("a filter in this address is not valid", "start from the list again")


def _error_page(error: ServiceError) -> HTMLResponse:
    return page("error.html", error.status, error=error, retry=error.status == 503)


router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def show_studies(
    request: Request,
    container: ContainerDependency,
    state: Annotated[StudyState | None, Absent, Query()] = None,
    family: Annotated[str, Query(max_length=64)] = "",
    name: Annotated[str, Query(max_length=120)] = "",
    order_by: Annotated[str, Query(pattern="^-?(created_at|name)$")] = "-created_at",
    page_token: Token = None,
) -> HTMLResponse:
    """All studies, filtered and ordered as the address says."""
    with read_records(container.database) as records:
        found = records.studies.page(
            STUDIES_ON_A_PAGE, page_token, state, family or None, name or None, order_by
        )
        improvements = records.overviews.improvements([study.id for study in found.items])
        names = records.uploads.names(upload_ids(found.items))
    return page(
        "studies.html",
        studies=found.items,
        improvements=improvements,
        names=names,
        filtered=bool(state or family or name or page_token),
        families=sorted(container.catalog.families),
        states=list(StudyState),
        selected={"state": state, "family": family, "name": name, "order_by": order_by},
        link=linker(request),
        next_page_token=found.next_page_token,
        paged=page_token is not None,
    )


@router.get("/studies/{study_id:study}")
def show_study(
    request: Request,
    container: ContainerDependency,
    study_id: StudyId,
    state: Annotated[list[TrialState] | None, Query(max_length=7)] = None,
    order_by: Annotated[str, Query(pattern="^-?(number|value|epochs)$")] = "number",
    page_token: Token = None,
) -> HTMLResponse:
    """One study: its state, its figures, a page of its trials, its spec."""
    with read_records(container.database) as records:
        study = records.studies.get(study_id)
        if study is None:
            raise _no_study()
        trials = records.trials.page(study_id, TRIALS_ON_A_PAGE, page_token, state, order_by)
        verdicts = records.overviews.verdicts(study_id)
        best = best_model(records, study)
        dataset = records.datasets.get(study.data_hash) if study.data_hash else None
        names = records.uploads.names(upload_ids([study]))
        nothing = records.analyses.get(study_id, DOING_NOTHING)
        repeats = records.analyses.get(study_id, "selection")
        revisions = records.revisions.of(study_id)
        ended = [each for kind in EARLY for each in records.decisions.current(study_id, kind)]
    return page(
        "study.html",
        study=study,
        selection=selection_view(study, repeats),
        revisions=revision_rows(study, revisions),
        early_end=say_early_end(study, ended),
        rival=say_rival(study, best, nothing, container.catalog),
        catalog=container.catalog,
        view=study_view(study, best, dataset, container.catalog, names, repeats),
        verdicts=verdicts,
        trials=trials.items,
        next_page_token=trials.next_page_token,
        paged=page_token is not None,
        trial_states=list(TrialState),
        selected={"state": state or [], "order_by": order_by},
        link=linker(request),
    )


def best_model(records: Records, study: Study) -> Trial | None:
    """The best trial with the figures of the model that stands for it: a confirmed config's are
    those of its median repetition, which is what can be taken away."""
    if study.best is None:
        return None
    best = records.trials.get(study.id, study.best.trial)
    found = confirmation_of(study)
    if best is None or found is None or found.model is None or found.winner != best.number:
        return best
    model = records.trials.get(found.model.study, found.model.trial)
    if model is None or model.metrics is None:
        return best
    return model.model_copy(update={"number": best.number, "params": best.params})


@router.get("/studies/{study_id:study}/trials")
def jump_to_trial(study_id: StudyId, number: NumberQuery) -> RedirectResponse:
    """Where the form `jump to trial` leads."""
    return RedirectResponse(f"/studies/{study_id}/trials/{number}", 303)


@router.get("/studies/{study_id:study}/trials/{number:int}")
def show_trial(
    container: ContainerDependency, study_id: StudyId, number: TrialNumber
) -> HTMLResponse:
    """One trial: curves, pictures, params beside the best one's, verdict, failure."""
    with read_records(container.database) as records:
        study = records.studies.get(study_id)
        if study is None:
            raise _no_study()
        trial = records.trials.get(study_id, number)
        if trial is None:
            raise NotFound(
                f"study {study.name} has no trial {number} (yet)", "go back to the study's page"
            )
        best = records.trials.get(study_id, study.best.trial) if study.best else None
        nothing = records.analyses.get(study_id, DOING_NOTHING)
        pieces = evidence_pieces(container, records, trial)
    return page(
        "trial.html",
        shown=[
            name
            for name, entry in FIGURES.items()
            if entry.of_trial and (not entry.shows or entry.shows in pieces)
        ],
        study=study,
        trial=trial,
        best=best,
        view=trial_view(study, trial, best),
        rival=say_rival(study, trial, nothing, container.catalog),
    )


@router.get("/{rest}")
@router.get("/studies/{rest:path}")
def show_nothing(rest: str) -> HTMLResponse:
    """Every other address that a person may try."""
    raise _nowhere()


def _no_study() -> NotFound:
    return NotFound("there is no such study", "it may have been deleted: see the list of studies")


def linker(request: Request) -> Callable[..., str]:
    """Makes links to this page with some of its query changed; None drops a name."""
    current = request.query_params.multi_items()

    def link(**changes: object) -> str:
        # Another filter or order starts again at the first page.
        kept = [
            (key, value)
            for key, value in current
            if key not in changes and key != "page_token" and value
        ]
        for key, value in changes.items():
            values = value if isinstance(value, list) else [value]
            kept += [(key, str(item)) for item in values if item is not None]
        return f"?{urlencode(kept)}" if kept else request.url.path

    return link
