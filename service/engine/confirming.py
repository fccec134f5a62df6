"""The best configs on fresh seeds: written as parts of the study, then read back and compared."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.domain.aims import best_trials
from service.domain.configuration import repeat_spec
from service.domain.confirmations import (
    Repeat,
    candidates,
    confirm,
    fresh_seeds,
)
from service.domain.confirmed import Confirmation
from service.domain.model import content_hash
from service.domain.records import Failure, Study, Trial
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TERMINAL_STUDY_STATES, StudyState, TrialState
from service.engine.resources import Resources
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.parts import PartRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository

PROGRESS = "selection"
"""The analysis that says how far the repetitions are."""
CONFIRM = "confirm"
"""The decision that says which configs are repeated where."""


class Confirming:
    """The repetitions of one revision of a study. What it needs is in the records (rule R1)."""

    def __init__(
        self, study: Study, trials: Sequence[Trial], fence: int, resources: Resources
    ) -> None:
        self._study = study
        self._trials = {trial.number: trial for trial in trials}
        self._fence = fence
        self._resources = resources
        self._revision = 1 + len(study.resolved.extensions)
        self._seen: tuple[int, Failure | None] | None = None
        self._detail = recorded(resources.database, study)
        if self._detail is None:
            self._detail = self._begin()

    @property
    def parts(self) -> list[str]:
        """The studies that repeat the configs; none where nothing is to be repeated."""
        return [] if self._detail is None else list(self._detail["parts"])

    def tick(self) -> bool:
        """Whether every repetition is over; progress goes into the live stream."""
        if not self.parts:
            return True
        with self._resources.database.read() as session:
            studies = PartRepository(session).of(self._study.id)
        mine = [study for study in studies if study.id in self.parts]
        done = sum(study.progress.done for study in mine)
        # A full disk pauses the part that meets it; nobody looks there, so it is said here too.
        paused = (study.failure for study in mine if study.state is StudyState.PAUSED)
        trouble = next((failure for failure in paused if failure is not None), None)
        if (done, trouble) != self._seen:
            self._seen = done, trouble
            planned = sum(study.progress.trials for study in mine)
            with self._resources.database.transaction() as session:
                AnalysisRepository(session).put(
                    self._study.id,
                    self._fence,
                    PROGRESS,
                    self._revision,
                    {
                        "done": done,
                        "planned": planned,
                        "parts": self.parts,
                        "failure": trouble and trouble.model_dump(mode="json"),
                    },
                )
        return all(study.state in TERMINAL_STUDY_STATES for study in mine)

    def result(self) -> Confirmation | None:
        """What came of it; None where nothing was repeated."""
        if self._detail is None:
            return None
        return compare(self._resources.database, self._study, self._trials, self._detail)

    def _begin(self) -> dict[str, Any] | None:
        """Write the parts and the decision in one transaction."""
        resolved = self._study.resolved
        wished = resolved.selection
        chosen = candidates(resolved.aims, list(self._trials.values()), wished.top_k)
        if not chosen or self._study.parent is not None:
            return None
        detail, parts = plan(self._study, self._revision, chosen)
        with self._resources.database.transaction() as session:
            studies = StudyRepository(session)
            for part, spec in parts.items():
                studies.create(
                    part,
                    wish_of(spec),
                    spec,
                    content_hash(spec.model_dump(mode="json")),
                    [],
                    self._study.versions,
                    parent_id=self._study.id,
                )
            DecisionRepository(session).append(self._study.id, self._fence, CONFIRM, detail)
        return detail


def plan(
    study: Study, revision: int, chosen: Sequence[Trial]
) -> tuple[dict[str, Any], dict[str, ResolvedSpec]]:
    """Which configs are repeated where, as the decision says it, and the spec of every part."""
    resolved = study.resolved
    wished, seeds = resolved.selection, fresh_seeds(resolved.seed, resolved.selection.seeds)
    parts: dict[str, ResolvedSpec] = {}
    places: list[list[int]] = []
    everything = list(range(wished.seeds))
    groups = [[seed] for seed in everything] if wished.resplit else [everything]
    for index, group in enumerate(groups):
        pairs = [(trial, seed) for seed in group for trial in chosen]
        suffix = f"-s{index + 1}" if wished.resplit else ""
        parts[f"{study.id}-c{revision}{suffix}"] = repeat_spec(
            study,
            [trial.params for trial, _ in pairs],
            [seeds[seed] for _, seed in pairs],
            # Never the study's own division, which it may have drawn anew itself.
            resplit=resolved.split.resplit + (index + 1 if wished.resplit else 0),
        )
        places += [[index, n, trial.number, seed] for n, (trial, seed) in enumerate(pairs)]
    decision = {"revision": revision, "parts": list(parts), "places": places, "seeds": seeds}
    return decision, parts


def recorded(database: Database, study: Study) -> dict[str, Any] | None:
    """Which configs the study's revision repeats where; None: not decided yet."""
    # An extension that came to nothing left the result of an earlier revision.
    revision = (study.summary or {}).get("revision", 1 + len(study.resolved.extensions))
    with database.read() as session:
        decisions = DecisionRepository(session).all(study.id, CONFIRM)
    mine = [each.detail for each in decisions if each.detail["revision"] == revision]
    return mine[-1] if mine else None


def compare(
    database: Database, study: Study, trials: Mapping[int, Trial], detail: Mapping[str, Any]
) -> Confirmation:
    """What the repetitions say, from their records."""
    aims = study.resolved.aims
    parts: list[str] = list(detail["parts"])
    with database.read() as session:
        repository = TrialRepository(session)
        found = {(part, trial.number): trial for part in parts for trial in repository.all(part)}
    repeats = []
    for index, number, trial, seed in detail["places"]:
        again = found.get((parts[index], number))
        scores = None
        if again is not None and again.state is TrialState.COMPLETE and again.value is not None:
            scores = {**aims.scores_of(again)}
            if scores.get(aims.objectives[0].metric) is None:
                scores[aims.objectives[0].metric] = again.value
        failure = ""
        if again is None or again.state in (TrialState.FAILED, TrialState.STOPPED):
            failure = "it was not trained to its end"
            if again is not None and again.failure is not None:
                failure = f"{again.failure.kind}: {again.failure.message}"
        repeats.append(Repeat(trial, seed, scores, parts[index], number, failure))
    later = study.resolved.extensions[detail["revision"] - 1 :]
    mine = [each for each in trials.values() if not later or each.number < later[0].first]
    searched = best_trials(aims, mine)[0].number
    return confirm(aims, trials, repeats, parts, searched, study.resolved.selection.resplit)


def wish_of(spec: ResolvedSpec) -> StudySpec:
    """A resolved spec as somebody might have asked for it."""
    own = set(ResolvedSpec.model_fields) - set(StudySpec.model_fields)
    return StudySpec.model_validate(spec.model_dump(exclude=own))
