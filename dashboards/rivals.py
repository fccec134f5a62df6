"""What a trial is compared with: a sentence on doing nothing, and PCA where it is a rival."""

from service.domain.catalog import Catalog
from service.domain.doing_nothing import TaskBaseline, names_doing_nothing, say_comparison
from service.domain.records import Analysis, Dataset, Study, Trial

FALLBACKS = ("mse", "edit_distance")
"""Compared where the objective is a figure that doing nothing does not have (elbo)."""


def say_rival(
    study: Study, trial: Trial | None, nothing: Analysis | None, catalog: Catalog
) -> str | None:
    """One sentence; None where the task is to reconstruct, or there is nothing to compare yet."""
    if trial is None or trial.metrics is None or nothing is None:
        return None
    baseline = TaskBaseline.model_validate(nothing.data)
    for name in (study.resolved.aims.objectives[0].metric, *FALLBACKS):
        metric = catalog.metrics.get(name)
        value = trial.metrics.validation.get(name)
        sentence = None if metric is None else say_comparison(baseline, metric, value)
        if sentence is not None:
            return sentence
    return None


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
