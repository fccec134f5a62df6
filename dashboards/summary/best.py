"""Sentences on the answer so far: the best beside its baselines, the front, the bounds."""

from dashboards.figures.paper import plural
from dashboards.rivals import Rival
from dashboards.summary.facts import Facts, Said, percent, say
from dashboards.views import Comparison
from dashboards.wording import say_number
from service.domain.aims import BEST_STATES
from service.domain.study_summary import Tone

CLOSE = 0.95
"""Of a baseline's error: above it a model is hardly better."""
TAKING = 70
"""The urgency of taking the answer away: everything else comes first."""


def say_best(facts: Facts) -> Said | None:
    """The best model beside the hardest rival that there is; alone where there is none."""
    best = facts.study.best
    if best is None:
        return None
    name = f"The {'knee' if best.front else 'best'}, trial {best.trial},"
    numbers: dict[str, int | float] = {"trial": best.trial}
    if facts.rival is not None:
        return _beside_nothing(facts, facts.rival, name, numbers)
    if facts.comparisons:
        hardest = max(facts.comparisons, key=lambda each: each.ratio)
        return _beside_baseline(facts, hardest, name, numbers)
    if best.front:
        return None  # the front's sentence has its values
    numbers["value"] = best.value
    text = f"{name} has {facts.metric} {say_number(best.value)}"
    if best.seeds:
        numbers["seeds"] = best.seeds
        text += f", the mean of {best.seeds} fresh seeds"
    return say("best", f"{text}.", "best_so_far", numbers, next_step=_take(facts), urgency=TAKING)


def _beside_nothing(facts: Facts, rival: Rival, name: str, numbers: dict[str, int | float]) -> Said:
    unit = " dB" if rival.metric.unit == "dB" else ""
    better = rival.value < rival.before
    if rival.metric.direction == "maximize":
        better = rival.value > rival.before
    numbers |= {"value": rival.value, "before": rival.before}
    text = (
        f"{name} has {rival.metric.name} {say_number(rival.value)}{unit} against "
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
    """`ratio` is of the metric that baselines have: MSE, or the cross-entropy of texts."""
    metric = "cross-entropy" if hardest.error == "cross-entropy" else "MSE"
    value = hardest.ratio * hardest.baseline
    numbers |= {"value": value, "ratio": hardest.ratio, "baseline": hardest.baseline}
    times = f"{hardest.ratio:.3g} times" if hardest.ratio >= 1 else f"{percent(hardest.ratio)} of"
    text = (
        f"{name} has {metric} {say_number(value)}: {times} that of "
        f"{hardest.name.removesuffix(', clipped')} ({say_number(hardest.baseline)})"
    )
    worse = hardest.ratio >= 1
    tone: Tone = "good" if hardest.ratio < CLOSE else "bad" if worse else "warn"
    best = facts.study.best
    if worse and best is not None and best.front:
        tone, worse = "plain", False  # a compromise may give up more of it than PCA does
    return say(
        "best",
        f"{text}.",
        "best_so_far" if metric == "cross-entropy" else "gap_closed",
        numbers,
        tone=tone,
        next_step=_longer(facts) if worse else _take(facts),
        urgency=20 if worse else TAKING,
    )


def _take(facts: Facts) -> str | None:
    """The answer of a study that is over can be taken away."""
    study = facts.study
    if not facts.over or study.best is None or study.parent:
        return None
    what = "the knee" if study.best.front else f"trial {study.best.trial}"
    return f"Take {what}: hifitune best {study.id} --model FOLDER."


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
    numbers: dict[str, int | float] = {"kept": kept, "results": len(able)}
    numbers |= {f"bound_{bound.metric}": bound.limit for bound in bounds}
    said = " and ".join(map(str, bounds))
    step = None
    if not kept and facts.over:
        step = f"Loosen {said}, or widen the space: none of {plural(len(able), 'result')} keeps it."
    return say(
        "constraints",
        f"{kept:,} of {plural(len(able), 'result')} keep {said}.",
        "pareto",
        numbers,
        tone="bad" if not kept else "plain",
        next_step=step,
        urgency=15,
    )
