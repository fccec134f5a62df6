"""The files that a trial leaves for people to look at: pictures and evidence."""

import dataclasses

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from dashboards.figures.frame import Evidence, Picture, Pictures
from dashboards.figures.leavings import Raw
from service.api.dependencies import (
    Container,
    Records,
    StoredSamples,
    read_records,
    read_stored_samples,
)
from service.domain.data import Column
from service.domain.records import Dataset, Study, Trial
from service.errors import NotFound

MAX_FILE_BYTES = 64 * 2**20
REQUIRED = ("input", "best")
EVIDENCE, PICTURES = "evidence", "reconstructions"
SCATTERED = 500
"""As many samples as the latent scatter has at most (trainers.evidence)."""
FAR = 1e30
"""Larger numbers are cut: their squares would be infinite."""


def pictures_of(
    container: Container, records: Records, trial: Trial, dataset: Dataset
) -> Pictures | None:
    """The trial's reconstructions; None when it left none, or none that fit its data."""
    content = _content(container, records, trial, PICTURES)
    found = None if content is None else read_pictures(content, dataset)
    if found is None or not found.columns:
        return found
    return dataclasses.replace(found, raw=_raw(_stored(container, dataset, SCATTERED)))


def evidence_of(
    container: Container, records: Records, trial: Trial, dataset: Dataset
) -> Evidence | None:
    """The trial's evidence, with what it was about from the data store; None when it left none."""
    content = _content(container, records, trial, EVIDENCE)
    found = None if content is None else read_evidence(content, dataset)
    if found is None:
        return None
    stored = _stored(container, dataset, SCATTERED)
    inputs = None if stored is None else stored.scaled
    return dataclasses.replace(found, inputs=inputs, raw=_raw(stored))


def evidence_pieces(container: Container, records: Records, trial: Trial) -> frozenset[str]:
    """The names of what the trial's evidence holds; nothing while it has left none."""
    content = _content(container, records, trial, EVIDENCE)
    if content is None:
        return frozenset()
    try:
        return frozenset(safetensors.numpy.load(content))
    except (safetensors.SafetensorError, KeyError, ValueError):
        return frozenset()


def has_store(container: Container, study: Study) -> bool:
    """Whether the samples that a study was about are still in the data store."""
    if study.data_hash is None:
        return False
    with read_records(container.database) as records:
        dataset = records.datasets.get(study.data_hash)
    return dataset is not None and (container.data_store / dataset.folder).is_dir()


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


def _stored(container: Container, dataset: Dataset, count: int) -> StoredSamples | None:
    stored = read_stored_samples(container.data_store / dataset.folder, count)
    if stored is None or stored.scaled.shape[1:] != (int(np.prod(dataset.shape)),):
        return None
    return stored


def _raw(stored: StoredSamples | None) -> Raw | None:
    if stored is None:
        return None
    return Raw(stored.offset, stored.scale, stored.scaled.std(axis=0, dtype=np.float64))


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
        values = _finite(tensor)
        if name.startswith("error_map/"):
            if values.size == features:
                arrays[name] = values.reshape(shape)
        elif name.startswith("prior/"):
            if values.ndim > 1 and values.size == len(values) * features:
                arrays[name] = values.reshape(len(values), features)
        elif name.startswith("traversal/"):
            if values.ndim > 2 and values.size == values.shape[0] * values.shape[1] * features:
                arrays[name] = values.reshape(*values.shape[:2], features)
        elif not name.startswith("latent/") or (values.ndim == 2 and values.shape[1] == 2):
            arrays[name] = values
    columns = [
        column.name if column.width == 1 else f"{column.name} = {column.categories[i]}"
        for column in dataset.columns
        for i in range(column.width)
    ]
    fits = len(columns) == features
    return Evidence(
        kind=dataset.kind,
        shape=shape,
        low=dataset.low,
        high=dataset.high,
        columns=tuple(columns) if fits else (),
        arrays=arrays,
        tokens=tuple(dataset.tokens),
        tokenizer=dataset.tokenizer or "",
        table=tuple(dataset.columns) if fits else (),
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
    epochs = tensors.pop("snapshot_epochs", np.zeros(0))
    snapshots = tensors.pop("snapshots", None)
    samples: dict[str, Picture] = {
        name: _finite(tensor).reshape(len(tensor), features)
        for name, tensor in tensors.items()
        if tensor.ndim > 1 and tensor.size == len(tensor) * features
    }
    if any(name not in samples or len(samples[name]) == 0 for name in REQUIRED):
        return None
    count = len(samples["input"])
    series, reached = _snapshots(snapshots, epochs, count, features)
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
        snapshots=series,
        snapshot_epochs=reached,
        columns=_spans(dataset, features),
    )


def _snapshots(
    tensor: NDArray[np.generic] | None, epochs: NDArray[np.generic], count: int, features: int
) -> tuple[Picture | None, tuple[int, ...]]:
    """[E, n, F] and its epochs; nothing where they do not fit each other or the samples."""
    if tensor is None or tensor.size != epochs.size * count * features or not epochs.size:
        return None, ()
    reached = tuple(int(epoch) for epoch in epochs.ravel())
    if sorted(set(reached)) != list(reached):
        return None, ()
    return _finite(tensor).reshape(len(reached), count, features), reached


def _spans(dataset: Dataset, features: int) -> tuple[Column, ...]:
    width = sum(column.width for column in dataset.columns)
    return tuple(dataset.columns) if width == features else ()


def _finite(tensor: NDArray[np.generic]) -> Picture:
    """As float64 without NaN (0) and without numbers whose squares would be infinite."""
    values: Picture = np.clip(np.nan_to_num(tensor.astype(np.float64)), -FAR, FAR)
    return values
