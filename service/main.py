"""create_app(): the composition root of the HTTP side. Never loads torch, optuna or ray."""

import logging
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from dashboards.error_pages import ErrorPages
from dashboards.routes import router as dashboards
from service import __version__
from service.api import (
    all_events,
    compare,
    events,
    exports,
    extend,
    health,
    openapi,
    problems,
    results,
    studies,
    trials,
)
from service.api import catalog as catalog_routes
from service.api import datasets as dataset_routes
from service.api.dependencies import Container
from service.api.examples import example_records
from service.api.feeds import Feeds
from service.api.inspection import Inspector
from service.api.many_feeds import ManyFeeds
from service.api.own_sources import keep_sources
from service.api.security import SecurityMiddleware
from service.api.uploads import UploadDesk, UploadLimits
from service.artifacts import FilesystemArtifacts
from service.errors import ServiceError
from service.exports.exporter import Exporter
from service.exports.pictures import PictureDesk
from service.settings import Settings
from service.storage.database import Database
from service.upload_files import UploadFiles
from trainers import registry

log = logging.getLogger(__name__)

VERSIONED_PACKAGES = ("torch", "numpy", "optuna", "scikit-learn")
"""What a result may depend on; read from metadata, none is imported."""


def create_app(
    settings: Settings | None = None, engine_alive: Callable[[], bool] | None = None
) -> FastAPI:
    """The HTTP application over a migrated database.

    `engine_alive` makes `/readyz` answer for an engine that this process looks after.
    """
    settings = settings or Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    registry.use_sources(settings.families)
    known = registry.catalog()
    database = Database(settings.database_url)
    feeds = Feeds(database, settings.poll_seconds, settings.heartbeat_seconds)
    container = Container(
        database=database,
        artifacts=FilesystemArtifacts(settings.artifact_root),
        catalog=known,
        feeds=feeds,
        many_feeds=ManyFeeds(feeds, database),
        data_roots=settings.data_roots,
        data_dir=settings.data_dir,
        data_store=settings.data_store,
        versions=versions() | registry.fingerprints(),
        uploads=upload_desk(settings, database),
        exporter=Exporter(database, settings.data_dir / "exports"),
        pictures=PictureDesk(settings.chromium),
        max_body_bytes=settings.max_body_bytes,
        engine_alive=engine_alive,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            container.uploads.sweep()
            container.exporter.sweep()
        except ServiceError as error:
            # The next start sweeps; meanwhile `/readyz` says what is wrong.
            log.warning("nothing was swept: %s", error.detail)
        yield
        container.feeds.close()
        container.pictures.close()
        registry.close()
        database.close()

    keep_sources(container.artifacts)
    app = FastAPI(
        title="HiFiTune",
        version=__version__,
        lifespan=lifespan,
        # Their pages load scripts from elsewhere, which our policy forbids.
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.container = container
    app.add_middleware(SecurityMiddleware, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(ErrorPages)
    problems.install(app)
    openapi.install(app, lambda: example_records(container.catalog))
    for router in (
        studies.router,
        compare.router,
        extend.router,
        trials.router,
        results.router,
        exports.router,
        events.router,
        all_events.router,
        catalog_routes.router,
        dataset_routes.router,
        health.router,
        dashboards,
    ):
        app.include_router(router)
    return app


def upload_desk(settings: Settings, database: Database) -> UploadDesk:
    """What takes uploads in, within the limits of the settings."""
    return UploadDesk(
        database,
        UploadFiles(settings.upload_root),
        settings.data_store,
        Inspector(settings.data_store, settings.inspect_memory_bytes, settings.inspect_seconds),
        UploadLimits(
            settings.upload_bytes,
            settings.upload_quota_bytes,
            settings.upload_idle_seconds,
            settings.upload_seconds,
        ),
    )


def versions() -> dict[str, str]:
    """Versions of everything that the numbers of a study may depend on."""
    found = {"hifitune": __version__, "python": platform.python_version()}
    for package in VERSIONED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["machine"] = f"{platform.system()} {platform.machine()}"
    return found
