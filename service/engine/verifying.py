"""Checks a study against its own records: every proposal, verdict, value and choice derived again.

Nothing is written. What cannot be derived from the records (weights, pictures) is compared by its
SHA-256; replaying a checkpoint is `service.executors.replay`'s.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose
from typing import Any, NamedTuple, TypeAlias

from service.artifacts import FilesystemArtifacts
from service.domain.aims import best_trials
from service.domain.configuration import complete_config
from service.domain.confirmations import with_test
from service.domain.confirmed import confirmation_of
from service.domain.records import Artifact, Dataset, EpochReport, Study, Trial
from service.domain.states import TERMINAL_STUDY_STATES, StudyState, TrialState
from service.engine.confirming import compare, recorded
from service.engine.judging import judge_trial, value_of
from service.engine.mirror import StudyMirror
from service.engine.proposals import propose
from service.engine.verdicts import judge
from service.errors import NotFound
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import DecisionRepository
from service.storage.parts import PartRepository
from service.storage.trials import TrialRepository

EpochValue: TypeAlias = tuple[int, float]
BestEpochOf: TypeAlias = Callable[[Sequence[EpochValue], int, float], EpochValue | None]
"""Epochs and their values, the first eligible epoch, sign -> the best epoch and its value."""


class Difference(NamedTuple):
    """Something recorded that is not what follows from the other records."""

    where: str
    """`trial 7, learning_rate`, in words."""
    recorded: Any
    derived: Any


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
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._mirror = StudyMirror(database, study_id)
        self._best_epoch_of = best_epoch_of
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
            "proposals": self.proposals,
            "verdicts at rungs": self.rung_verdicts,
            "trials": self.trials,
            "files": self.files,
            "best": self.best,
        }

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
        for _, trial in sorted(self._mirror.trials.items()):
            if trial.state in (TrialState.QUEUED, TrialState.RUNNING):
                continue
            with self._database.read() as session:
                reports = TrialRepository(session).epochs(self.study.id, trial.number)
            yield from self._of_epochs(trial, reports)
            yield None

    def _of_epochs(self, trial: Trial, reports: Sequence[EpochReport]) -> Iterator[Difference]:
        spec = self.study.resolved
        ranking = spec.aims.ranking
        values = [
            (report.epoch, value)
            for report in reports
            if (value := report.validation.get(ranking.metric)) is not None
        ]
        eligible = spec.first_eligible_epoch
        if [report.epoch for report in reports] != list(range(1, trial.epochs + 1)):
            yield Difference(self._of(trial, "epochs"), trial.epochs, len(reports))
        for rung, kept_value in sorted(trial.rungs.items()):
            found = self._best_epoch_of(
                [pair for pair in values if pair[0] <= int(rung)], eligible, ranking.sign
            )
            if found is not None and kept_value != found[1]:
                yield Difference(self._of(trial, f"value at rung {rung}"), kept_value, found[1])
        if trial.metrics is None or trial.best_epoch is None:
            return
        best = self._best_epoch_of(values, eligible, ranking.sign)
        if trial.state is TrialState.COMPLETE and best is not None and best[0] != trial.best_epoch:
            yield Difference(self._of(trial, "best epoch"), trial.best_epoch, best[0])
        report = next((each for each in reports if each.epoch == trial.best_epoch), None)
        if report is not None:
            for part in ("train", "validation"):
                measured, kept = getattr(report, part), getattr(trial.metrics, part)
                for name in sorted(set(measured) & set(kept)):
                    if measured[name] != kept[name]:
                        where = self._of(trial, f"{part} {name} at epoch {trial.best_epoch}")
                        yield Difference(where, kept[name], measured[name])
            ranked = report.validation.get(ranking.metric)
            value = value_of(spec, ranked, trial.metrics.validation, trial.complexity)
            if trial.state is TrialState.COMPLETE and value != trial.value:
                yield Difference(self._of(trial, "value"), trial.value, value)
        yield from self._verdict(trial, reports)

    def _verdict(self, trial: Trial, reports: Sequence[EpochReport]) -> Iterator[Difference]:
        if self.dataset is None or trial.verdict is None or trial.state is not TrialState.COMPLETE:
            return
        spec = self.study.resolved
        derived = judge_trial(
            spec,
            self.dataset,
            complete_config(spec, trial.family, trial.params),
            reports,
            state=trial.state,
            best_epoch=trial.best_epoch,
            stopped_early=len(reports) < spec.training.epochs,
        )
        if derived is not None and derived.kind != trial.verdict.kind:
            yield Difference(self._of(trial, "verdict"), trial.verdict.kind, derived.kind)

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
        """The best search value, what the selection made of it, and the winner."""
        study, trials = self.study, list(self._mirror.trials.values())
        if study.best is None:
            return
        ranked = best_trials(study.resolved.aims, trials)
        found = confirmation_of(study)
        if found is None:
            if ranked and study.best.trial != ranked[0].number:
                yield Difference(f"{self._name}best trial", study.best.trial, ranked[0].number)
            yield None
            return
        detail = recorded(self._database, study)
        if detail is not None and study.summary is not None:
            derived = compare(self._database, study, self._mirror.trials, detail)
            derived = with_test(derived, study.resolved.aims, study.summary["test"])
            one, other = found.model_dump(mode="json"), derived.model_dump(mode="json")
            for name in one:
                if not _alike(one[name], other[name]):
                    yield Difference(f"selection, {name}", one[name], other[name])
                yield None
        if found.winner is not None and study.best.trial != found.winner:
            yield Difference("best trial", study.best.trial, found.winner)

    @property
    def _name(self) -> str:
        return f"repetitions {self.study.id}, " if self.study.parent else ""

    def _of(self, trial: Trial, what: str) -> str:
        return f"{self._name}trial {trial.number}, {what}"


def _alike(one: Any, other: Any) -> bool:
    """Equal, but for the last bits of sums that another machine may have rounded otherwise."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-12)
    return bool(one == other)


def verify(
    database: Database,
    artifacts: FilesystemArtifacts,
    study_id: str,
    best_epoch_of: BestEpochOf,
    progress: Callable[[str, int], None] = lambda name, count: None,
) -> Verified:
    """Check a study and the parts that repeat its configs; `progress` hears of every item.

    Raises StudyGone for a study that is not there.
    """
    found = Verified()
    whole = Verifier(database, artifacts, study_id, best_epoch_of)
    parts = [Verifier(database, artifacts, part, best_epoch_of) for part in whole.parts]
    for verifier in (whole, *parts):
        if verifier.study.state is StudyState.QUEUED:
            continue
        for name, check in verifier.checks().items():
            for difference in check():
                if difference is not None:
                    found.differences.append(difference)
                else:
                    found.counts[name] = found.counts.get(name, 0) + 1
                    progress(name, found.counts[name])
    return found
