"""Rules of the linter about the search: space, sampler, pruner, budget, split."""

from collections.abc import Callable, Iterator
from math import ceil, sqrt
from typing import TypeAlias

from service.domain.aims import CODE_USE, COMPLEXITY, COSTS, MEASURED
from service.domain.catalog import Catalog
from service.domain.grid import count_cells
from service.domain.model_sizes import sizes_differ
from service.domain.objective_rules import is_rate_paid_for
from service.domain.overfitting import SAMPLE_DEVIATION
from service.domain.parameters import owners, role_of
from service.domain.records import DataHeader, Notice
from service.domain.space import FAMILY, FloatDistribution, distributions, varies
from service.domain.spec import ResolvedSpec
from service.domain.splits import part_sizes
from service.domain.strategies import GPSampler, GridSampler, HalvingPruner, NoPruner, TPESampler

SpecRule: TypeAlias = Callable[[ResolvedSpec, Catalog, DataHeader], Iterator[Notice]]

FEW_SAMPLES = 100
WIDE_RANGE = 30.0


def warn_of_capacity(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """More capacity always reconstructs better: the search runs to its edge (truth 1)."""
    idle = {*COMPLEXITY, *CODE_USE}
    objectives = [o.metric for o in resolved.aims.objectives if o.metric not in idle]
    if not all(catalog.metrics[name].reconstruction for name in objectives):
        return
    metric = objectives[0] if objectives else resolved.aims.objectives[0].metric
    families = [catalog.families[name] for name in resolved.families]
    for name, entry in resolved.space.items():
        owning = owners(name, entry, families)
        if not varies(entry) or not any(role_of(family, name) == "capacity" for family in owning):
            continue
        is_size = any(sizes_differ(resolved, family, name, catalog, header) for family in owning)
        if is_size and any(cost in COSTS for cost in resolved.aims.metrics):
            continue
        what = (
            "more of it always reconstructs better, so the best trials will sit on its edge"
            if is_size
            else f"the {name} that is nearest to the metric wins, whatever else it does"
        )
        yield Notice(
            code="capacity-without-cost",
            pointer=f"/space/{name}",
            message=f"{name} is searched and costs nothing under {metric}: {what}",
            remedy=f"fix {name} to what you can afford, or give it a price: objective: "
            f"[{{metric: {metric}}}, {{metric: parameters}}]"
            if is_size
            else f"fix {name}, or read the trials as a curve of {metric} against {name}",
        )


def warn_of_batch_size(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """Batch size changes the steps in an epoch and the best learning rate (truth 9)."""
    entry = resolved.space.get("batch_size")
    if entry is None or not varies(entry):
        return
    rate = resolved.space.get("learning_rate")
    if rate is None or not varies(rate):
        yield Notice(
            code="batch-size-with-fixed-rate",
            pointer="/space/batch_size",
            message="batch_size is searched with a fixed learning_rate: each batch size has its "
            "own best rate, so the search measures which one the fixed rate happens to suit",
            remedy="search learning_rate too, or fix batch_size",
        )
    yield Notice(
        code="batch-size-changes-steps",
        pointer="/space/batch_size",
        message=f"all trials see the same samples ({resolved.training.epochs} epochs), so a larger "
        "batch takes fewer steps: part of any difference is the number of steps",
        remedy="fix batch_size, or give enough epochs for the largest batch to converge",
    )


def warn_of_linear_rates(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A rate over decades, sampled linearly, hardly visits the lower ones."""
    for name in ("learning_rate", "weight_decay"):
        entry = resolved.space.get(name)
        if not isinstance(entry, FloatDistribution) or entry.log or entry.step or entry.low <= 0:
            continue
        if entry.high / entry.low > WIDE_RANGE:
            yield Notice(
                code="range-without-log",
                pointer=f"/space/{name}",
                message=f"{name} spans a factor of {entry.high / entry.low:.0f} linearly: nine of "
                "ten trials fall into the upper nine tenths",
                remedy="write log: true",
            )


def warn_of_pruning(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A pruner without rungs prunes nothing; halving with one rung halves once."""
    pruner = resolved.pruner
    if pruner is None or isinstance(pruner, NoPruner):
        return
    epochs = resolved.training.epochs
    if not resolved.rungs:
        yield Notice(
            code="pruner-without-rungs",
            pointer="/pruner",
            message=f"no rung lies before the last of {epochs} epochs (the first eligible one is "
            f"{resolved.first_eligible_epoch}): nothing will be pruned",
            remedy="train for more epochs, lower min_epochs, or write pruner: {type: none}",
        )
    elif isinstance(pruner, HalvingPruner) and len(resolved.rungs) == 1:
        yield Notice(
            code="halving-with-one-rung",
            pointer="/pruner",
            message=f"halving has one rung, at epoch {resolved.rungs[0]} of {epochs}: slow "
            "starters get a single chance",
            remedy="train for more epochs, or lower reduction_factor or min_epochs",
        )


def warn_of_constraints(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """What a constraint cannot do: steer a pruner, or hold on another machine."""
    aims = resolved.aims
    if aims.constraints and resolved.rungs:
        yield Notice(
            code="pruning-ignores-constraints",
            pointer="/pruner",
            message=f"the pruner looks at {aims.objectives[0].metric} alone: trials that would "
            "have met the constraints may end before they can show it",
            remedy="leave pruner out: without one, every trial of this study runs to its end",
        )
    if MEASURED in aims.metrics:
        yield Notice(
            code="latency-is-measured",
            pointer="/objective",
            message=f"{MEASURED} is measured where a trial trains: on another machine, or a "
            "busy one, the same study may choose otherwise",
            remedy="use macs or parameters for a study that can be repeated exactly",
        )


def warn_of_budget(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """Budgets that leave the grid unfinished, the model untaught, or the space unsearched."""
    sampler, trials = resolved.sampler, resolved.trials
    if isinstance(sampler, GridSampler):
        cells = count_cells(resolved.space, resolved.families)
        if trials < cells:
            yield Notice(
                code="grid-cut-short",
                pointer="/budget/trials",
                message=f"the grid has {cells:,} cells, the budget {trials:,} trials: "
                f"{cells - trials:,} of them are never tried",
                remedy="raise the budget, list fewer values, or use the tpe sampler",
            )
        return
    searched = any(varies(entry) for entry in resolved.space.values())
    if not searched and not resolved.family_is_searched and trials > 1:
        yield Notice(
            code="nothing-searched",
            pointer="/space",
            message=f"every parameter is fixed: {trials} trials differ in their seeds only",
            remedy="give a parameter a range, or set budget: {trials: 1}",
        )
    elif (
        isinstance(sampler, TPESampler | GPSampler)
        and sampler.startup_trials != "auto"
        and sampler.startup_trials >= max(trials, 5)
    ):
        yield Notice(
            code="only-startup-trials",
            pointer="/sampler/startup_trials",
            message=f"the first {sampler.startup_trials} trials are random and the budget is "
            f"{trials}: the sampler never gets to use what it learned",
            remedy="raise the budget, or write sampler: {type: random}",
        )


def warn_of_patience(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A rule that could hold at the earliest when every trial is proposed anyway (rule R2)."""
    rule = resolved.budget.stop_when_no_improvement
    if rule is None:
        return
    size = resolved.cohort_size
    cohorts = ceil((rule.trials + 1) / size) + resolved.cohorts_in_flight - 1
    if cohorts * size < resolved.trials:
        return
    yield Notice(
        code="patience-beyond-budget",
        pointer="/budget/stop_when_no_improvement/trials",
        message=f"the rule can hold after {cohorts * size} trials at the earliest ({rule.trials} "
        f"after a first one, seen {resolved.cohorts_in_flight} cohorts of {size} later), and the "
        f"budget is {resolved.trials}: it never ends the search",
        remedy="count fewer trials, raise the budget, or lower parallel.cohort_size",
    )


def warn_of_conditions(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """The Gaussian process knows no conditions."""
    if not isinstance(resolved.sampler, GPSampler):
        return
    conditional = [name for name, entry in distributions(resolved.space).items() if entry.when]
    if conditional:
        yield Notice(
            code="gp-with-conditions",
            pointer="/sampler",
            message=f"the gp sampler draws conditional parameters at random: "
            f"{', '.join(conditional)}",
            remedy="use the tpe sampler, or drop the conditions",
        )


def warn_of_families(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A family without a KL term wins on reconstruction alone."""
    kinds = {catalog.families[name].likelihood for name in resolved.families}
    metric = resolved.aims.objectives[0].metric
    if len(kinds) == 2 and not is_rate_paid_for(resolved.aims, catalog):
        yield Notice(
            code="families-unalike",
            pointer=f"/{FAMILY}",
            message=f"some of these families pay for a KL term and others do not: {metric} alone "
            "favours those that do not, though they cannot be sampled from",
            remedy="search one kind of family per study",
        )


def warn_of_split(resolved: ResolvedSpec, catalog: Catalog, header: DataHeader) -> Iterator[Notice]:
    """Parts so small that scores are mostly chance, and samples that nobody uses."""
    sizes = part_sizes(resolved.split, header)
    if sizes is None or header.estimated:
        return
    for name, size in (("validation", sizes.validation), ("test", sizes.test)):
        if size < FEW_SAMPLES:
            yield Notice(
                code="small-split",
                pointer=f"/split/{name}",
                message=f"{name} has {size} samples: its scores are known to about "
                f"{SAMPLE_DEVIATION / sqrt(max(size, 1)) * 100:.0f} % only",
                remedy="give it a larger share, or read close results as ties",
            )
    if sizes.unused > 0.02 * header.samples:
        yield Notice(
            code="unused-samples",
            pointer="/split",
            message=f"{sizes.unused:,} of {header.samples:,} samples are in no part",
            remedy="raise the share of train, unless you keep them back on purpose",
        )


SEARCH_RULES: tuple[SpecRule, ...] = (
    warn_of_capacity,
    warn_of_batch_size,
    warn_of_linear_rates,
    warn_of_pruning,
    warn_of_constraints,
    warn_of_budget,
    warn_of_patience,
    warn_of_conditions,
    warn_of_families,
    warn_of_split,
)
