"""What a trial is compared with: a sentence on doing nothing, and PCA where it is a rival."""

from typing import NamedTuple

from service.domain.catalog import Catalog, MetricEntry
from service.domain.doing_nothing import TaskBaseline, names_doing_nothing, say_comparison
from service.domain.records import Analysis, Dataset, Study, Trial

FALLBACKS = ("mse", "edit_distance")
"""Compared where the objective is a figure that doing nothing does not have (elbo)."""


class Rival(NamedTuple):
    """A trial's validation value beside that of doing nothing."""

    baseline: TaskBaseline
    metric: MetricEntry
    before: float
    value: float


def find_rival(
    study: Study, trial: Trial | None, nothing: Analysis | None, catalog: Catalog
) -> Rival | None:
    """None where the task is to reconstruct, or there is nothing to compare yet."""
    if trial is None or trial.metrics is None or nothing is None:
        return None
    baseline = TaskBaseline.model_validate(nothing.data)
    for name in (study.resolved.aims.objectives[0].metric, *FALLBACKS):
        metric = catalog.metrics.get(name)
        value, before = trial.metrics.validation.get(name), baseline.validation.get(name)
        if metric is not None and value is not None and before is not None:
            return Rival(baseline, metric, before, value)
    return None


def say_rival(
    study: Study, trial: Trial | None, nothing: Analysis | None, catalog: Catalog
) -> str | None:
    """The same as one sentence."""
    found = find_rival(study, trial, nothing, catalog)
    return found and say_comparison(found.baseline, found.metric, found.value)


def keep_rivals(dataset: Dataset, study: Study) -> Dataset:
    """The data set with the PCA that can be beaten.

    None of as many components as the data have directions; none at all where models do not see
    clean samples: it is scored on them.
    """
    clean = names_doing_nothing(study.resolved.task) is None
    pca = dataset.baselines.rivals if clean else []
    return dataset.model_copy(
        update={"baselines": dataset.baselines.model_copy(update={"pca": pca})}
    )
