"""Whether objectives and constraints can rank the trials of a study (DOMAIN.md truth 1)."""

from collections.abc import Iterator, Sequence

from service.domain.aims import AUXILIARY, COMPLEXITY, COSTS, RATE, Aims
from service.domain.bound_checks import check_bounds
from service.domain.catalog import Catalog, FamilyEntry
from service.domain.objectives import Objective, ObjectiveSpec
from service.domain.parameters import owners, role_of, suggest
from service.domain.space import SpaceEntry, varies
from service.domain.strategies import Budget, GridSampler, NoPruner, PrunerSpec, SamplerSpec
from service.errors import FieldError

PRICED_BY_RATE = frozenset({"beta", "warm_up", "free_bits", "sigma", "loss", "ssim_weight"})
"""Weights that weigh the KL term against the reconstruction: who switches that term off pays for it
in nats of the rate. No rate knows of a discriminator or of another penalty."""


def fill_objectives(
    objective: ObjectiveSpec, families: Sequence[FamilyEntry], catalog: Catalog
) -> ObjectiveSpec:
    """The objective with what was left out: the first metric that all families report."""
    if isinstance(objective, list):
        return objective
    if "metric" in objective.model_fields_set:
        return Objective.model_validate(objective.model_dump())
    common = [
        name
        for name in families[0].metrics
        if name in catalog.metrics and all(name in family.metrics for family in families)
    ]
    metric = common[0] if common else objective.metric
    given = objective.model_dump(include=objective.model_fields_set)
    return Objective(**{"direction": catalog.metrics[metric].direction, **given, "metric": metric})


def check_objectives(
    objective: ObjectiveSpec,
    space: dict[str, SpaceEntry],
    families: Sequence[FamilyEntry],
    catalog: Catalog,
) -> list[FieldError]:
    """Unknown metrics, wrong directions, bounds that exclude all, and degenerate searches."""
    listed = isinstance(objective, list)
    aims = Aims(tuple(objective) if isinstance(objective, list) else (objective,))
    errors: list[FieldError] = []
    for index, each in enumerate(aims.objectives):
        pointer = f"/objective/{index}" if listed else "/objective"
        errors += _check_metric(f"{pointer}/metric", each.metric, families, catalog)
        errors += _check_direction(pointer, each, catalog)
        for place, constraint in enumerate(each.subject_to):
            path = f"{pointer}/subject_to/{place}/metric"
            errors += _check_metric(path, constraint.metric, families, catalog)
    if any(name not in catalog.metrics for name in aims.metrics):
        return errors
    return [
        *errors,
        *check_bounds(aims, listed=listed),
        *_check_costs_alone(aims, space),
        *_check_degenerate(aims, space, families, catalog),
        *_check_scales(aims, space, families, catalog),
    ]


def check_pruner(aims: Aims, pruner: PrunerSpec | None) -> list[FieldError]:
    """Pruning needs one value that trials have at every epoch and are ranked by."""
    if pruner is None or isinstance(pruner, NoPruner) or aims.ranks_by_objective:
        return []
    names = " and ".join(objective.metric for objective in aims.objectives)
    reason = f"a trial has no single value at a rung that stands for {names}"
    return [
        FieldError(
            pointer="/pruner",
            reason=f"{reason}: pruning would cut the front short"
            if aims.is_pareto
            else f"{reason}, so there is nothing to prune by",
            remedy="leave pruner out, or write pruner: {type: none}",
        )
    ]


def check_no_improvement(aims: Aims, budget: Budget, sampler: SamplerSpec) -> list[FieldError]:
    """That the search stops improving is said of one best value, and of a sampler that chooses."""
    if budget.stop_when_no_improvement is None:
        return []
    if aims.is_pareto:
        names = " and ".join(objective.metric for objective in aims.objectives)
        reason = f"{names} together have no single best value that could stop improving"
        remedy = "leave it out and give budget.trials or budget.seconds, or name one objective and"
        remedy += " put a bound on the others: subject_to: [...]"
    elif isinstance(sampler, GridSampler):
        reason = "a grid tries every cell in a fixed order: that the last ones brought nothing"
        reason += " says nothing of the next"
        remedy = "leave it out, or use the random, the tpe or the gp sampler"
    else:
        return []
    pointer = "/budget/stop_when_no_improvement"
    return [FieldError(pointer=pointer, reason=reason, remedy=remedy)]


def is_rate_paid_for(aims: Aims, catalog: Catalog) -> bool:
    """Whether a model that switches its KL term off has to pay for it somewhere.

    By the rate itself, as an objective or below a bound; or by a likelihood, which has the rate
    in it.
    """
    names = {objective.metric for objective in aims.objectives}
    names |= {
        bound.metric
        for bound in aims.constraints
        if bound.metric != RATE or bound.at_most is not None
    }
    return any(name == RATE or catalog.metrics[name].density for name in names)


def _check_metric(
    pointer: str, name: str, families: Sequence[FamilyEntry], catalog: Catalog
) -> Iterator[FieldError]:
    """It exists, and every family reports it; complexity is measured for all alike."""
    common = [
        known
        for known in catalog.metrics
        if known in COMPLEXITY or all(known in family.metrics for family in families)
    ]
    if name not in catalog.metrics:
        yield FieldError(
            pointer=pointer,
            reason=f"there is no metric {name!r}",
            remedy=suggest(name, common),
        )
    elif name not in common:
        lacking = [family.name for family in families if name not in family.metrics]
        ranking = [known for known in common if known not in COMPLEXITY]
        yield FieldError(
            pointer=pointer,
            reason=f"{', '.join(lacking)} does not report {name}",
            remedy=f"rank by {' or '.join(ranking)}" if ranking else "search fewer families",
        )


def _check_direction(pointer: str, objective: Objective, catalog: Catalog) -> Iterator[FieldError]:
    metric = catalog.metrics.get(objective.metric)
    if metric is not None and objective.direction != metric.direction:
        yield FieldError(
            pointer=f"{pointer}/direction",
            reason=f"{metric.name} is better when "
            + ("lower" if metric.direction == "minimize" else "higher"),
            remedy=f"write direction: {metric.direction}",
        )


def _check_costs_alone(aims: Aims, space: dict[str, SpaceEntry]) -> Iterator[FieldError]:
    """Costs alone are lowest for the model that does nothing; a codebook does not know either."""
    looked_at = set(aims.metrics)
    if looked_at <= AUXILIARY and any(varies(entry) for entry in space.values()):
        names = " and ".join(objective.metric for objective in aims.objectives)
        first = aims.objectives[0]
        said = f"metric: {first.metric}"
        if first.direction != "minimize":
            said += f", direction: {first.direction}"
        yield FieldError(
            pointer="/objective",
            reason=f"{names} alone says what a model costs, not what it can do: the best one "
            "would be the smallest and the least trained"
            if looked_at <= COSTS
            else f"{names} alone says nothing of what a model can do: one that reconstructs "
            "nothing may use all of its codes alike",
            remedy=f"name what it is for: [{{metric: mse}}, {{{said}}}], or a bound: "
            f"{{{said}, subject_to: [{{metric: mse, at_most: 0.01}}]}}",
        )


def _check_degenerate(
    aims: Aims,
    space: dict[str, SpaceEntry],
    families: Sequence[FamilyEntry],
    catalog: Catalog,
) -> Iterator[FieldError]:
    """Searched weights of the loss, which a reconstruction metric drives to their edge."""
    is_paid_for = is_rate_paid_for(aims, catalog)
    names = [o.metric for o in aims.objectives if catalog.metrics[o.metric].reconstruction]
    metric = names[0] if names else aims.objectives[0].metric
    for name, entry in space.items():
        priced = name in PRICED_BY_RATE
        owning = owners(name, entry, families)
        if not varies(entry) or not any(role_of(family, name) == "objective" for family in owning):
            continue
        if priced and is_paid_for:
            continue
        unpriced = ", and no rate prices it" if is_paid_for else ""
        yield FieldError(
            pointer=f"/space/{name}",
            reason=f"{name} weighs the loss itself{unpriced}: searched under "
            f"{' and '.join(aims.metrics) if is_paid_for else f'{metric} alone'} it runs to "
            "whatever switches the other terms off, and the winner is the best copier, "
            "not the best model (a degenerate search)",
            remedy=_ways_out(name, metric, families) if priced else _fix(name),
        )


def _fix(name: str) -> str:
    return f"fix {name}, and make one study for each of its values"


def _ways_out(name: str, metric: str, families: Sequence[FamilyEntry]) -> str:
    """What to write instead, as YAML that works for these families."""
    common = set.intersection(*(set(family.metrics) for family in families))
    ways = []
    if RATE in common:
        ways = [
            "the pair of distortion and rate, whose answer is a set of compromises: "
            f"`objective: [{{metric: {metric}}}, {{metric: {RATE}}}]`",
            "a constraint on the rate: "
            f"`objective: {{metric: {metric}, subject_to: [{{metric: {RATE}, at_most: 20}}]}}`",
        ]
    if "elbo" in common and name != "loss":
        ways.append(
            "the ELBO at beta = 1, which is one number for both: "
            "`objective: {metric: elbo, direction: maximize}`"
        )
    ways.append(_fix(name))
    if len(ways) == 1:
        return ways[0]
    counted = {3: "two ways out", 4: "three ways out"}.get(len(ways), "a way out")
    *named, last = ways
    text = "; ".join(f"({number}) {way}" for number, way in enumerate(named, start=1))
    return f"{counted}: {text}; or {last}"


def _check_scales(
    aims: Aims,
    space: dict[str, SpaceEntry],
    families: Sequence[FamilyEntry],
    catalog: Catalog,
) -> Iterator[FieldError]:
    """Likelihoods under different losses cannot be compared."""
    metrics = [name for name in aims.metrics if catalog.metrics[name].density]
    if not metrics or "loss" not in space or not varies(space["loss"]):
        return
    if any(family.likelihood for family in owners("loss", space["loss"], families)):
        yield FieldError(
            pointer="/space/loss",
            reason=f"{metrics[0]} under different losses stands on different scales "
            "(nats of a density against nats of a probability)",
            remedy="fix loss, and search sigma or beta instead; or one study per loss",
        )
