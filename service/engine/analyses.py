"""Figures' worth of numbers that need Optuna: computed after a cohort, stored as records."""

from collections.abc import Sequence
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
ALIKE = "all finished trials have the same value"
MOST_TRIALS = 1_000
"""Evenly spread over the study: more cost time after every cohort and change nothing."""


def importance(spec: ResolvedSpec, trials: Sequence[Trial]) -> dict[str, Any]:
    """How much each parameter matters for being among the best tenth (PED-ANOVA).

    Under constraints, the best are those that keep them; of several objectives, the first fronts.

    Watanabe, Bansal & Hutter 2023, arXiv:2304.10255; conditional parameters as in
    arXiv:2601.20800. Answers `{"values": {param: share}, "trials": n, "note": text or None}`,
    shares descending and adding up to 1; `values` is empty, and `note` says why, where
    nothing can be said. Pruned trials count with the value of their last rung, diverged ones
    as the worst.
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
        note = "none of the finished trials beats another" if aims.is_pareto else ALIKE
        return _answer({}, len(told), note)
    if not names:
        return _answer({}, len(told), "no parameter took more than one value")
    shares, reservations = _ped_anova(_complete_study(spec, told, scores), names)
    if len(told) < ROUGH_BELOW:
        reservations.insert(0, f"only {len(told)} finished trials: a rough guess")
    return _answer(shares, len(told), "; ".join(reservations) or None)


def _answer(shares: dict[str, float], trials: int, note: str | None) -> dict[str, Any]:
    order = sorted(shares, key=lambda name: (-shares[name], name))
    return {"values": {name: shares[name] for name in order}, "trials": trials, "note": note}


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


def _ped_anova(study: optuna.Study, names: list[str]) -> tuple[dict[str, float], list[str]]:
    """Shares by name, and what Optuna has to say about them."""
    # Deferred: this import takes two seconds (scikit-learn and scipy).
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    with recorded_warnings(UserWarning) as caught:
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), params=names)
    reservations = {_in_our_words(str(warning.message)) for warning in caught}
    return {name: float(share) for name, share in shares.items()}, sorted(reservations)


def _in_our_words(message: str) -> str:
    if message.startswith("Target and region"):
        return "too many trials share the best value: all parameters count alike"
    if message.startswith("Some regimes"):
        return "a conditional parameter took part in fewer than two trials"
    return message
