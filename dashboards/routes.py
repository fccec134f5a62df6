"""Everything that the dashboard adds to the HTTP application."""

from fastapi import APIRouter

from dashboards import (
    assets,
    compare_pages,
    dataset_pages,
    figure_routes,
    new_study_pages,
    pages,
    study_pages,
    summary_routes,
    trial_compare_pages,
    trial_pages,
)

router = APIRouter()
# Pages last: they end in a catch.
for part in (
    figure_routes.router,
    summary_routes.router,
    compare_pages.figure_router,
    trial_compare_pages.figure_router,
    assets.router,
    dataset_pages.router,
    compare_pages.router,
    new_study_pages.answers,
    new_study_pages.router,
    trial_compare_pages.router,
    study_pages.router,
    trial_pages.router,
    pages.router,
):
    router.include_router(part)
