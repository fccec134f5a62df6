"""Checks a study against its own records: every proposal, verdict, value and choice derived again.

Nothing is written. What cannot be derived from the records (weights, pictures) is compared by its
SHA-256; replaying a checkpoint is `service.executors.replay`'s. Trials by themselves are
verifying_trials.py's, results and selections verifying_selection.py's.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from service.artifacts import FilesystemArtifacts
from service.domain.configuration import family_of
from service.domain.model import content_hash
from service.domain.records import Artifact, Dataset, Study, Trial
from service.domain.states import TERMINAL_STUDY_STATES, StudyState, TrialState
from service.engine.differences import Difference, same
from service.engine.mirror import StudyMirror
from service.engine.proposals import propose
from service.engine.verdicts import judge
from service.engine.verifying_selection import ResultChecks
from service.engine.verifying_trials import BestEpochOf, CountUsed, TrialChecks
from service.errors import NotFound
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import DecisionRepository
from service.storage.parts import PartRepository
from service.storage.tables import StudyRow
from service.storage.trials import TrialRepository


@dataclass
class Verified:
    """What was checked, and what differs."""

    counts: dict[str, int] = field(default_factory=dict)
    """How many of each kind were derived again."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


class Verifier:
    """One study and its parts, read once."""

    def __init__(
        self,
        database: Database,
        artifacts: FilesystemArtifacts,
        study_id: str,
        best_epoch_of: BestEpochOf,
        count_used: CountUsed,
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._mirror = StudyMirror(database, study_id)
        self._best_epoch_of = best_epoch_of
        self._count_used = count_used
        self.study: Study = self._mirror.study
        with database.read() as session:
            self._verdicts = DecisionRepository(session).all(study_id, "verdict")
            data_hash = self.study.data_hash
            self.dataset: Dataset | None = (
                DatasetRepository(session).get(data_hash) if data_hash else None
            )
            self.parts = [part.id for part in PartRepository(session).of(study_id)]

    def checks(self) -> dict[str, Callable[[], Iterator[Difference | None]]]:
        """By name; each yields None for what is as it should be, or the difference."""
        return {
            "specs": self.spec,
            "proposals": self.proposals,
            "verdicts at rungs": self.rung_verdicts,
            "trials": self.trials,
            "files": self.files,
            "best": self.best,
        }

    def spec(self) -> Iterator[Difference | None]:
        """The resolved spec is the one that was stored, and its data set is there."""
        study = self.study
        with self._database.read() as session:
            text = session.scalar(select(StudyRow.resolved).where(StudyRow.id == study.id))
        # As it was written: this version may know of fields that it does not have.
        derived = content_hash(json.loads(text or "null"))
        yield from same(f"{self._name}spec_hash", study.spec_hash, derived)
        if study.data_hash is None and study.state is StudyState.COMPLETE:
            yield Difference(f"{self._name}data set", None, "every COMPLETE study has one")
        elif study.data_hash is not None and self.dataset is None:
            yield Difference(f"{self._name}data set", study.data_hash, "there is no such data set")

    def proposals(self) -> Iterator[Difference | None]:
        """Params and seed of every trial, from the trials that its cohort was allowed to see."""
        history = self._mirror.history()
        for cohort in sorted(self._mirror.cohorts):
            there = [self._mirror.trials[number] for number in self._mirror.cohorts[cohort]]
            try:
                derived = propose(self.study.resolved, history, cohort)
            except ValueError as error:
                if self.study.state in TERMINAL_STUDY_STATES:
                    yield Difference(f"{self._name}cohort {cohort}", "proposed", str(error))
                continue
            if [each.number for each in derived] != [trial.number for trial in there]:
                yield Difference(
                    f"{self._name}cohort {cohort}, trials",
                    [trial.number for trial in there],
                    [each.number for each in derived],
                )
                continue
            for trial, wanted in zip(there, derived, strict=True):
                yield from self._same(trial, trial.params, wanted.params)
                family = family_of(self.study.resolved, wanted.params)
                if trial.family != family:
                    yield Difference(self._of(trial, "family"), trial.family, family)
                if trial.seed != wanted.seed:
                    yield Difference(self._of(trial, "seed"), trial.seed, wanted.seed)
                yield None

    def _same(
        self, trial: Trial, params: Mapping[str, Any], derived: Mapping[str, Any]
    ) -> Iterator[Difference]:
        for name in sorted({*params, *derived}):
            one, other = params.get(name), derived.get(name)
            if one != other:
                yield Difference(self._of(trial, name), one, other)

    def rung_verdicts(self) -> Iterator[Difference | None]:
        """Who went on at every rung."""
        spec, mirror = self.study.resolved, self._mirror
        said: dict[int, str] = {}
        for decision in self._verdicts:
            cohort, rung = decision.detail["cohort"], decision.detail["rung"]
            visible = [index for index in mirror.told if index <= cohort - spec.cohorts_in_flight]
            derived = judge(
                spec, rung, mirror.rung_results([cohort], rung), mirror.rung_results(visible, rung)
            )
            written = {int(number): word for number, word in decision.detail["verdicts"].items()}
            for number in sorted({*written, *derived}):
                one, other = written.get(number), derived.get(number)
                if one != other:
                    where = f"{self._name}trial {number}, verdict at epoch {rung}"
                    yield Difference(where, one, other)
                yield None
                said[number] = str(one)
        for trial in mirror.trials.values():
            pruned = trial.state is TrialState.PRUNED
            if pruned != (said.get(trial.number) == "prune"):
                word = said.get(trial.number, "no verdict")
                yield Difference(self._of(trial, "state"), trial.state.value, f"verdict: {word}")

    def trials(self) -> Iterator[Difference | None]:
        """Value, best epoch, metrics, rungs and verdict of every trial, from its epochs."""
        checks = TrialChecks(
            self.study, self.dataset, self._best_epoch_of, self._count_used, self._name
        )
        for _, trial in sorted(self._mirror.trials.items()):
            if trial.state in (TrialState.QUEUED, TrialState.RUNNING):
                continue
            with self._database.read() as session:
                reports = TrialRepository(session).epochs(self.study.id, trial.number)
            yield from checks.check(trial, reports)
            yield None

    def files(self) -> Iterator[Difference | None]:
        """The SHA-256 of every file that a trial left."""
        for number in sorted(self._mirror.trials):
            with self._database.read() as session:
                found = TrialRepository(session).artifacts(self.study.id, number)
            for artifact in found:
                digest = self._digest(artifact)
                if digest != artifact.sha256:
                    where = f"{self._name}trial {number}, {artifact.kind}"
                    yield Difference(where, artifact.sha256, digest)
                yield None

    def _digest(self, artifact: Artifact) -> str:
        try:
            return self._artifacts.digest(artifact.path)
        except (NotFound, OSError):
            return "the file is not there"

    def best(self) -> Iterator[Difference | None]:
        """The best, the selection and the seal, of every revision."""
        trials = self._mirror.trials
        yield from ResultChecks(
            self._database, self.study, trials, self.dataset, self._name
        ).check()

    @property
    def _name(self) -> str:
        return f"repetitions {self.study.id}, " if self.study.parent else ""

    def _of(self, trial: Trial, what: str) -> str:
        return f"{self._name}trial {trial.number}, {what}"


def _readable(
    name: str, check: Callable[[], Iterator[Difference | None]]
) -> Iterator[Difference | None]:
    """What a check yields; records that make no sense to it are a difference themselves."""
    try:
        yield from check()
    except (LookupError, TypeError, ValueError) as error:
        yield Difference(name, "readable", f"{type(error).__name__}: {error}")


def verify(
    database: Database,
    artifacts: FilesystemArtifacts,
    study_id: str,
    best_epoch_of: BestEpochOf,
    count_used: CountUsed,
    progress: Callable[[str, int], None] = lambda name, count: None,
) -> Verified:
    """Check a study and the parts that repeat its configs; `progress` hears of every item.

    Raises StudyGone for a study that is not there.
    """
    found = Verified()
    whole = Verifier(database, artifacts, study_id, best_epoch_of, count_used)
    parts = [Verifier(database, artifacts, part, best_epoch_of, count_used) for part in whole.parts]
    for verifier in (whole, *parts):
        if verifier.study.state is StudyState.QUEUED:
            continue
        for name, check in verifier.checks().items():
            for difference in _readable(name, check):
                if difference is not None:
                    found.differences.append(difference)
                else:
                    found.counts[name] = found.counts.get(name, 0) + 1
                    progress(name, found.counts[name])
    return found
