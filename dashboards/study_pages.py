"""The page of one study: its state, its figures, a page of its trials, its spec."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboards.best_model import best_model
from dashboards.figures import FIGURES
from dashboards.figures.figure import Figure
from dashboards.rendering import PageRoute, linker, no_study, page
from dashboards.revision_view import EARLY, revision_rows, say_early_end
from dashboards.rivals import say_rival
from dashboards.selection_view import selection_view
from dashboards.summary_desk import look_at_summary
from dashboards.views import study_view, upload_ids
from service.api.dependencies import ContainerDependency, StudyId, read_records
from service.domain.catalog import Catalog
from service.domain.doing_nothing import DOING_NOTHING
from service.domain.records import Study
from service.domain.states import TrialState

TRIALS_ON_A_PAGE = 50

Token = Annotated[str | None, Query(max_length=1024)]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


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
            raise no_study()
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
        short=look_at_summary(request, container, study),
        selection=selection_view(study, repeats),
        revisions=revision_rows(study, revisions),
        early_end=say_early_end(study, ended),
        rival=say_rival(study, best, nothing, container.catalog),
        catalog=container.catalog,
        view=study_view(study, best, dataset, container.catalog, names, repeats),
        groups=figure_groups(study, container.catalog),
        verdicts=verdicts,
        trials=trials.items,
        next_page_token=trials.next_page_token,
        paged=page_token is not None,
        trial_states=list(TrialState),
        selected={"state": state or [], "order_by": order_by},
        link=linker(request),
    )


def figure_groups(study: Study, catalog: Catalog) -> dict[str, dict[str, Figure[Any]]]:
    """The figures that the study's page has a place for, by group, in the registry's order."""
    groups: dict[str, dict[str, Figure[Any]]] = {}
    for name, entry in FIGURES.items():
        if not entry.of_trial and entry.applies(study.resolved, catalog):
            groups.setdefault(entry.group, {})[name] = entry
    return groups
