"""Doing nothing beside the answer: the task's input as its own rival."""

from service.domain.catalog import Catalog
from service.domain.confirmed import result_of
from service.domain.doing_nothing import DOING_NOTHING, TaskBaseline, names_doing_nothing
from service.domain.records import Best, Study
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository


def with_task_baseline(best: Best, study: Study, database: Database, catalog: Catalog) -> Best:
    """The answer with `baselines.task`; null where the task is to reconstruct.

    Compared by the first objective or bound that says how good a model is, no cost.
    Its test part is there once the study is COMPLETE. PCA, the linear VAE and the ratio to n-grams
    fall away: they are scored on clean samples, and no rivals for a model that sees noisy, holed
    or small ones.
    """
    if names_doing_nothing(study.resolved.task) is not None:
        none = {"validation": None, "test": None}
        clean = {"pca": None, "pca_figure": none, "mse_over_pca": none, "linear_vae": None,
                 "cross_entropy_over_ngram": none}  # fmt: skip
        shown = {name: clean.get(name, found) for name, found in best.baselines.items()}
        best = best.model_copy(update={"baselines": shown})
    with database.read() as session:
        found = AnalysisRepository(session).get(study.id, DOING_NOTHING)
    if found is None:
        return best.model_copy(update={"baselines": best.baselines | {"task": None}})
    test = result_of(study).get(DOING_NOTHING) if best.metrics.test is not None else None
    nothing = TaskBaseline.model_validate(found.data).model_copy(update={"test": test})
    metric = catalog.metrics[nothing.judged_by(study.resolved.aims)]
    beside = nothing.comparison(metric, best.metrics.validation, best.metrics.test)
    return best.model_copy(update={"baselines": best.baselines | {"task": beside}})
