"""Sentences on why results are as they are: parameters, edges of ranges."""

import math

from dashboards.figures.figure import Waiting
from dashboards.figures.importance import prepare_importance
from dashboards.figures.paper import plural
from dashboards.summary.facts import Facts, Said, count, percent, say
from service.domain.result_rules import BEST, ENDED, find_edges
from service.domain.space import Params

MOST = 0.5
ROUGH_BELOW = 20


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
    if data.hopeless:
        return None  # shares cannot tell; a sentence would sound as if nothing mattered
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
    """The most important range on whose end the best trials lie beyond chance; a wider one."""
    edges = list(find_edges(facts.study.resolved, facts.catalog, *ranked_params(facts)))
    if not edges:
        return None
    edge = max(edges, key=lambda each: _weight(facts, each.parameter))
    shown = edge.values[:BEST]
    numbers: dict[str, int | float] = {f"value_{i}": value for i, value in enumerate(shown)}
    listed = ", ".join(f"{value:.4g}" for value in shown)
    numbers["beyond"] = edge.beyond
    several = len(edge.values) > len(shown)
    text = f"{edge.claim}: {listed}{', ...' if several else ''}"
    numbers |= {"sitting": edge.sitting, "best": len(edge.values)}
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


def ranked_params(facts: Facts) -> tuple[list[Params], int]:
    """Of all ended trials, the best first, and how many are the best: three or the Pareto set."""
    frame = facts.frame
    trials, aims = frame.trials, frame.study.aims
    if aims.is_pareto:
        inside = set(aims.front)
        best = [i for i, n in enumerate(trials.number) if n in inside]
        leading = len(best)
    else:
        loss = aims.objectives[0].loss
        ranked = sorted(
            (loss(value), trials.number[position], position)
            for position in frame.eligible
            if (value := trials.value[position]) is not None
        )
        best = [position for _, _, position in ranked]
        leading = min(BEST, len(best))
    chosen = set(best)
    others = [i for i, state in enumerate(trials.state) if state in ENDED and i not in chosen]
    return [trials.params[position] for position in (*best, *others)], leading
