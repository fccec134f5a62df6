"""Figures' worth of numbers that need Optuna: computed after a cohort, stored as records."""

from collections.abc import Sequence
from math import ceil
from random import Random
from typing import Any

import optuna
from optuna.trial import create_trial

from service.domain.records import Trial
from service.domain.spec import ResolvedSpec
from service.engine.dimensions import dimensions, encode_params
from service.engine.quiet import quiet_log, recorded_warnings
from service.engine.told import Told, comparable_scores, merits

FEWEST_TRIALS = 4
ROUGH_BELOW = 20
ALIKE = "none of the finished trials beats another"
MOST_TRIALS = 1_000
"""Evenly spread over the study: more cost time after every cohort and change nothing."""
MANY_TRIALS = 300
SHUFFLES = 39
"""Of the values over the trials: by chance one study in twenty is beyond the second largest."""
SHUFFLES_OF_MANY = 19
"""One in twenty is beyond the largest, in half the time: under a second."""
BY_CHANCE = 0.05
SAME = 1e-9
"""Relative: the rounding of sums."""
TOO_SMALL = (
    "cannot be told from a grid this small: whichever trials were the best, the shares would "
    "be the same"
)


def importance(spec: ResolvedSpec, trials: Sequence[Trial]) -> dict[str, Any]:
    """How much each parameter matters for being among the best tenth (PED-ANOVA).

    Under constraints, the best are those that keep them; of several objectives, the first fronts.

    Watanabe, Bansal & Hutter 2023, arXiv:2304.10255; conditional parameters as in
    arXiv:2601.20800. Answers `{"values": {param: share}, "chance": {param: share}, "trials": n,
    "note": text or None}`, shares descending and adding up to 1; `values` is empty, and `note`
    says why, where nothing can be said. Of values that have nothing to do with the parameters
    some parameter exceeds its `chance` (which may be above 1) in one study of twenty. Pruned
    trials count with the value of their last rung, diverged ones as the worst.
    """
    aims = spec.aims
    told = [t for t in (Told.of(trial, aims) for trial in trials) if t.is_informative]
    told.sort(key=lambda trial: trial.number)
    told = told[:: -(-len(told) // MOST_TRIALS) or 1]
    if aims.is_pareto or aims.constraints:
        scores: dict[int, float] = {**merits(told, aims)}
    else:
        sign = aims.objectives[0].sign
        scores = {n: sign * value for n, (value,) in comparable_scores(told, aims).items()}
    space = dimensions(spec)
    names = [name for name in space if len({t.params[name] for t in told if name in t.params}) > 1]
    if len(told) < FEWEST_TRIALS:
        return _answer({}, len(told), f"needs at least {FEWEST_TRIALS} finished trials")
    if len(set(scores.values())) == 1:
        return _answer({}, len(told), ALIKE)
    if not names:
        return _answer({}, len(told), "no parameter took more than one value")
    study = _complete_study(spec, told, scores)
    found, reservations = _ped_anova(study, names, [scores[trial.number] for trial in told])
    levels = _chance(study, found, [scores[trial.number] for trial in told], spec.seed)
    whole = sum(found.values())
    if levels is None or whole <= 0:
        return _answer({}, len(told), "; ".join(reservations) if whole <= 0 else TOO_SMALL)
    if len(told) < ROUGH_BELOW:
        reservations.insert(0, f"only {len(told)} finished trials: a rough guess")
    shares = {name: value / whole for name, value in found.items()}
    answer = _answer(shares, len(told), "; ".join(reservations) or None)
    answer["chance"] = {name: levels[name] / whole for name in answer["values"]}
    return answer


def _answer(shares: dict[str, float], trials: int, note: str | None) -> dict[str, Any]:
    order = sorted(shares, key=lambda name: (-shares[name], name))
    return {"values": {name: shares[name] for name in order}, "trials": trials, "note": note}


def _chance(
    study: optuna.Study, found: dict[str, float], scores: list[float], seed: int
) -> dict[str, float] | None:
    """What each parameter must exceed; None: every shuffle has the same importances.

    Corrected for looking at the largest of several: each shuffle counts with its parameter that
    is furthest beyond its own mean. What was found counts in that mean like one more shuffle:
    where nothing matters it is one, and the test is exact.
    """
    # The same records have the same level.
    draw = Random(f"chance of {seed} {len(scores)}")  # noqa: S311
    shuffles = SHUFFLES if len(scores) < MANY_TRIALS else SHUFFLES_OF_MANY
    shuffled = []
    for _ in range(shuffles):
        draw.shuffle(scores)
        shuffled.append(_ped_anova(study, list(found), scores)[0])
    columns = {name: [values[name] for values in shuffled] for name in found}
    if all(max(column) - min(column) <= SAME * max(column) for column in columns.values()):
        return None
    means = {name: (sum(columns[name]) + value) / (shuffles + 1) for name, value in found.items()}
    largest = sorted(
        max(values[name] / mean for name, mean in means.items() if mean > 0) for values in shuffled
    )
    rank = ceil((1 - BY_CHANCE) * (shuffles + 1)) - 1
    return {name: (1 + SAME) * mean * largest[rank] for name, mean in means.items()}


def _complete_study(
    spec: ResolvedSpec, told: Sequence[Told], scores: dict[int, float]
) -> optuna.Study:
    quiet_log()
    study = optuna.create_study(study_name="analysis", direction="minimize")
    space = dimensions(spec)
    for trial in told:
        params, distributions = encode_params(trial.params, space)
        study.add_trial(
            create_trial(value=scores[trial.number], params=params, distributions=distributions)
        )
    return study


def _ped_anova(
    study: optuna.Study, names: list[str], scores: Sequence[float]
) -> tuple[dict[str, float], list[str]]:
    """Importances (no shares) by name for these scores, and what Optuna has to say about them."""
    # Deferred: this import takes two seconds (scikit-learn and scipy).
    from optuna.importance import PedAnovaImportanceEvaluator

    with recorded_warnings(UserWarning) as caught:
        found = PedAnovaImportanceEvaluator().evaluate(
            study, names, target=lambda trial: scores[trial.number]
        )
    said = [str(warning.message) for warning in caught]
    reservations = {_in_our_words(each) for each in said if "`target`" not in each}
    return {name: float(found[name]) for name in names}, sorted(reservations)


def _in_our_words(message: str) -> str:
    if message.startswith("Target and region"):
        return "too many trials share the best value: all parameters count alike"
    if message.startswith("Some regimes"):
        return "a conditional parameter took part in fewer than two trials"
    return message
