"""A sentence on overfitting, and on gaps between train and validation that are none."""

from collections.abc import Iterable

from dashboards.figures.gap_panels import measure_gaps
from dashboards.figures.paper import plural
from dashboards.figures.regularisers import Reducer, find_clear, what_reduced_gap
from dashboards.summary.facts import Facts, Said, percent, say
from dashboards.summary.reasons import ranked_params
from service.domain.overfitting import MIN_GAP
from service.domain.result_rules import find_edges

JUDGED = ("converged", "overfit", "large_gap", "underfit")
"""Verdicts on trials of which it can be told."""
FEWEST = 2
MOST = 0.5
FEW = 0.1
"""Of the judged trials: with fewer that overfit the search takes care of itself."""
REGULARISERS = ("dropout", "weight_decay")


def say_overfitting(facts: Facts) -> Said | None:
    """How many of the judged trials overfit or have a large gap, and what narrowed it.

    Only a trial that overfits has come to generalise worse. A large gap is a fact and no fault:
    something is to be done about it only where the trials with the larger gaps are worse on
    validation, too, beyond chance.
    """
    judged = [verdict for verdict in facts.frame.trials.verdict if verdict in JUDGED]
    if len(judged) < FEWEST:
        return None
    overfit, large, under = map(judged.count, ("overfit", "large_gap", "underfit"))
    numbers: dict[str, int | float] = {"judged": len(judged)}
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
    numbers["overfit"] = overfit
    if not overfit and not large:
        text = f"None of {whole} overfits"
        if under:
            numbers["underfit"] = under
            text += f"; {under:,} {'underfits' if under == 1 else 'underfit'}"
        return say("overfitting", f"{text}.", "train_against_validation", numbers, tone="good")
    verb = "overfits" if overfit == 1 else "overfit"
    text = f"{overfit:,} of {whole} {verb}" if overfit else f"None of {whole} overfits"
    reducer = find_reducer(facts)
    if large:
        numbers["large_gap"] = large
        text += f"; {large:,} {'has' if large == 1 else 'have'} {_gap(facts, numbers)}"
    where = "train_against_validation"
    if reducer is not None:
        numbers["correlation"] = reducer.correlation
        where = "gap_against_regularisers"
        text += (
            f"; the gap narrows with {reducer.direction} {reducer.parameter} "
            f"(rank correlation {reducer.correlation:.2f})"
        )
    most = overfit > MOST * len(judged)
    step = None
    if most:
        step = _against(facts, reducer, f"{overfit:,} of {plural(len(judged), 'trial')} {verb}")
    elif overfit + large > MOST * len(judged) and (found := gap_costs(facts)) is not None:
        numbers["gap_against_loss"] = found
        step = _against(
            facts,
            reducer,
            f"trials with larger gaps are worse on validation (rank correlation {found:.2f})",
        )
    few = overfit <= FEW * len(judged)
    return say(
        "overfitting",
        f"{text}.",
        where,
        numbers,
        tone="bad" if most else "plain" if few else "warn",
        next_step=step,
        urgency=18 if most else 38,  # overfitting: before "train for longer", which would not help
    )


def _gap(facts: Facts, numbers: dict[str, int | float]) -> str:
    if not facts.frame.study.has_zero:
        return "a large gap, without validation getting worse"
    numbers["gap"] = MIN_GAP
    return f"a gap beyond {percent(MIN_GAP)}, without validation getting worse"


def find_reducer(facts: Facts) -> Reducer | None:
    """The regulariser that goes with the gap most clearly, beyond chance: as its figure says."""
    return what_reduced_gap(facts.frame)


def gap_costs(facts: Facts) -> float | None:
    """The rank correlation of gap and validation loss over the trials, if positive beyond chance.

    As `find_clear` has it: from 12 trials on.
    """
    frame = facts.frame
    sign = 1.0 if frame.study.minimize else -1.0
    gaps, _ = measure_gaps(frame)
    losses = [sign * (frame.trials.validation[position] or 0.0) for position in gaps]
    clear = find_clear({"gap": (losses, list(gaps.values()))})
    return clear[1] if clear is not None and clear[1] > 0 else None


def _against(facts: Facts, reducer: Reducer | None, why: str) -> str | None:
    """What may help, and nothing that goes against where the best trials lie."""
    edges = list(find_edges(facts.study.resolved, facts.catalog, *ranked_params(facts)))
    ends = {edge.parameter: edge.end for edge in edges}
    if reducer is not None:
        against = "lower" if reducer.direction == "higher" else "upper"
        return (
            None
            if ends.get(reducer.parameter) == against
            else f"Try {reducer.direction} {reducer.parameter}: {why}."
        )
    free = list(_open_ones(facts))
    if free and "lower" not in {ends.get(name) for name in REGULARISERS}:
        return f"Search {' and '.join(free)}: {why}."
    smaller = "" if "upper" in ends.values() else "search smaller models, or "
    text = f"{smaller}take more training samples: {why}."
    return text[0].upper() + text[1:]


def _open_ones(facts: Facts) -> Iterable[str]:
    """Regularisers of every family that the study does not search."""
    families = [facts.catalog.families.get(name) for name in facts.study.resolved.families]
    for name in REGULARISERS:
        if name not in facts.frame.study.space and all(
            family is not None and name in family.parameters for family in families
        ):
            yield name
