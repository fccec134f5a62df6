"""Runs one job, whatever it is, from its first event to its last."""

import logging
from pathlib import Path

from service.artifacts import FilesystemArtifacts
from service.executors.base import ArrayJob, JobEndEvent, ScoreEvent, ScoreJob
from service.executors.failures import describe_failure
from service.executors.orders import Commands
from service.executors.segment import Segment, finite_metrics, open_data
from service.executors.torch_settings import prepare_torch
from service.executors.worker_process import Emit
from trainers.doing_nothing import score_doing_nothing
from trainers.evaluation import score
from trainers.intervals import SampleFigures
from trainers.problem import problem_of
from trainers.registry import check_made_of
from trainers.tasks import parse_task

logger = logging.getLogger(__name__)


def run_job(job: ArrayJob | ScoreJob, emit: Emit, commands: Commands) -> None:
    """Run a job in this thread; the last event is always its JobEndEvent.

    Whatever goes wrong is an event, not an exception: the worker is fit for the next job.
    """
    prepare_torch()
    try:
        check_made_of(job.family, job.made_of)
        if isinstance(job, ArrayJob):
            end = JobEndEvent(job_id=job.job_id, outcome=Segment(job, emit, commands).train())
        else:
            score_trial(job, emit)
            end = JobEndEvent(job_id=job.job_id, outcome="done")
    except Exception as error:
        logger.exception("job %s of study %s failed", job.job_id, job.study_id)
        end = JobEndEvent(job_id=job.job_id, outcome="failed", failure=describe_failure(error))
    emit(end)


def score_trial(job: ScoreJob, emit: Emit) -> None:
    """Score a checkpoint on the sealed test part."""
    weights = FilesystemArtifacts(Path(job.artifact_root)).path(job.checkpoint)
    data = open_data(job.data_folder)
    problem = problem_of(data, parse_task(job.task))
    test = data.test()
    figures = SampleFigures()
    metrics = score(job.family, job.config, weights, test, job.seed, problem, data.mean, figures)
    nothing = None
    if problem.task.kind != "reconstruct":
        nothing = finite_metrics(score_doing_nothing(problem, test, data.mean, data.scale))
    emit(
        ScoreEvent(
            job_id=job.job_id,
            trial=job.trial,
            metrics=finite_metrics(metrics),
            nothing=nothing,
            interval=figures.intervals(metrics, job.seed),
        )
    )
