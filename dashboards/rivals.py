"""The sentence that sets a trial beside doing nothing."""

from service.domain.catalog import Catalog
from service.domain.doing_nothing import TaskBaseline, say_comparison
from service.domain.records import Analysis, Study, Trial

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
