"""The best of a study, kept in its row: each trial that ends is compared with it once.

Terminal trials never change, so that gives the optimum, whatever the order in which they end.
"""

from functools import lru_cache
from typing import Any

from service.domain.aims import BEST_STATES, Aims
from service.domain.pareto import Front, Member
from service.domain.records import BestSoFar
from service.domain.space import Params
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.storage.tables import StudyRow, TrialRow


@lru_cache(maxsize=64)
def read_aims(resolved: str) -> Aims:
    """The aims of a stored spec; it is parsed once, not for every trial that ends."""
    return ResolvedSpec.model_validate_json(resolved).aims


def note_best(study: StudyRow, aims: Aims, trial: TrialRow) -> bool:
    """Keep the better of the study's best and a trial that has ended; whether that changed it.

    COMPLETE goes before STOPPED, then the objective decides, then the lower number; of several
    objectives the Pareto set is kept, and its knee is the best. A trial beyond the constraints
    is never the best.
    """
    if trial.value is None or trial.state not in BEST_STATES or trial.feasible is False:
        return False
    if aims.is_pareto:
        return _note_front(study, aims, trial)
    sign = aims.objectives[0].sign
    rank = (trial.state is not TrialState.COMPLETE, sign * trial.value, trial.number)
    if study.best_trial is not None and study.best_value is not None:
        best = (not study.best_complete, sign * study.best_value, study.best_trial)
        if rank >= best:
            return False
    study.best_trial, study.best_value = trial.number, trial.value
    study.best_complete = trial.state is TrialState.COMPLETE
    return True


def _note_front(study: StudyRow, aims: Aims, trial: TrialRow) -> bool:
    complete = trial.state is TrialState.COMPLETE
    metrics = None if trial.metrics is None else trial.metrics["validation"]
    losses = aims.losses(aims.scores(metrics, trial.complexity))
    if losses is None or (study.front is not None and study.best_complete and not complete):
        return False
    begin_again = study.front is None or complete != study.best_complete
    before = Front() if begin_again else read_front(study.front)
    after = before.add(Member(trial.number, losses))
    study.front = _write_front(after)
    study.best_complete = complete
    knee = after.knee
    assert knee is not None
    study.best_trial = knee.number
    study.best_value = aims.objectives[0].sign * knee.losses[0]
    return after.members != before.members


def read_front(stored: dict[str, Any] | None) -> Front:
    """The Pareto set of a study's row."""
    if stored is None:
        return Front()
    return Front(
        tuple(Member(number, tuple(losses)) for number, losses in stored["members"]),
        tuple(stored["lows"]),
        tuple(stored["highs"]),
    )


def _write_front(front: Front) -> dict[str, Any]:
    return {
        "members": [[member.number, list(member.losses)] for member in front.members],
        "lows": list(front.lows),
        "highs": list(front.highs),
    }


def best_so_far(study: StudyRow, aims: Aims, params: Params | None) -> BestSoFar | None:
    """The best as a record; `params` are those of the best trial."""
    if study.best_trial is None or study.best_value is None or params is None:
        return None
    best = BestSoFar(trial=study.best_trial, value=study.best_value, params=params)
    chosen = (study.summary or {}).get("selection")
    if chosen is not None and chosen["winner"] == study.best_trial:
        best = best.model_copy(update={"seeds": chosen["seeds"], "sd": chosen["pooled_sd"]})
    if study.front is None:
        return best
    front = read_front(study.front)
    knee = next(member for member in front.members if member.number == study.best_trial)
    return best.model_copy(
        update={
            "values": aims.values(knee.losses),
            "front": [member.number for member in front.members],
            "hypervolume": front.hypervolume,
        }
    )
