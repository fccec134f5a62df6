"""Trains one configuration in this process: the engine's data and jobs, without its database."""

import logging
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from service.commands.exits import Exit, Stop
from service.commands.train_config import Plan, say_unreadable
from service.commands.training import NAME, Training, new_trial
from service.domain.configuration import complete_config
from service.domain.doing_nothing import names_doing_nothing
from service.domain.records import Array, ArrayState, Artifact, Trial
from service.engine.ingestion import LATENT, ingest_dataset, with_pca
from service.engine.jobs import array_job, score_job
from service.executors.base import ArrayJob, EpochEvent, ScoreJob, TrialEndEvent, WorkerEvent
from service.executors.orders import Commands
from trainers.data.errors import UnreadableData

if TYPE_CHECKING:
    from service.commands.train_view import TrainView

NEVER_SECONDS = 1e9
"""No state is saved on the way: nobody would take it up."""


def train(
    plan: Plan,
    seeds: Sequence[int],
    store: Path,
    folder: Path,
    versions: Mapping[str, str],
    test: bool,
    view: "TrainView",
) -> Training:
    """Ingest the data into `store`, train every seed side by side, score the chosen one.

    Files in the making lie below `folder` and are gone at the end. The first SIGINT or SIGTERM
    ends the training with the best so far. Raises Stop for data that cannot be used.
    """
    view.say("reading the data")
    try:
        dataset = ingest_dataset(plan.readable, plan.roots, store)
    except UnreadableData as error:
        raise Stop(Exit.REFUSED, say_unreadable(error)) from None
    view.data(dataset)
    now = datetime.now(UTC)
    trials = [new_trial(plan, number, seed, now) for number, seed in enumerate(seeds)]
    training = Training(plan, dataset, versions, now, trials)
    work = Path(tempfile.mkdtemp(prefix=".train-", dir=folder))
    commands = Commands()
    try:
        with stopping(commands):
            _run(_array_job(training, store, work), training, commands, view)
            training.interrupted = commands.stop
            chosen = training.chosen
            checkpoint = None if chosen is None else training.checkpoints.get(chosen.number)
            if chosen is None or checkpoint is None:
                return training
            training.weights = (work / checkpoint.path).read_bytes()
            if test and not training.interrupted:
                view.say("scoring on the test part")
                job = _score_job(training, chosen, checkpoint, store, work)
                _run(job, training, commands, view)
                _unseal(training, store)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return training


@contextmanager
def stopping(commands: Commands) -> Iterator[None]:
    """The first signal asks the job to end; a second one ends the command at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if commands.stop:
            raise KeyboardInterrupt
        commands.give("stop")

    earlier = [(each, signal.signal(each, ask)) for each in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in earlier:
            signal.signal(number, handler)


def _run(
    job: ArrayJob | ScoreJob, training: Training, commands: Commands, view: "TrainView"
) -> None:
    """Run a job as a worker does, in this thread."""
    from service.executors import worker  # loads torch

    if not logging.getLogger().handlers:
        # What went wrong is said once, in a sentence; a log with a traceback was not asked for.
        logging.getLogger(worker.__name__).setLevel(logging.CRITICAL)

    def hear(event: WorkerEvent) -> None:
        training.record(event)
        if isinstance(event, EpochEvent):
            view.epoch(training.trials[event.trial].seed, event.report)
        elif isinstance(event, TrialEndEvent):
            view.end(training.trials[event.trial])

    worker.run_job(job, hear, commands)


def _array_job(training: Training, store: Path, work: Path) -> ArrayJob:
    array = Array(
        study_id=NAME,
        cohort=0,
        index=0,
        state=ArrayState.QUEUED,
        signature="",
        trials=[trial.number for trial in training.trials],
        rung=0,
        saved_epoch=0,
        state_path=None,
        attempt=1,
    )
    return array_job(
        training.plan.resolved,
        array,
        training.trials,
        fence=0,
        data_folder=store / training.dataset.folder,
        artifact_root=work,
        save_seconds=NEVER_SECONDS,
        versions=training.versions,
        measure_nothing=names_doing_nothing(training.plan.resolved.task) is not None,
    )


def _score_job(
    training: Training, chosen: Trial, checkpoint: Artifact, store: Path, work: Path
) -> ScoreJob:
    return score_job(
        training.plan.resolved,
        chosen,
        checkpoint,
        study_id=NAME,
        fence=0,
        data_folder=store / training.dataset.folder,
        artifact_root=work,
        versions=training.versions,
    )


def _unseal(training: Training, store: Path) -> None:
    """The rival of the same latent size on the test part, beside the model's score."""
    config = complete_config(training.plan.resolved, training.plan.resolved.families[0], {})
    latent = config.get(LATENT)
    if isinstance(latent, int):
        training.dataset = with_pca(training.dataset, store, latent)
