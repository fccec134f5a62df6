"""What the study page says about revisions: every result that the study had, and early ends."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.domain.confirmed import Confirmation
from service.domain.records import Decision, Revision, Study

EARLY = ("no_improvement", "time_budget")
"""Decisions that end a search before its last trial."""


class RevisionRow(NamedTuple):
    """One result of a study."""

    number: int
    trials: int
    trial: int | None
    """The best one."""
    search: float | None
    """What it reached in the search."""
    mean: float | None
    """What fresh seeds made of that; None: not confirmed."""
    sd: float | None
    test: float | None
    current: bool


def revision_rows(study: Study, earlier: Sequence[Revision]) -> list[RevisionRow]:
    """Every revision in order; none for a study that was never extended."""
    if not earlier:
        return []
    metric = study.resolved.aims.objectives[0].metric
    best = study.best
    # An extension that came to nothing has no result: that of an earlier revision is the study's.
    stands = None if study.summary is None else study.summary.get("revision")
    if stands is not None:
        best = None
    rows = [
        _row(metric, each.number, each.trials, each.best_trial, each.best_value, each.summary)
        for each in earlier
    ] + [
        _row(
            metric,
            study.revision,
            study.progress.trials,
            None if best is None else best.trial,
            None if best is None else best.value,
            study.summary if stands is None else None,
        )
    ]
    shown = study.revision if stands is None else stands
    return [row._replace(current=row.number == shown) for row in rows]


def _row(
    metric: str,
    number: int,
    trials: int,
    trial: int | None,
    value: float | None,
    summary: dict[str, Any] | None,
) -> RevisionRow:
    stored = (summary or {}).get("selection")
    found = None if stored is None else Confirmation.model_validate(stored)
    best = None if found is None else found.best
    return RevisionRow(
        number=number,
        trials=trials,
        trial=trial if best is None else best.trial,
        search=value if best is None else best.search,
        mean=None if best is None else best.mean,
        sd=None if found is None or best is None else found.pooled_sd,
        test=((summary or {}).get("test") or {}).get(metric),
        current=False,
    )


def say_early_end(study: Study, decisions: Sequence[Decision]) -> str | None:
    """Why the search ended before its last trial; None: it did not."""
    if not decisions:
        return None
    last = max(decisions, key=lambda decision: decision.sequence)
    if last.kind == "time_budget":
        return "The search ended early: its seconds were spent."
    detail = last.detail
    if detail["best"] is None:
        return (
            f"The search ended early: none of the {detail['last'] + 1} trials gave anything that "
            "may win."
        )
    metric = study.resolved.aims.objectives[0].metric
    share = "" if not detail["at_least"] else f" by {detail['at_least']:.3g} of it"
    return (
        f"The search ended early: trials {detail['first']} to {detail['last']} did not make the "
        f"best {metric} better{share} ({detail['before']['value']:.4g} before them, "
        f"{detail['best']['value']:.4g} with them)."
    )
