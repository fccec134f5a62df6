"""resolve(): a spec with nothing left out and no `auto`, or every reason why it cannot be."""

from collections.abc import Mapping, Sequence
from math import ceil

from service.domain.architecture_checks import check_architecture, check_size
from service.domain.catalog import Catalog, FamilyEntry
from service.domain.conditions import check_conditions, imply_families
from service.domain.configuration import best_config_spec, complete_config, family_of
from service.domain.datasets import BuiltInDataset
from service.domain.enqueue_checks import fit_enqueued
from service.domain.estimates import estimate
from service.domain.grid import count_cells, is_continuous
from service.domain.loss_checks import check_losses
from service.domain.needs import check_needs, imply_needs, without_idle
from service.domain.objective_rules import (
    check_no_improvement,
    check_objectives,
    check_pruner,
    fill_objectives,
)
from service.domain.parameters import default_of, default_space, fit_entry, suggest
from service.domain.records import DataHeader
from service.domain.space import (
    MAX_GRID_CELLS,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    SpaceEntry,
    distributions,
    is_distribution,
)
from service.domain.spec import FamilyChoices, ResolvedSpec, StudySpec
from service.domain.splits import check_selection, check_split, resolve_split
from service.domain.strategies import (
    GPSampler,
    GridSampler,
    HalvingPruner,
    MedianPruner,
    NoPruner,
    PrunerSpec,
    SamplerSpec,
    TPESampler,
    Training,
)
from service.domain.task_checks import check_task
from service.errors import FieldError, InvalidSpec

__all__ = ["best_config_spec", "complete_config", "estimate", "family_of", "resolve", "rungs"]

DEFAULT_TRIALS = 40
DEFAULT_COHORTS_IN_FLIGHT = 2


def resolve(spec: StudySpec, catalog: Catalog, header: DataHeader) -> ResolvedSpec:
    """Write out every default and every `auto`; resolving the result changes nothing.

    Raises InvalidSpec with a pointer, a reason and a remedy for everything that is wrong.
    """
    errors = _check_names(spec, catalog)
    _refuse(errors)  # nothing below makes sense without families
    families = [catalog.families[name] for name in spec.families]

    spec = spec.model_copy(update={"objective": fill_objectives(spec.objective, families, catalog)})
    space, errors = _resolve_space(spec, families, catalog)
    errors += check_objectives(spec.objective, space, families, catalog)
    errors += check_pruner(spec.aims, spec.pruner)
    errors += check_no_improvement(spec.aims, spec.budget, spec.sampler)
    errors += check_task(spec, families, catalog, header)
    split = resolve_split(spec.split, spec.dataset)
    errors += check_split(split, spec.dataset, header)
    errors += check_selection(spec.selection, split)
    training, training_errors = _resolve_training(spec, space, families)
    errors += training_errors
    trials, grid_errors = _count_trials(spec, space)
    _refuse(errors + grid_errors)

    sampler = _resolve_sampler(spec.sampler, trials)
    pruner = _resolve_pruner(spec, sampler, training.epochs)
    cohort_size = spec.parallel.cohort_size
    in_flight = spec.parallel.cohorts_in_flight
    first_eligible = training.first_eligible_epoch
    assert isinstance(first_eligible, int)
    resolved = ResolvedSpec(
        name=spec.name,
        dataset=spec.dataset,
        split=split,
        scaling=spec.scaling,
        task=spec.task,
        family=families[0].name if len(families) == 1 else FamilyChoices(choices=spec.families),
        objective=spec.objective,
        space=space,
        training=training,
        sampler=sampler,
        pruner=pruner,
        budget=spec.budget.model_copy(update={"trials": trials}),
        parallel=spec.parallel.model_copy(
            update={
                "cohort_size": _clamp(trials // 8, 1, 16) if cohort_size == "auto" else cohort_size,
                "cohorts_in_flight": DEFAULT_COHORTS_IN_FLIGHT
                if in_flight == "auto"
                else in_flight,
            }
        ),
        selection=spec.selection,
        warm_start=spec.warm_start,
        seed=spec.seed,
        trial_seed=spec.trial_seed,
        defaults={family.name: _base_config(family, space, spec) for family in families},
        rungs=rungs(pruner, training.epochs, first_eligible),
        extensions=spec.extensions if isinstance(spec, ResolvedSpec) else [],
        trial_seeds=spec.trial_seeds if isinstance(spec, ResolvedSpec) else [],
    )
    enqueue, errors = fit_enqueued(spec.enqueue, resolved, families, trials)
    _refuse(errors)
    resolved = resolved.model_copy(update={"enqueue": enqueue})
    errors = check_losses(resolved, catalog, header)
    _refuse(errors + check_architecture(resolved, catalog, header))
    _refuse(check_size(resolved, catalog, header))
    return resolved


def rungs(pruner: PrunerSpec, epochs: int, first_eligible_epoch: int) -> list[int]:
    """The epochs at which weak trials are pruned: ascending, eligible, before the last."""
    if isinstance(pruner, NoPruner):
        return []
    start = max(pruner.min_epochs, first_eligible_epoch)
    if isinstance(pruner, MedianPruner):
        assert isinstance(pruner.interval, int)
        return list(range(start, epochs, pruner.interval))
    found = []
    while start < epochs:
        found.append(start)
        start *= pruner.reduction_factor
    return found


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise InvalidSpec(list(errors))


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _check_names(spec: StudySpec, catalog: Catalog) -> list[FieldError]:
    errors = []
    for index, name in enumerate(spec.families):
        if name not in catalog.families:
            pointer = "/family" if isinstance(spec.family, str) else f"/family/choices/{index}"
            errors.append(
                FieldError(
                    pointer=pointer,
                    reason=f"there is no family {name!r}",
                    remedy=suggest(name, catalog.families),
                )
            )
    known = [choice.name for choice in catalog.datasets]
    if isinstance(spec.dataset, BuiltInDataset) and spec.dataset.name not in known:
        errors.append(
            FieldError(
                pointer="/dataset/name",
                reason=f"there is no built-in data set {spec.dataset.name!r}",
                remedy=suggest(spec.dataset.name, known)
                + "; files go in with a kind, such as {kind: npz, path: PATH}",
            )
        )
    return errors


def _resolve_space(
    spec: StudySpec, families: Sequence[FamilyEntry], catalog: Catalog
) -> tuple[dict[str, SpaceEntry], list[FieldError]]:
    wanted = dict(spec.space) or without_idle(default_space(families), families)
    space: dict[str, SpaceEntry] = {}
    errors: list[FieldError] = []
    for name, entry in wanted.items():
        space[name], entry_errors = fit_entry(name, entry, families, catalog)
        errors += entry_errors
    space = imply_needs(imply_families(space, families), families)
    return space, errors + check_needs(space, families) + check_conditions(space, families)


def _base_config(
    family: FamilyEntry, space: Mapping[str, SpaceEntry], spec: StudySpec
) -> dict[str, Scalar]:
    """Values of the parameters that a trial's params may leave out: fixed, or by default."""
    earlier = spec.defaults.get(family.name, {}) if isinstance(spec, ResolvedSpec) else {}
    config: dict[str, Scalar] = {}
    for name, parameter in sorted(family.parameters.items()):
        entry = space.get(name)
        if entry is not None and not is_distribution(entry):
            config[name] = entry  # type: ignore[assignment]
        elif entry is None or getattr(entry, "when", None):
            config[name] = earlier.get(name, default_of(parameter, spec.task))
    return config


def _resolve_training(
    spec: StudySpec, space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> tuple[Training, list[FieldError]]:
    """Rule R4: no epoch before the largest KL warm-up counts."""
    training = spec.training
    warm_up = max(_largest_warm_up(family, space) for family in families)
    earliest = min(1 + ceil(round(warm_up * training.epochs, 9)), training.epochs)
    chosen = training.first_eligible_epoch
    if chosen == "auto":
        return training.model_copy(update={"first_eligible_epoch": earliest}), []
    if earliest <= chosen <= training.epochs:
        return training, []
    reason = (
        f"epoch {chosen} comes after the last one, {training.epochs}"
        if chosen > training.epochs
        else f"the KL warm-up may last until epoch {earliest - 1}: earlier epochs cannot compete"
    )
    return training, [
        FieldError(
            pointer="/training/first_eligible_epoch",
            reason=reason,
            remedy=f"give a number from {earliest} to {training.epochs}, or auto",
        )
    ]


def _largest_warm_up(family: FamilyEntry, space: Mapping[str, SpaceEntry]) -> float:
    parameter = family.parameters.get("warm_up")
    if parameter is None:
        return 0.0
    entry = space.get("warm_up")
    values: list[Scalar] = []
    if entry is None or getattr(entry, "when", None):
        values.append(parameter.default)
    if isinstance(entry, FloatDistribution | IntDistribution):
        values.append(entry.high)
    elif isinstance(entry, CategoricalDistribution):
        values += entry.choices
    elif entry is not None:
        values.append(entry)
    return max((float(value) for value in values if isinstance(value, int | float)), default=0.0)


def _count_trials(spec: StudySpec, space: Mapping[str, SpaceEntry]) -> tuple[int, list[FieldError]]:
    if not isinstance(spec.sampler, GridSampler):
        return spec.budget.trials or DEFAULT_TRIALS, []
    errors = [
        FieldError(
            pointer=f"/space/{name}" if name in spec.space else "/space",
            reason=f"a grid cannot cover {name}: its range is continuous",
            remedy="list its values: {type: categorical, choices: [...]}"
            + ("" if getattr(entry, "log", False) else ", or give it a step"),
        )
        for name, entry in distributions(space).items()
        if is_continuous(entry)
    ]
    if errors:
        return 1, errors
    try:
        cells = count_cells(space, spec.families)
    except ValueError:
        return 1, []  # a circle: check_conditions has said so
    if cells > MAX_GRID_CELLS:
        return 1, [
            FieldError(
                pointer="/space",
                reason=f"the grid has more than {MAX_GRID_CELLS:,} cells",
                remedy="list fewer values, or use the random or the tpe sampler",
            )
        ]
    return min(spec.budget.trials or cells, cells), []


def _resolve_sampler(sampler: SamplerSpec, trials: int) -> SamplerSpec:
    if isinstance(sampler, TPESampler | GPSampler) and sampler.startup_trials == "auto":
        return sampler.model_copy(update={"startup_trials": _clamp(trials // 5, 4, 10)})
    return sampler


def _resolve_pruner(spec: StudySpec, sampler: SamplerSpec, epochs: int) -> PrunerSpec:
    """Halving, unless every cell of a grid is wanted or the objective alone would mislead it."""
    pruner = spec.pruner
    if pruner is None:
        whole = isinstance(sampler, GridSampler) or not spec.aims.prunes_by_default
        return NoPruner() if whole else HalvingPruner()
    if isinstance(pruner, MedianPruner) and pruner.interval == "auto":
        return pruner.model_copy(update={"interval": max(1, epochs // 6)})
    return pruner
