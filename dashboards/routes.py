"""Everything that the dashboard adds to the HTTP application."""

from fastapi import APIRouter

from dashboards import assets, dataset_pages, figure_routes, pages

router = APIRouter()
# Pages last: they end in a catch.
for part in (figure_routes.router, assets.router, dataset_pages.router, pages.router):
    router.include_router(part)
