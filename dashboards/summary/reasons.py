"""Sentences on why results are as they are: overfitting, parameters, edges of ranges."""

import math

from dashboards.figures.figure import Waiting
from dashboards.figures.importance import prepare_importance
from dashboards.figures.paper import plural
from dashboards.figures.regularisers import Reducer, what_reduced_gap
from dashboards.summary.facts import Facts, Said, count, percent, say
from service.domain.result_rules import BEST, find_edges
from service.domain.space import Params

JUDGED = ("converged", "overfit", "large_gap", "underfit")
"""Verdicts on trials of which it can be told."""
FEWEST = 2
MOST = 0.5
FEW = 0.1
"""Of the judged trials: with fewer that overfit the search takes care of itself."""
ROUGH_BELOW = 20


def say_overfitting(facts: Facts) -> Said | None:
    """How many of the judged trials overfit or have a large gap, and what narrowed it."""
    trials = facts.frame.trials
    judged = [verdict for verdict in trials.verdict if verdict in JUDGED]
    if len(judged) < FEWEST:
        return None
    counts = {kind: judged.count(kind) for kind in JUDGED}
    numbers: dict[str, int | float] = {"judged": len(judged)}
    bad = counts["overfit"] + counts["large_gap"]
    under = counts["underfit"]
    whole = f"{len(judged):,} judged trials"
    if under > MOST * len(judged):
        numbers["underfit"] = under
        epochs = facts.frame.study.epochs
        return say(
            "overfitting",
            f"{under:,} of {whole} underfit: they were still learning, or worse than a baseline.",
            "train_against_validation",
            numbers,
            tone="warn",
            next_step=f"Train for more than {plural(epochs, 'epoch')}, or search larger models."
            if facts.over
            else None,
            urgency=25,
        )
    numbers["overfit"] = counts["overfit"]
    if not bad:
        text = f"None of {whole} overfits"
        if under:
            numbers["underfit"] = under
            text += f"; {under:,} {'underfits' if under == 1 else 'underfit'}"
        return say("overfitting", f"{text}.", "train_against_validation", numbers, tone="good")
    if counts["large_gap"]:
        numbers["large_gap"] = counts["large_gap"]
    text = _say_bad(counts["overfit"], counts["large_gap"], len(judged))
    reducer = find_reducer(facts)
    where = "train_against_validation"
    if reducer is not None:
        numbers["correlation"] = reducer.correlation
        where = "gap_against_regularisers"
        text += (
            f"; the gap narrows with {reducer.direction} {reducer.parameter} "
            f"(rank correlation {reducer.correlation:.2f})"
        )
    most = bad > MOST * len(judged)
    return say(
        "overfitting",
        f"{text}.",
        where,
        numbers,
        tone="bad" if most else "warn" if bad > FEW * len(judged) else "plain",
        next_step=_against(facts, reducer, bad, len(judged)) if most else None,
        urgency=18,  # before "train for longer", which would not help
    )


def _say_bad(overfit: int, large: int, judged: int) -> str:
    """How many overfit and how many more have a large gap; not both none."""
    if not overfit:
        text = f"None of {judged:,} judged trials overfits"
    else:
        text = (
            f"{overfit:,} of {judged:,} judged trials {'overfits' if overfit == 1 else 'overfit'}"
        )
    if large:
        more = "more " if overfit else ""
        has = "has" if large == 1 else "have"
        text += f"; {large:,} {more}{has} a large gap between train and validation"
    return text


def find_reducer(facts: Facts) -> Reducer | None:
    """The regulariser that goes with the gap most clearly, beyond chance: as its figure says."""
    return what_reduced_gap(facts.frame)


def _against(facts: Facts, reducer: Reducer | None, bad: int, judged: int) -> str:
    share = f"{bad:,} of {judged:,} trials do not generalise"
    if reducer is not None:
        return f"Try {reducer.direction} {reducer.parameter}: {share}."
    free = [name for name in ("dropout", "weight_decay") if _is_open(facts, name)]
    if free:
        return f"Search {' and '.join(free)}: {share}."
    return f"Search smaller models, or take more training samples: {share}."


def _is_open(facts: Facts, name: str) -> bool:
    """A parameter of every family that the study does not search."""
    resolved = facts.study.resolved
    families = [facts.catalog.families.get(family) for family in resolved.families]
    return name not in facts.frame.study.space and all(
        family is not None and name in family.parameters for family in families
    )


def say_parameters(facts: Facts) -> Said | None:
    """Which of several parameters decide beyond chance, and on how many trials that rests."""
    data = prepare_importance(facts.frame)
    if isinstance(data, Waiting) or len(data.parameters) < 2:
        return None
    rough = ", a rough guess" if data.trials < ROUGH_BELOW else ""
    over = f"over {count(data.trials, 'trial')}{rough}"
    numbers: dict[str, int | float] = {"trials": data.trials}
    if data.chance is None:
        numbers["share"] = data.shares[0]
        text = (
            f"{data.parameters[0]} has the largest share ({percent(data.shares[0])}), "
            f"not held against chance, {over}."
        )
        return say("parameters", text, "importance", numbers)
    found = data.beyond
    if not found:
        text = f"No parameter stands out beyond chance {over}."
        return say("parameters", text, "importance", numbers)
    name, numbers["share"] = found[0]
    text = f"{name} matters most ({percent(numbers['share'])})"
    if len(found) > 1:
        name, numbers["second_share"] = found[1]
        text += f", then {name} ({percent(numbers['second_share'])}), both beyond chance"
    else:
        text += ", no other beyond chance"
    return say("parameters", f"{text}, {over}.", "importance", numbers)


def say_edge(facts: Facts) -> Said | None:
    """The first searched range on whose end the best trials lie, and the wider one."""
    edges = list(find_edges(facts.study.resolved, facts.catalog, best_params(facts)))
    if not edges:
        return None
    edge = max(edges, key=lambda each: _weight(facts, each.parameter))
    shown = edge.values[:BEST]
    numbers: dict[str, int | float] = {f"value_{i}": value for i, value in enumerate(shown)}
    listed = ", ".join(f"{value:.4g}" for value in shown)
    numbers["beyond"] = edge.beyond
    several = len(edge.values) > len(shown)
    text = (
        f"The best trials sit on the {edge.end} edge of {edge.parameter}: {listed}"
        f"{', ...' if several else ''}"
    )
    if len(edges) > 1:
        numbers["others"] = len(edges) - 1
        text += f" (and of {plural(len(edges) - 1, 'other range')})"
    step = f"Widen {edge.parameter} to {edge.beyond:.4g} and search again."
    done = facts.study.progress.done > MOST * facts.study.progress.trials
    return say(
        "edge",
        f"{text}.",
        "slice",
        numbers,
        tone="warn",
        next_step=step if facts.over or done else None,
        urgency=35 if facts.over else 45,
    )


def _weight(facts: Facts, name: str) -> float:
    """How much the parameter matters, where that is known."""
    values = facts.frame.analyses.get("importance", {}).get("values") or {}
    value = values.get(name, 0.0)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def best_params(facts: Facts) -> list[Params]:
    """Of the best three trials, or of the whole Pareto set."""
    frame = facts.frame
    trials, aims = frame.trials, frame.study.aims
    if aims.is_pareto:
        inside = set(aims.front)
        return [trials.params[i] for i, n in enumerate(trials.number) if n in inside]
    loss = aims.objectives[0].loss
    ranked = sorted(
        (loss(value), trials.number[position], position)
        for position in frame.eligible
        if (value := trials.value[position]) is not None
    )
    return [trials.params[position] for _, _, position in ranked[:BEST]]
