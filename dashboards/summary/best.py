"""Sentences on the answer so far: the best beside its baselines, the front, the bounds."""

from collections.abc import Sequence

from dashboards.figures.paper import plural
from dashboards.rivals import Rival
from dashboards.summary.facts import Facts, Said, percent, say
from dashboards.views import Comparison
from dashboards.wording import say_number
from service.domain.aims import BEST_STATES
from service.domain.data import TEXT_METRIC
from service.domain.objectives import Constraint
from service.domain.study_summary import Tone

CLOSE = 0.95
EXPLODED = 1000.0
"""Times the error of a baseline: no trained model is there that has only learned too little."""
"""Of a baseline's error: above it a model is hardly better."""
TAKING = 70
"""The urgency of taking the answer away: everything else comes first."""


def say_best(facts: Facts) -> Said | None:
    """The objective's best value, and the model beside the hardest rival that there is.

    A rival in a metric that is not the objective is told after it and judges nothing.
    """
    best = facts.study.best
    if best is None:
        return None
    numbers: dict[str, int | float] = {"trial": best.trial}
    what = "knee" if best.front else "best"
    name = f"The {what}, trial {best.trial},"
    hardest = max(facts.comparisons, key=lambda each: each.ratio, default=None)
    if facts.rival is not None and facts.rival.metric.name == facts.metric:
        return _beside_nothing(facts, facts.rival, name, numbers)
    if hardest is not None and facts.rival is None and _compared(hardest) == facts.metric:
        return _beside_baseline(facts, hardest, name, numbers)
    if best.front:
        return None  # the front's sentence has its values
    numbers["value"] = best.value
    text = f"{name} has {facts.metric} {say_number(best.value)}"
    if best.seeds:
        numbers["seeds"] = best.seeds
        text += f", the mean of {best.seeds} fresh {'seed' if best.seeds == 1 else 'seeds'}"
    if facts.rival is not None:
        numbers |= {"other": facts.rival.value, "before": facts.rival.before}
        text += (
            f"; its {facts.rival.metric.name} is {say_number(facts.rival.value)}, that of "
            f"{facts.rival.baseline.name} {say_number(facts.rival.before)}"
        )
    elif hardest is not None:
        numbers |= {"ratio": hardest.ratio, "baseline": hardest.baseline}
        text += (
            f"; its {_error(hardest)} is {_times(hardest.ratio)} that of "
            f"{hardest.name.removesuffix(', clipped')} ({say_number(hardest.baseline)})"
        )
    return say("best", f"{text}.", "best_so_far", numbers, next_step=_take(facts), urgency=TAKING)


def _compared(comparison: Comparison) -> str:
    """The metric that baselines have: MSE, or the cross-entropy of texts."""
    return TEXT_METRIC if comparison.error == "cross-entropy" else "mse"


def _error(comparison: Comparison) -> str:
    return "cross-entropy" if comparison.error == "cross-entropy" else "MSE"


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio >= 1 else f"{percent(ratio)} of"


def _subject(facts: Facts, name: str, metric: str, numbers: dict[str, int | float]) -> str:
    """`The best, trial 14, has MSE`; of a confirmed one whose mean it is."""
    best = facts.study.best
    if best is None or not best.seeds or best.front:
        return f"{name} has {metric}"
    numbers["seeds"] = best.seeds
    seeds = f"{best.seeds} fresh {'seed' if best.seeds == 1 else 'seeds'}"
    return f"The best, trial {best.trial}, has a confirmed mean {metric} ({seeds}) of"


def _beside_nothing(facts: Facts, rival: Rival, name: str, numbers: dict[str, int | float]) -> Said:
    unit = " dB" if rival.metric.unit == "dB" else ""
    best = facts.study.best
    value = best.value if best is not None and best.seeds and not best.front else rival.value
    better = value < rival.before
    if rival.metric.direction == "maximize":
        better = value > rival.before
    numbers |= {"value": value, "before": rival.before}
    text = (
        f"{_subject(facts, name, rival.metric.name, numbers)} {say_number(value)}{unit} against "
        f"{say_number(rival.before)}{unit} of {rival.baseline.name}"
    )
    text += ": better than doing nothing." if better else ": no better than doing nothing."
    return say(
        "best",
        text,
        "best_so_far",
        numbers,
        tone="good" if better else "bad",
        next_step=_take(facts) if better else _longer(facts),
        urgency=TAKING if better else 20,
    )


def _beside_baseline(
    facts: Facts, hardest: Comparison, name: str, numbers: dict[str, int | float]
) -> Said:
    """Of a confirmed config its mean, which is the number that stands everywhere else."""
    metric = _error(hardest)
    best = facts.study.best
    value, ratio = hardest.ratio * hardest.baseline, hardest.ratio
    if best is not None and best.seeds and not best.front:
        value, ratio = best.value, best.value / hardest.baseline
    numbers |= {"value": value, "ratio": ratio, "baseline": hardest.baseline}
    text = (
        f"{_subject(facts, name, metric, numbers)} {say_number(value)}: {_times(ratio)} that of "
        f"{hardest.name.removesuffix(', clipped')} ({say_number(hardest.baseline)})"
    )
    worse = ratio >= 1
    exploded = ratio >= EXPLODED
    tone: Tone = "good" if ratio < CLOSE else "bad" if worse else "warn"
    if worse and best is not None and best.front:
        tone, worse = "plain", False  # a compromise may give up more of it than PCA does
    return say(
        "best",
        f"{text}.",
        "best_so_far" if metric == "cross-entropy" else "gap_closed",
        numbers,
        tone=tone,
        next_step=_calmer(facts) if exploded else _longer(facts) if worse else _take(facts),
        urgency=20 if worse else TAKING,
    )


def _take(facts: Facts) -> str | None:
    """The answer of a study that is over can be taken away."""
    study = facts.study
    if not facts.over or study.best is None or study.parent:
        return None
    what = "the knee" if study.best.front else f"trial {study.best.trial}"
    return f"Take {what}: hifitune best {study.id} --model FOLDER."


def _calmer(facts: Facts) -> str | None:
    """Far beyond any baseline a model has not learned too little: its training went astray."""
    return "Lower the learning rate: even the best went astray." if facts.over else None


def _longer(facts: Facts) -> str | None:
    """Worth saying once the search has seen its share of trials."""
    if not facts.over:
        return None
    epochs = facts.frame.study.epochs
    return f"Train for more than {plural(epochs, 'epoch')}, or allow larger models."


def say_front(facts: Facts) -> Said | None:
    """Of several objectives: how many compromises there are, and the knee's values."""
    best = facts.study.best
    if best is None or not best.front:
        return None
    size = len(best.front)
    numbers: dict[str, int | float] = {"front": size, "trial": best.trial, **best.values}
    values = " and ".join(f"{name} {say_number(value)}" for name, value in best.values.items())
    verb = "is" if size == 1 else "are"
    text = f"{plural(size, 'trial')} {verb} on the Pareto front; its knee, trial {best.trial}, has "
    return say(
        "front", f"{text}{values}.", "pareto", numbers, next_step=_take(facts), urgency=TAKING
    )


def _broken(facts: Facts, bounds: Sequence[Constraint]) -> list[Constraint]:
    """The bounds that some result does not keep."""
    scores = facts.frame.scores.values()
    return [
        bound
        for bound in bounds
        if any(
            (value := each.get(bound.metric)) is not None and bound.violation(value) > 0
            for each in scores
        )
    ]


def say_constraints(facts: Facts) -> Said | None:
    """How many of the trials that ended with a result keep the bounds."""
    bounds = facts.frame.study.aims.constraints
    trials = facts.frame.trials
    able = [
        trials.feasible[position]
        for position in range(len(trials))
        if trials.state[position] in BEST_STATES and trials.feasible[position] is not None
    ]
    if not bounds or not able:
        return None
    kept = sum(bool(each) for each in able)
    verb = "keeps" if len(able) == 1 else "keep"
    numbers: dict[str, int | float] = {"kept": kept, "results": len(able)}
    numbers |= {f"bound_{bound.metric}": bound.limit for bound in bounds}
    said = " and ".join(map(str, bounds))
    step = None
    if not kept and facts.over:
        broken = " and ".join(map(str, _broken(facts, bounds))) or said
        step = f"Loosen {broken}, or widen the space: no trial of {len(able):,} keeps every bound."
    return say(
        "constraints",
        f"{kept:,} of {plural(len(able), 'result')} {verb} {said}.",
        "pareto",
        numbers,
        tone="bad" if not kept else "plain",
        next_step=step,
        urgency=15,
    )
