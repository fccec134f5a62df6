"""Of several objectives the answer is a set: its members, and any one of them on request."""

from collections.abc import Sequence

from service.domain.aims import Aims
from service.domain.pareto import Member, find_knee
from service.domain.records import (
    BestConstraint,
    BestObjective,
    FrontMember,
    ParetoFront,
    Study,
    Trial,
)
from service.errors import NotFound

KNEE = (
    "The Pareto set of {trials} trials on validation, with one seed each. Its knee is the member "
    "furthest below the chord between the ends of the set, each axis scaled to the set; another "
    "one may suit you better: add ?trial=NUMBER. The test split takes no part in the choice."
)
FEASIBLE = " Only trials that keep the constraints count."


def chosen_number(study: Study, number: int | None) -> int | None:
    """The trial that was asked for: the best, or any member of the Pareto set.

    Raises NotFound for a trial that is neither.
    """
    best = study.best
    if number is None or best is None:
        return best.trial if best else None
    members = best.front or [best.trial]
    if number in members:
        return number
    if best.front:
        listed = ", ".join(map(str, members[:20])) + (", ..." if len(members) > 20 else "")
        raise NotFound(
            f"trial {number} is not in the Pareto set",
            f"its members are {listed}; every trial is at /v1/studies/{study.id}/trials/{number}",
        )
    raise NotFound(
        f"trial {number} is not the best one, trial {best.trial} is",
        f"leave ?trial out, or see /v1/studies/{study.id}/trials/{number}",
    )


def objectives_of(aims: Aims, trial: Trial) -> list[BestObjective]:
    """Every objective with the trial's value."""
    scores = aims.scores_of(trial)
    values = {**scores, aims.objectives[0].metric: trial.value}
    return [
        BestObjective(metric=objective.metric, value=value)
        for objective in aims.objectives
        if (value := values[objective.metric]) is not None
    ]


def constraints_of(aims: Aims, trial: Trial) -> list[BestConstraint]:
    """Every constraint with the trial's value."""
    scores = aims.scores_of(trial)
    return [
        BestConstraint(
            metric=bound.metric,
            at_most=bound.at_most,
            at_least=bound.at_least,
            value=scores[bound.metric],
        )
        for bound in aims.constraints
    ]


def front_record(study: Study, members: Sequence[Trial]) -> ParetoFront | None:
    """The Pareto set with a link to each member; None for a study with one objective."""
    best, aims = study.best, study.resolved.aims
    if best is None or not best.front:
        return None
    points = {
        trial.number: losses
        for trial in members
        if (losses := aims.losses(aims.scores_of(trial))) is not None
    }
    knee = find_knee([Member(number, losses) for number, losses in points.items()])
    return ParetoFront(
        knee=best.trial if knee is None else knee.number,
        hypervolume=best.hypervolume,
        members=[
            FrontMember(
                trial=trial.number,
                family=trial.family,
                params=trial.params,
                values=aims.values(points[trial.number]),
                links=links_of(study.id, trial.number, chosen=True),
            )
            for trial in members
            if trial.number in points
        ],
    )


def links_of(study_id: str, trial: int, chosen: bool) -> dict[str, str]:
    """Where everything about an answer is; `chosen`: it has to be asked for by number."""
    study = f"/v1/studies/{study_id}"
    query = f"?trial={trial}" if chosen else ""
    return {
        "self": f"{study}/best{query}",
        "study": study,
        "trial": f"{study}/trials/{trial}",
        "config": f"{study}/best/config{query}",
        "checkpoint": f"{study}/best/checkpoint{query}",
        "model": f"{study}/best/model{query}",
    }
