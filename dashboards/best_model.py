"""The model that stands for the best of a study."""

from service.api.dependencies import Records
from service.domain.confirmed import confirmation_of
from service.domain.records import Study, Trial


def best_model(records: Records, study: Study) -> Trial | None:
    """The best trial with the figures of the model that stands for it: a confirmed config's are
    those of its median repetition, which is what can be taken away."""
    if study.best is None:
        return None
    best = records.trials.get(study.id, study.best.trial)
    found = confirmation_of(study)
    if best is None or found is None or found.model is None or found.winner != best.number:
        return best
    model = records.trials.get(found.model.study, found.model.trial)
    if model is None or model.metrics is None:
        return best
    return model.model_copy(update={"number": best.number, "params": best.params})
