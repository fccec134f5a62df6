"""From a trial's params to its complete configuration, and to a spec that repeats it."""

from collections.abc import Mapping, Sequence

from service.domain.aims import MEASURED
from service.domain.objectives import ObjectiveSpec
from service.domain.records import Study, Trial
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Params,
    Scalar,
)
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.strategies import (
    Budget,
    GridSampler,
    NoPruner,
    Parallel,
    RandomSampler,
    SelectionSpec,
)

MAX_NAME = 120
MAX_COHORT = 16
"""Repetitions proposed together; as many as `auto` allows in a search."""


def family_of(resolved: ResolvedSpec, params: Mapping[str, Scalar]) -> str:
    """The family of a trial: searched, or the study's only one."""
    return str(params[FAMILY]) if resolved.family_is_searched else resolved.families[0]


def complete_config(
    resolved: ResolvedSpec, family: str, params: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Every parameter of the family with its value, by sorted name.

    Params come first, then fixed values and defaults (`resolved.defaults` holds both).
    """
    chosen = {name: value for name, value in params.items() if name != FAMILY}
    return dict(sorted({**resolved.defaults[family], **chosen}.items()))


def extremes(resolved: ResolvedSpec, family: str, name: str) -> list[Scalar]:
    """What a parameter may be in a family: every choice, or both ends of a range.

    The default is among them where a condition can leave the parameter out.
    """
    found: list[Scalar] = []
    entry = resolved.space.get(name)
    if isinstance(entry, CategoricalDistribution):
        found += entry.choices
    elif isinstance(entry, FloatDistribution | IntDistribution):
        found += [entry.low, entry.high]
    base = resolved.defaults[family].get(name)
    return found if base is None else [*found, base]


def repeat_spec(
    study: Study, configs: Sequence[Params], seeds: Sequence[int], resplit: int = 0
) -> ResolvedSpec:
    """A study that trains the configs, each with its seed, as the study's own trials train.

    Nothing is pruned, and nothing is selected from it. `resplit`: with train and validation
    divided anew.
    """
    resolved, count = study.resolved, len(configs)
    suffix = f" - again{f' {resplit}' if resplit else ''}"
    return resolved.model_copy(
        update={
            "name": study.name[: MAX_NAME - len(suffix)] + suffix,
            "split": resolved.split.model_copy(update={"resplit": resplit}),
            "sampler": RandomSampler(),
            "pruner": NoPruner(),
            "rungs": [],
            "budget": Budget(trials=count),
            "selection": SelectionSpec(top_k=0),
            "enqueue": [dict(config) for config in configs],
            "warm_start": None,
            "extensions": [],
            "trial_seeds": list(seeds),
            "trial_seed": None,
            "parallel": Parallel(cohort_size=min(count, MAX_COHORT), cohorts_in_flight=2),
        }
    )


def _without_clock(objective: ObjectiveSpec) -> ObjectiveSpec:
    """The same without bounds on what is measured: a slow moment would fail the repetition."""
    several = objective if isinstance(objective, list) else [objective]
    kept = [
        each.model_copy(update={"subject_to": [b for b in each.subject_to if b.metric != MEASURED]})
        for each in several
    ]
    return kept if isinstance(objective, list) else kept[0]


def best_config_spec(study: Study, trial: Trial) -> StudySpec:
    """A spec of one trial that trains the given trial again, to the same numbers.

    Everything is written out and fixed, the trial's seed and the first eligible epoch
    included; nothing is searched or pruned.
    """
    resolved = study.resolved
    params: Params = complete_config(resolved, trial.family, trial.params)
    suffix = f"-trial-{trial.number}"
    return StudySpec(
        name=study.name[: MAX_NAME - len(suffix)] + suffix,
        dataset=resolved.dataset,
        split=resolved.split,
        scaling=resolved.scaling,
        task=resolved.task,
        family=trial.family,
        objective=_without_clock(resolved.objective),
        space=dict(params),
        training=resolved.training,
        sampler=GridSampler(),
        pruner=NoPruner(),
        budget=Budget(trials=1),
        selection=SelectionSpec(top_k=0),
        parallel=Parallel(cohort_size=1, cohorts_in_flight=resolved.cohorts_in_flight),
        seed=resolved.seed,
        trial_seed=trial.seed,
    )
