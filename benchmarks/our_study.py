"""A study in a database of its own, driven cohort by cohort without workers."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from service.domain.model import content_hash
from service.domain.records import DataHeader, EpochReport, TrialMetrics
from service.domain.resolve import resolve
from service.domain.space import Params
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TrialState
from service.engine.proposals import Proposal, Told, propose
from service.storage.database import Database
from service.storage.leases import LeaseRepository
from service.storage.migration import migrate
from service.storage.studies import StudyRepository
from service.storage.trials import NewArray, NewTrial, TrialRepository
from trainers.registry import catalog

EPOCHS = 20
SPACE: dict[str, Any] = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "weight_decay": {"type": "float", "low": 1e-4, "high": 0.3, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.3},
    "hidden_width": {"type": "categorical", "choices": [32, 64, 128, 256]},
    "batch_size": {"type": "categorical", "choices": [64, 128]},
}
"""The autoencoder's default space, and the batch size."""


def validation_mse(params: Params, epoch: int) -> float:
    """A made-up learning curve that depends on the params."""
    rate = math.log10(float(params["learning_rate"]))
    loss = 0.01 + (rate + 2.7) ** 2 / 100 + float(params["dropout"]) / 50
    return loss * (1 + 2 * math.exp(-epoch / 4)) + 1.0 / float(params["hidden_width"])


def epoch_report(params: Params, epoch: int) -> EpochReport:
    """What a worker would send: four metrics on either split, and the rest."""
    value = validation_mse(params, epoch)
    metrics = {"loss": 32 * value, "reconstruction": 32 * value, "mse": value, "mae": value**0.5}
    return EpochReport(
        epoch=epoch,
        train={name: 0.9 * number for name, number in metrics.items()},
        validation=dict(metrics),
        effective_beta=None,
        learning_rate=float(params["learning_rate"]),
        gradient_norm=1.0,
        seconds=0.1,
    )


def study_specs(trials: int, seed: int, sampler: str = "tpe") -> tuple[StudySpec, ResolvedSpec]:
    """The study of the benchmark, as a user writes it and resolved."""
    asked = StudySpec.model_validate(
        {
            "name": "service-cost",
            "dataset": {"name": "digits"},
            "family": "autoencoder",
            "space": SPACE,
            "sampler": {"type": sampler},
            "pruner": {"type": "none"},
            "training": {"epochs": EPOCHS},
            "budget": {"trials": trials},
            "seed": seed,
        }
    )
    header = DataHeader(samples=1797, shape=[8, 8], dtype="uint8", bytes=115_008, kind="image")
    return asked, resolve(asked, catalog(), header)


@dataclass
class OurStudy:
    """One study: proposed, reported and finished, every epoch durable before the next."""

    url: str
    """Of an empty database."""
    trials: int
    seed: int
    arrays_of: int
    """Trials that report together."""
    sampler: str = "tpe"
    seconds: dict[str, float] = field(default_factory=dict)
    """Where the time went."""

    def __post_init__(self) -> None:
        migrate(self.url)
        self.database = Database(self.url)
        asked, self.spec = study_specs(self.trials, self.seed, self.sampler)
        self.id = "study"
        with self.database.transaction() as session:
            hashed = content_hash(asked.model_dump(mode="json"))
            StudyRepository(session).create(self.id, asked, self.spec, hashed, [], {})
            (lease,) = LeaseRepository(session).acquire_any("bench", 3600.0, 1)
        self.fence = lease.fence
        self.history: list[Told] = []

    def run(self, cohorts: Sequence[int]) -> float:
        """Propose, report and finish some cohorts; seconds per trial."""
        before = len(self.history)
        start = time.perf_counter()
        for cohort in cohorts:
            self._run_cohort(cohort)
        return (time.perf_counter() - start) / (len(self.history) - before)

    def _run_cohort(self, cohort: int) -> None:
        with self._timed("propose"):
            proposals = propose(self.spec, self.history, cohort)
        with self._timed("write cohort"):
            arrays = self._write(cohort, proposals)
        params = {proposal.number: proposal.params for proposal in proposals}
        for array in arrays:
            with self._timed("report"):
                self._report(cohort, array, params)
            with self._timed("finish"):
                self._finish(array.trials, params)
        with self._timed("read back"), self.database.read() as session:
            told = TrialRepository(session).of_cohort(self.id, cohort)
        self.history += [Told.of(trial, self.spec.aims) for trial in told]

    def _write(self, cohort: int, proposals: Sequence[Proposal]) -> list[NewArray]:
        numbers = [proposal.number for proposal in proposals]
        arrays = [
            NewArray(index, "signature", numbers[start : start + self.arrays_of])
            for index, start in enumerate(range(0, len(numbers), self.arrays_of))
        ]
        home = {number: array.index for array in arrays for number in array.trials}
        trials = [
            NewTrial(p.number, home[p.number], "autoencoder", p.params, p.seed) for p in proposals
        ]
        with self.database.transaction() as session:
            TrialRepository(session).write_cohort(self.id, self.fence, cohort, trials, arrays)
        return arrays

    def _report(self, cohort: int, array: NewArray, params: dict[int, Params]) -> None:
        with self.database.transaction() as session:
            TrialRepository(session).start_array(self.id, self.fence, cohort, array.index)
        for epoch in range(1, EPOCHS + 1):
            reports = [(n, 1, epoch_report(params[n], epoch)) for n in array.trials]
            with self.database.transaction() as session:
                accepted = TrialRepository(session).append_epochs(self.id, self.fence, reports)
            assert accepted == len(array.trials)

    def _finish(self, numbers: Sequence[int], params: dict[int, Params]) -> None:
        with self.database.transaction() as session:
            for number in numbers:
                report = epoch_report(params[number], EPOCHS)
                TrialRepository(session).finish(
                    self.id,
                    self.fence,
                    number,
                    1,
                    TrialState.COMPLETE,
                    value=report.validation["mse"],
                    best_epoch=EPOCHS,
                    metrics=TrialMetrics(train=report.train, validation=report.validation),
                )

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
