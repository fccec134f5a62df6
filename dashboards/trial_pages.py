"""The page of one trial: curves, pictures, params beside the best one's, verdict, failure."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.figures import FIGURES
from dashboards.rendering import PageRoute, no_study, page
from dashboards.rivals import say_rival
from dashboards.trial_files import evidence_pieces
from dashboards.views import trial_view
from service.api.dependencies import ContainerDependency, StudyId, TrialNumber, read_records
from service.domain.doing_nothing import DOING_NOTHING
from service.errors import NotFound

NumberQuery = Annotated[int, Query(ge=0, le=999_999)]

GROUPS = {
    "curves": ("Curves", {"overfitting"}),
    "gallery": ("Gallery", {"pictures", "generative"}),
    "signals": ("Training signals", {"training"}),
}
"""Parts of the page: heading, and the groups of the figures in it."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)


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
            raise no_study()
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
        groups={
            place: (heading, _figures_of(groups, pieces))
            for place, (heading, groups) in GROUPS.items()
        },
        study=study,
        trial=trial,
        best=best,
        view=trial_view(study, trial, best),
        rival=say_rival(study, trial, nothing, container.catalog),
    )


def _figures_of(groups: set[str], pieces: frozenset[str]) -> list[str]:
    """The figures of a part of the page, without those of evidence that the trial has not left."""
    return [
        name
        for name, entry in FIGURES.items()
        if entry.of_trial and entry.group in groups and (not entry.shows or entry.shows in pieces)
    ]
