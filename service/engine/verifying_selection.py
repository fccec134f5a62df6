"""The result of every revision of a study derived again: the best, the parts, the winner."""

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.domain.confirmations import candidates, with_test
from service.domain.confirmed import Confirmation
from service.domain.records import Dataset, Study, Trial
from service.domain.spec import ResolvedSpec
from service.domain.states import TERMINAL_STUDY_STATES, TERMINAL_TRIAL_STATES, StudyState
from service.engine.confirming import CONFIRM, compare, plan
from service.engine.differences import Difference, same, same_fields
from service.storage.best_notes import note_best
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.kept_results import REVISION
from service.storage.parts import PartRepository
from service.storage.revisions import RevisionRepository
from service.storage.tables import StudyRow, TrialRow


@dataclass(frozen=True)
class Result:
    """What a revision came to, as it is on record."""

    number: int
    trials: int
    """In all, up to its end."""
    best_trial: int | None
    best_value: float | None
    summary: Mapping[str, Any] | None


class ResultChecks:
    """The checks of one study's results; `where` begins every difference."""

    def __init__(
        self,
        database: Database,
        study: Study,
        trials: Mapping[int, Trial],
        dataset: Dataset | None,
        where: str,
    ) -> None:
        self._database = database
        self._study = study
        self._trials = trials
        self._dataset = dataset
        self._where = where
        with database.read() as session:
            decisions = DecisionRepository(session)
            self._confirmed = [each.detail for each in decisions.all(study.id, CONFIRM)]
            self._opened = [each.detail for each in decisions.all(study.id, "open_test")]
            self._parts = {part.id: part for part in PartRepository(session).of(study.id)}
            self._earlier = RevisionRepository(session).of(study.id)

    def check(self) -> Iterator[Difference | None]:
        """Every result, the earlier ones first; None for what is as it should be."""
        extensions = self._study.resolved.extensions
        yield from same(
            f"{self._where}extended at trials",
            [revision.trials for revision in self._earlier],
            [extension.first for extension in extensions],
        )
        for number, revision in enumerate(self._earlier, 1):
            yield from same(f"{self._where}revision {number}, number", revision.number, number)
            recorded = Result(
                number, revision.trials, revision.best_trial, revision.best_value, revision.summary
            )
            yield from self._check(recorded, f"{self._where}revision {number}, ")
        study = self._study
        best = study.best
        current = Result(
            1 + len(extensions),
            len(self._trials),
            None if best is None else best.trial,
            None if best is None else best.value,
            study.summary,
        )
        if study.state is StudyState.COMPLETE:
            yield from self._check(current, self._where)
        elif study.state in TERMINAL_STUDY_STATES:
            yield from self._without_end(current)

    def _check(self, result: Result, where: str) -> Iterator[Difference | None]:
        """A revision that is COMPLETE."""
        searched = self._searched(result)
        if self._study.parent is not None:
            yield from self._best(result, searched, where)
            return
        if result.summary is None:
            yield Difference(f"{where}summary", None, "a summary")
            return
        found = yield from self._selection(result, where)
        best, model = searched, None
        if found is not None and found.best is not None and found.best.mean is not None:
            best, model = (found.best.trial, found.best.mean), found.model
        yield from self._best(result, best, where)
        yield from same(f"{where}summary, trial", result.summary.get("trial"), best[0])
        wanted: dict[str, Any] = {"study": self._study.id, "trial": best[0]}
        if model is not None:
            wanted = model.model_dump(mode="json")
        yield from self._seal(result, best[0], wanted, where)

    def _without_end(self, result: Result) -> Iterator[Difference | None]:
        """A revision that is STOPPED or FAILED: the confirmed result before it stands."""
        wanted = self._searched(result)
        kept = self._earlier[-1] if self._earlier else None
        if kept is not None and kept.summary:
            chosen = kept.summary.get("selection")
            confirmed = chosen is not None and chosen["winner"] is not None
            if confirmed or wanted[0] == kept.best_trial:
                wanted = kept.best_trial, kept.best_value
                summary = {**kept.summary, REVISION: kept.number}
                yield from same(f"{self._where}summary", result.summary, summary)
        yield from self._best(result, wanted, self._where)

    def _searched(self, result: Result) -> tuple[int | None, float | None]:
        """The best of the search, as it was noted trial by trial."""
        row = StudyRow(best_trial=None, best_value=None, best_complete=False, front=None)
        aims = self._study.resolved.aims
        with self._database.read() as session:
            for trial in self._ended(session, result):
                note_best(row, aims, trial)
        return row.best_trial, row.best_value

    def _ended(self, session: Session, result: Result) -> list[TrialRow]:
        return list(
            session.scalars(
                select(TrialRow)
                .where(
                    TrialRow.study_id == self._study.id,
                    TrialRow.number < result.trials,
                    TrialRow.state.in_(TERMINAL_TRIAL_STATES),
                )
                .order_by(TrialRow.number)
            )
        )

    def _best(
        self, result: Result, wanted: tuple[int | None, float | None], where: str
    ) -> Iterator[Difference | None]:
        yield from same(f"{where}best trial", result.best_trial, wanted[0])
        yield from same(f"{where}best value", result.best_value, wanted[1])

    def _selection(
        self, result: Result, where: str
    ) -> Generator[Difference | None, None, Confirmation | None]:
        """The parts, and what they say; returns what is derived, None where nothing is repeated."""
        assert result.summary is not None
        resolved, written = self._study.resolved, result.summary.get("selection")
        trials = {n: trial for n, trial in self._trials.items() if n < result.trials}
        chosen = candidates(resolved.aims, list(trials.values()), resolved.selection.top_k)
        detail = next(
            (each for each in self._confirmed if each.get("revision") == result.number), None
        )
        if not chosen or not self._may_select:
            yield from same(f"{where}selection", written, None)
            yield from same(f"{where}selection, decision", detail, None)
            return None
        if detail is None or written is None:
            missing = "decision" if detail is None else "summary"
            yield Difference(f"{where}selection, {missing}", None, "it was on, and is not there")
            return None
        planned, parts = plan(self._study, result.number, chosen)
        for name, value in planned.items():
            yield from same(f"{where}selection, decision, {name}", detail.get(name), value)
        yield from self._specs(parts)
        derived = compare(self._database, self._study, trials, planned)
        derived = with_test(derived, resolved.aims, result.summary.get("test", {}))
        for name, value in derived.model_dump(mode="json").items():
            yield from same(f"{where}selection, {name}", written.get(name), value)
        return derived

    @property
    def _may_select(self) -> bool:
        """Whether the study knows of selections: an older one was COMPLETE without."""
        with self._database.read() as session:
            text = session.scalar(select(StudyRow.resolved).where(StudyRow.id == self._study.id))
        return "selection" in json.loads(text or "{}")

    def _specs(self, parts: Mapping[str, ResolvedSpec]) -> Iterator[Difference | None]:
        """The parts are there, with the spec that they must have, on the study's data."""
        resplit = self._study.resolved.selection.resplit
        for name, wanted in parts.items():
            part, where = self._parts.get(name), f"repetitions {name}, "
            if part is None:
                yield Difference(f"{where}study", None, "a part of the study")
                continue
            specs = part.resolved.model_dump(mode="json"), wanted.model_dump(mode="json")
            yield from same_fields(f"{where}spec, ", *specs, besides=["name"])
            if not resplit:
                yield from same(f"{where}data set", part.data_hash, self._study.data_hash)
            yield None

    def _seal(
        self, result: Result, winner: int | None, model: Mapping[str, Any], where: str
    ) -> Iterator[Difference | None]:
        """The test part was opened once, for this model; what it said cannot be derived."""
        assert result.summary is not None
        mine = [each for each in self._opened if each.get("revision", 1) == result.number]
        yield from same(f"{where}decisions to open the test part", len(mine), 1)
        total = None if self._dataset is None else self._dataset.test_openings
        counted = result.summary.get("test_openings")
        for detail in mine:
            opening = detail.get("opening")
            yield from same(f"{where}open_test, trial", detail.get("trial"), winner)
            if "model" in detail or self._may_select:
                yield from same(f"{where}open_test, model", detail.get("model"), model)
            known = [n for n in (1, opening, counted, total) if isinstance(n, int)]
            if known != sorted(known):
                yield Difference(f"{where}test openings", counted, f"{opening} to {total}")
        test = result.summary.get("test", {})
        for metric, (low, high) in result.summary.get("interval", {}).items():
            if low > high or test.get(metric) is None:
                yield Difference(f"{where}interval of {metric}", [low, high], test.get(metric))
