"""What can be tuned."""

from fastapi import APIRouter

from service.api.dependencies import CatalogDependency
from service.domain.catalog import Choice, FamilyEntry, LossEntry, MetricEntry, TaskEntry
from service.domain.model import Record

router = APIRouter(prefix="/v1", tags=["catalog"])


class CatalogPage(Record):
    """Families with their parameters, metrics, and the other choices of a spec."""

    families: dict[str, FamilyEntry]
    metrics: dict[str, MetricEntry]
    losses: dict[str, LossEntry]
    """What families with a parameter `loss` can be trained by, and what each assumes."""
    tasks: list[TaskEntry]
    samplers: list[Choice]
    pruners: list[Choice]
    datasets: list[Choice]


@router.get("/catalog", operation_id="get_catalog", summary="What can be tuned")
def get_catalog(catalog: CatalogDependency) -> CatalogPage:
    """Families with params, roles, defaults and ranges; metrics, tasks, samplers, pruners, data."""
    return CatalogPage(
        families=catalog.families,
        metrics=catalog.metrics,
        losses=catalog.losses,
        tasks=catalog.tasks,
        samplers=catalog.samplers,
        pruners=catalog.pruners,
        datasets=catalog.datasets,
    )
