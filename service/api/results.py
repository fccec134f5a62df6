"""The answer of a study over HTTP: best, its config, its checkpoint, and a model to take away."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, StreamingResponse

from service.api.best import Answer, best_record, effective_beta, read_best, read_members, repeat_of
from service.api.bodies import JSON
from service.api.dependencies import (
    CatalogDependency,
    ContainerDependency,
    DatabaseDependency,
    StudyDependency,
)
from service.api.openapi import SPEC_RESPONSE, file_response, problems
from service.api.own_sources import family_of_study
from service.api.spec_answers import SpecAccept, SpecForm, answer_spec
from service.api.task_baselines import with_task_baseline
from service.domain.aims import AUXILIARY
from service.domain.datasets import DatasetSpec, UploadedDataset
from service.domain.division import division_of
from service.domain.problems import problem_fields
from service.domain.records import Artifact, Best, Study, Trial
from service.domain.space import Params
from service.domain.uploads import file_dataset
from service.errors import Conflict
from service.storage.database import Database
from service.storage.trials import TrialRepository
from service.storage.uploads import UploadRepository
from trainers.family import Family
from trainers.portable import write_model_zip

router = APIRouter(prefix="/v1/studies/{study_id:study}/best", tags=["best"])

SAFETENSORS = "application/vnd.safetensors"
ZIP = "application/zip"
SPOOL_BYTES = 32 * 2**20
CHUNK_BYTES = 256 * 1024

TrialChoice = Annotated[
    int | None,
    Query(
        alias="trial",
        ge=0,
        le=999_999,
        description="A member of the Pareto set of a study with several objectives; without it, "
        "the knee.",
    ),
]


@router.get("", operation_id="get_best", summary="The answer", responses=problems(404, 409))
def get_best(
    study: StudyDependency,
    database: DatabaseDependency,
    catalog: CatalogDependency,
    number: TrialChoice = None,
) -> Best:
    """The best trial with the evidence: metrics, baselines on the same split, verdict, seed.

    Of several objectives it is the knee of the Pareto set, which comes with it in `front`. While
    the study runs it is the best so far, and `metrics.test` is null: the sealed test part is
    opened once, at the end. 409 while no trial has finished, or none keeps the constraints.
    """
    best = _best(read_best(database, study, number), database)
    return with_task_baseline(best, study, database, catalog)


@router.get(
    "/config",
    operation_id="get_best_config",
    summary="The answer as a study spec",
    response_class=Response,
    responses={**SPEC_RESPONSE, **problems(404, 409)},
)
def get_best_config(
    study: StudyDependency,
    database: DatabaseDependency,
    number: TrialChoice = None,
    form: SpecForm = None,
    accept: SpecAccept = JSON,
) -> Response:
    """A spec of one trial that trains the best one again, to the same numbers.

    Everything is written out, the trial's seed included; POST it back as it is.
    """
    answer = read_best(database, study, number)
    return answer_spec(repeat_of(answer), form, accept)


@router.get(
    "/checkpoint",
    operation_id="get_best_checkpoint",
    summary="The best trial's weights",
    response_class=FileResponse,
    responses={**file_response(SAFETENSORS, "A safetensors file."), **problems(404, 409)},
)
def get_best_checkpoint(
    study: StudyDependency, container: ContainerDependency, number: TrialChoice = None
) -> FileResponse:
    """The state of the plain module at the best epoch. The ETag is the file's SHA-256."""
    answer = read_best(container.database, study, number)
    artifact = _checkpoint(container.database, answer)
    return FileResponse(
        container.artifacts.path(artifact.path),
        media_type=SAFETENSORS,
        filename=f"{_file_name(answer.study, answer.trial)}.safetensors",
        headers={"ETag": f'"{artifact.sha256}"'},
    )


@router.get(
    "/model",
    operation_id="get_best_model",
    summary="The model to take away",
    response_class=StreamingResponse,
    responses={**file_response(ZIP, "A zip that needs nothing of ours."), **problems(404, 409)},
)
def get_best_model(
    study: StudyDependency,
    container: ContainerDependency,
    catalog: CatalogDependency,
    number: TrialChoice = None,
) -> StreamingResponse:
    """A zip of model.py (a plain module), weights, config.json, train.py and README.md."""
    answer = read_best(container.database, study, number)
    study, trial, dataset = answer.study, answer.trial, answer.dataset
    artifact = _checkpoint(container.database, answer)
    best = with_task_baseline(_best(answer, container.database), study, container.database, catalog)
    with container.artifacts.open(artifact.path) as file:
        weights = file.read()
    assert dataset is not None  # no trial trains without one
    problem = problem_fields(dataset, study.resolved.task)
    family = family_of_study(container.artifacts, study, trial.family)
    metadata = _metadata(answer.maker, best, container.database)
    packed = _pack(family, problem, best.config, weights, metadata)
    size = packed.seek(0, io.SEEK_END)
    packed.seek(0)
    return StreamingResponse(
        _send(packed),
        media_type=ZIP,
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="{_file_name(study, trial)}.zip"',
        },
    )


def _pack(
    family: Family,
    problem: dict[str, Any],
    config: Params,
    weights: bytes,
    metadata: dict[str, Any],
) -> "tempfile.SpooledTemporaryFile[bytes]":
    """The zip in memory, or in a nameless file where it is large."""
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES))
        write_model_zip(
            target,
            family=family,
            problem=problem,
            config=config,
            weights=weights,
            metadata=metadata,
        )
        stack.pop_all()
    return target


def _send(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _best(answer: Answer, database: Database) -> Best:
    members = read_members(database, answer.study)
    return best_record(answer, members, effective_beta(database, answer.model))


def _checkpoint(database: Database, answer: Answer) -> Artifact:
    with database.read() as session:
        artifacts = TrialRepository(session).artifacts(answer.maker.id, answer.model.number)
    for artifact in artifacts:
        if artifact.kind == "checkpoint":
            return artifact
    raise Conflict("the best trial left no checkpoint", "ask again when another trial has finished")


def _metadata(maker: Study, best: Best, database: Database) -> dict[str, Any]:
    """What config.json says beside the model's configuration.

    `objective` is what its train.py chooses the epoch by: of several objectives and constraints
    the first that says how good the model is.
    """
    names = maker.resolved.aims.metrics
    metric = next((name for name in names if name not in AUXILIARY), names[0])
    record = best.model_dump(
        mode="json",
        include={"study_id", "trial", "metrics", "best_epoch", "baselines", "seed", "versions",
                 "data_hash", "complexity"},
    )  # fmt: skip
    resolved = maker.resolved.model_dump(mode="json")
    return record | {
        "objective": {"metric": metric, "value": best.metrics.validation.get(metric)},
        "study": maker.name,
        "dataset": resolved["dataset"],
        "split": resolved["split"],
        "division": division_of(_read_dataset(maker.resolved.dataset, database)),
        "scaling": resolved["scaling"],
        "training": resolved["training"],
    }


def _read_dataset(dataset: DatasetSpec, database: Database) -> DatasetSpec:
    """A study's data set; an uploaded one as the file that it is, unless it is gone."""
    if not isinstance(dataset, UploadedDataset):
        return dataset
    with database.read() as session:
        upload = UploadRepository(session).get(dataset.id)
    return dataset if upload is None else file_dataset(dataset, upload)


def _file_name(study: Study, trial: Trial) -> str:
    """Spec names hold letters, digits, space and `._+-`: harmless in a quoted file name."""
    return f"{study.name.replace(' ', '-')}-trial-{trial.number}"
