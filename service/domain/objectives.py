"""Whether an objective can rank the trials of a study."""

from collections.abc import Sequence

from service.domain.catalog import Catalog, FamilyEntry
from service.domain.parameters import degenerate_entries, owners, suggest
from service.domain.space import SpaceEntry, varies
from service.domain.spec import Objective
from service.errors import FieldError


def check_objective(
    objective: Objective,
    space: dict[str, SpaceEntry],
    families: Sequence[FamilyEntry],
    catalog: Catalog,
) -> list[FieldError]:
    """Unknown metrics, wrong directions, and searches that the metric makes degenerate."""
    metric = catalog.metrics.get(objective.metric)
    common = [
        name for name in catalog.metrics if all(name in family.metrics for family in families)
    ]
    if metric is None:
        return [
            FieldError(
                pointer="/objective/metric",
                reason=f"there is no metric {objective.metric!r}",
                remedy=suggest(objective.metric, common),
            )
        ]
    errors = []
    lacking = [family.name for family in families if metric.name not in family.metrics]
    if lacking:
        errors.append(
            FieldError(
                pointer="/objective/metric",
                reason=f"{', '.join(lacking)} does not report {metric.name}",
                remedy=f"rank by {' or '.join(common)}" if common else "search fewer families",
            )
        )
    if objective.direction != metric.direction:
        errors.append(
            FieldError(
                pointer="/objective/direction",
                reason=f"{metric.name} is better when "
                + ("lower" if metric.direction == "minimize" else "higher"),
                remedy=f"write direction: {metric.direction}",
            )
        )
    if metric.reconstruction:
        errors += degenerate_entries(space, families, metric.name)
    elif "loss" in space and varies(space["loss"]):
        likelihoods = [f.name for f in owners("loss", space["loss"], families) if f.likelihood]
        if likelihoods:
            errors.append(
                FieldError(
                    pointer="/space/loss",
                    reason=f"{metric.name} under different losses stands on different scales "
                    "(nats of a density against nats of a probability)",
                    remedy="fix loss, and search sigma or beta instead; or one study per loss",
                )
            )
    return errors
