"""How the answer was chosen: by fresh seeds, or by the best search value alone."""

from collections.abc import Mapping
from typing import Any

from service.api.fronts import FEASIBLE, KNEE
from service.domain.confirmed import ModelReference, confirmation_of
from service.domain.doing_nothing import DOING_NOTHING
from service.domain.records import Study, Trial
from service.domain.states import TERMINAL_STUDY_STATES, StudyState, TrialState

ONE_SEED = (
    "The best of {trials} trials on validation, with one seed each: that value is optimistic, and "
    "was not confirmed with fresh seeds. The test split takes no part in the choice."
)
PENDING = " It will be trained again with fresh seeds when the search ends."
UNDER_WAY = " The best configs are being trained again with fresh seeds."


def confirmed_model(study: Study, trial: int | None) -> ModelReference | None:
    """The repetition whose weights stand for a trial's config; None: the trial's own do."""
    found = confirmation_of(study)
    return found.model if found is not None and found.winner == trial else None


def selection_of(study: Study, trial: Trial, summary: Mapping[str, Any]) -> dict[str, Any]:
    """How it was chosen, and what else the end of the study wrote down.

    Confirmed: everything of `Confirmation`, with `mean`, `values`, `search` of the winner beside
    it. Else those it was chosen from: the finished trials; stopped ones where there are no others.
    """
    left_out = ("trial", "test", DOING_NOTHING, "selection")
    rest = {key: value for key, value in summary.items() if key not in left_out}
    progress, aims = study.progress, study.resolved.aims
    trials = progress.complete if trial.state is TrialState.COMPLETE else progress.stopped
    rest |= {"trials": trials}
    found = confirmation_of(study)
    if found is not None and found.best is not None and found.winner == trial.number:
        best = found.best
        one = {"mean": best.mean, "values": best.values, "search": best.search}
        return {**rest, "kind": "confirmed", **found.model_dump(mode="json"), **one}
    kind, text = ("knee", KNEE) if aims.is_pareto else ("best-of-n", ONE_SEED)
    if aims.is_pareto and study.best is not None and study.best.trial != trial.number:
        kind = "asked-for"
    note = text.format(trials=trials) if trials > 1 else "One trial, trained once."
    if aims.constraints:
        note += FEASIBLE
    if found is not None and found.winner is None:
        note = f"{found.note} {note}"
        rest["confirmations"] = found.confirmations
    elif study.resolved.selection.top_k and study.state not in TERMINAL_STUDY_STATES:
        note += UNDER_WAY if study.state is StudyState.SELECTING else PENDING
    return {**rest, "kind": kind, "seeds": 1, "note": note}
