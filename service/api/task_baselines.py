"""Doing nothing beside the answer: the task's input as its own rival."""

from service.domain.catalog import Catalog
from service.domain.doing_nothing import DOING_NOTHING, TaskBaseline, names_doing_nothing
from service.domain.records import Best, Study
from service.domain.states import StudyState
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository


def with_task_baseline(best: Best, study: Study, database: Database, catalog: Catalog) -> Best:
    """The answer with `baselines.task`; null where the task is to reconstruct.

    Its test part is there once the study is COMPLETE. PCA falls away: it is scored on clean
    samples, and no rival for a model that sees noisy, holed or small ones.
    """
    if names_doing_nothing(study.resolved.task) is not None:
        none = {"validation": None, "test": None}
        no_pca = {"pca": None, "pca_figure": none, "mse_over_pca": none}
        best = best.model_copy(update={"baselines": best.baselines | no_pca})
    with database.read() as session:
        found = AnalysisRepository(session).get(study.id, DOING_NOTHING)
    if found is None:
        return best.model_copy(update={"baselines": best.baselines | {"task": None}})
    complete = study.state is StudyState.COMPLETE and best.metrics.test is not None
    test = (study.summary or {}).get(DOING_NOTHING) if complete else None
    nothing = TaskBaseline.model_validate(found.data).model_copy(update={"test": test})
    metric = catalog.metrics[best.objective.metric]
    beside = nothing.comparison(metric, best.metrics.validation, best.metrics.test)
    return best.model_copy(update={"baselines": best.baselines | {"task": beside}})
