"""The files that a trial leaves for people to look at: pictures and evidence."""

import numpy as np
import safetensors
import safetensors.numpy

from dashboards.figures.frame import Evidence, Picture, Pictures
from service.api.dependencies import Container, Records
from service.domain.records import Dataset, Trial
from service.errors import NotFound

MAX_FILE_BYTES = 64 * 2**20
REQUIRED = ("input", "best")
EVIDENCE, PICTURES = "evidence", "reconstructions"


def pictures_of(
    container: Container, records: Records, trial: Trial, dataset: Dataset
) -> Pictures | None:
    """The trial's reconstructions; None when it left none, or none that fit its data."""
    content = _content(container, records, trial, PICTURES)
    return None if content is None else read_pictures(content, dataset)


def evidence_of(
    container: Container, records: Records, trial: Trial, dataset: Dataset
) -> Evidence | None:
    """The trial's evidence; None when it left none."""
    content = _content(container, records, trial, EVIDENCE)
    return None if content is None else read_evidence(content, dataset)


def evidence_pieces(container: Container, records: Records, trial: Trial) -> frozenset[str]:
    """The names of what the trial's evidence holds; nothing while it has left none."""
    content = _content(container, records, trial, EVIDENCE)
    if content is None:
        return frozenset()
    try:
        return frozenset(safetensors.numpy.load(content))
    except (safetensors.SafetensorError, KeyError, ValueError):
        return frozenset()


def _content(container: Container, records: Records, trial: Trial, kind: str) -> bytes | None:
    artifacts = records.trials.artifacts(trial.study_id, trial.number)
    found = next((artifact for artifact in artifacts if artifact.kind == kind), None)
    if found is None or found.bytes > MAX_FILE_BYTES:
        return None
    try:
        with container.artifacts.open(found.path) as file:
            content: bytes = file.read(MAX_FILE_BYTES)
            return content
    except NotFound:
        return None


def read_evidence(content: bytes, dataset: Dataset) -> Evidence | None:
    """Evidence from the bytes of evidence.safetensors; None if they do not fit the data."""
    try:
        tensors = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError):
        return None
    shape = tuple(dataset.shape)
    features = int(np.prod(shape))
    arrays: dict[str, Picture] = {}
    for name, tensor in tensors.items():
        values: Picture = np.nan_to_num(tensor.astype(np.float64))
        if name.startswith("error_map/"):
            if values.size == features:
                arrays[name] = values.reshape(shape)
        elif name.startswith("prior/"):
            if values.ndim > 1 and values.size == len(values) * features:
                arrays[name] = values.reshape(len(values), features)
        elif not name.startswith("latent/") or (values.ndim == 2 and values.shape[1] == 2):
            arrays[name] = values
    columns = [
        column.name if column.width == 1 else f"{column.name} = {column.categories[i]}"
        for column in dataset.columns
        for i in range(column.width)
    ]
    return Evidence(
        kind=dataset.kind,
        shape=shape,
        low=dataset.low,
        high=dataset.high,
        columns=tuple(columns) if len(columns) == features else (),
        arrays=arrays,
        tokens=tuple(dataset.tokens),
        tokenizer=dataset.tokenizer or "",
    )


def read_pictures(content: bytes, dataset: Dataset) -> Pictures | None:
    """Pictures from the bytes of reconstructions.safetensors; None if they do not fit the data."""
    try:
        tensors = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError):
        return None
    shape = tuple(dataset.shape)
    features = int(np.prod(shape))
    indices = tensors.pop("worst_index", np.zeros(0))
    samples: dict[str, Picture] = {
        name: np.nan_to_num(tensor.astype(np.float64)).reshape(len(tensor), features)
        for name, tensor in tensors.items()
        if tensor.ndim > 1 and tensor.size == len(tensor) * features
    }
    if any(name not in samples or len(samples[name]) == 0 for name in REQUIRED):
        return None
    return Pictures(
        shape=shape,
        low=dataset.low,
        high=dataset.high,
        input=samples["input"],
        best=samples["best"],
        last=samples.get("last"),
        worst_input=samples.get("worst_input"),
        worst_best=samples.get("worst_best"),
        worst_index=tuple(int(index) for index in indices.ravel()),
        given=samples.get("given"),
        worst_given=samples.get("worst_given"),
        tokens=tuple(dataset.tokens),
        tokenizer=dataset.tokenizer or "",
    )
