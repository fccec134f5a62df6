"""For whoever watches the process."""

import shutil

from fastapi import APIRouter

from service.api.dependencies import ContainerDependency
from service.api.openapi import problems
from service.domain.model import Record
from service.errors import StorageFull, Unavailable
from service.storage.migration import is_current

router = APIRouter(tags=["health"])

LEAST_FREE_BYTES = 16 * 2**20


class Liveness(Record):
    """The process answers."""

    status: str = "ok"


class Readiness(Record):
    """Everything that a study needs is there."""

    status: str = "ready"
    checks: dict[str, str]
    """Check -> `ok`."""


@router.get("/livez", operation_id="livez", summary="Is the process alive")
def livez() -> Liveness:
    """Always 200 while the process answers; touches nothing else."""
    return Liveness()


@router.get(
    "/readyz", operation_id="readyz", summary="Can studies be served", responses=problems(507)
)
def readyz(container: ContainerDependency) -> Readiness:
    """200 when the database answers, its schema is current, the engine lives, and disk is left.

    Else 503 (or 507 for the disk), whose `detail` names what is missing.
    """
    if not is_current(container.database):
        raise Unavailable("the database's schema is not current", "run `hifitune migrate`")
    if shutil.disk_usage(container.data_dir).free < LEAST_FREE_BYTES:
        raise StorageFull("the disk of the data directory is full", "free some space")
    checks = {"database": "ok", "disk": "ok"}
    if container.engine_alive is not None:
        if not container.engine_alive():
            raise Unavailable("the engine is not running", "it is started again within seconds")
        checks["engine"] = "ok"
    return Readiness(checks=checks)
