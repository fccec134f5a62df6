"""What earlier studies have found, for a study that begins where they ended."""

from service.domain.aims import best_trials
from service.domain.configuration import complete_config
from service.domain.confirmed import confirmation_of
from service.domain.records import Study
from service.domain.space import FAMILY
from service.domain.spec import WarmStart
from service.domain.warm_start import MOST, Earlier
from service.errors import FieldError, InvalidSpec
from service.storage.database import Database
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository


def read_earlier(database: Database, wish: WarmStart | None) -> list[Earlier]:
    """The best configs of the studies that a warm start names. Raises InvalidSpec for no study."""
    if wish is None:
        return []
    found, errors = [], []
    with database.read() as session:
        studies, trials = StudyRepository(session), TrialRepository(session)
        for index, study_id in enumerate(wish.studies):
            study = studies.get(study_id)
            if study is None:
                errors.append(
                    FieldError(
                        pointer=f"/warm_start/studies/{index}",
                        reason=f"there is no study {study_id}",
                        remedy="give the id of a study, as GET /v1/studies lists them",
                    )
                )
                continue
            found.append(_best_of(study, trials))
    if errors:
        raise InvalidSpec(errors)
    return found


def _best_of(study: Study, trials: TrialRepository) -> Earlier:
    """What was confirmed first, then what the search ranks highest."""
    ranked = best_trials(study.resolved.aims, trials.all(study.id))
    confirmation = confirmation_of(study)
    order = {} if confirmation is None else {c.trial: i for i, c in enumerate(confirmation.configs)}
    ranked.sort(key=lambda trial: order.get(trial.number, len(order)))
    return Earlier(
        study.id,
        [
            {FAMILY: trial.family, **complete_config(study.resolved, trial.family, trial.params)}
            for trial in ranked[: 4 * MOST]
        ],
    )
