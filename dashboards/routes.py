"""Everything that the dashboard adds to the HTTP application."""

from fastapi import APIRouter

from dashboards import assets, figure_routes, pages

router = APIRouter()
for part in (figure_routes.router, assets.router, pages.router):  # pages last: they end in a catch
    router.include_router(part)
