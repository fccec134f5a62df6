"""Ingestion: a source becomes a folder of memory-mapped parts, named by its content."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from trainers.data.baselines import compute_baselines, evaluated_means, load_axes, with_clipped
from trainers.data.errors import UnreadableData
from trainers.data.headers import dtype_name
from trainers.data.layout import ArrayFile
from trainers.data.readers import open_files
from trainers.data.scaling import Kind, Scaling, fit_scaling, gather
from trainers.data.sources import Source, Split
from trainers.data.splits import Parts, divide
from trainers.data.staging import Staged, count_duplicates, stage
from trainers.data.stored import RECORD, Stored
from trainers.data.workspace import publish, workspace

FORMAT = 1
"""Goes into every data hash: raise it when the same input would give other numbers."""


def ingest(
    source: Source,
    split: Split,
    scaling: str,
    roots: Sequence[Path],
    store: Path,
    latent_dims: Sequence[int],
) -> Stored:
    """Read, check, divide, scale and store a data set once; score its baselines.

    Idempotent: content that is already stored is read and hashed, not written again. Safe
    while other processes do the same: the folder appears by an atomic rename. Memory stays
    within some tens of MiB above F x F doubles, whatever the number of samples.
    `latent_dims`: sizes whose PCA baseline is also scored clipped. Raises UnreadableData, and
    OSError when the disk is full.
    """
    if scaling not in ("none", "unit", "standard"):
        raise ValueError(f"unknown scaling {scaling!r}")
    kind = cast(Kind, scaling)
    with open_files(source, split, roots) as files, workspace(store) as folder:
        first = files[0]
        parts = divide(split, first.path, [file.layout.samples for file in files])
        raw = folder / "raw"
        staged = stage(files, raw)
        data_hash = _data_hash(staged, split, kind, first, parts)
        target = store / data_hash
        if (target / RECORD).is_file():
            return _read(target, latent_dims)
        fitted = fit_scaling(kind, first.layout, staged.rows, parts.train, first.path)
        low, high = _write_parts(folder, staged, parts, fitted, first)
        others = np.concatenate([parts.validation, parts.test])
        Stored(
            data_hash=data_hash,
            folder=data_hash,
            shape=list(first.layout.shape),
            dtype=dtype_name(first.layout),
            train=len(parts.train),
            validation=len(parts.validation),
            test=len(parts.test),
            low=low,
            high=high,
            duplicates_across=count_duplicates(staged.keys, parts.train, others),
            scaling=fitted.as_dict(),
            baselines=compute_baselines(folder, latent_dims, low, high),
            kind="image" if len(first.layout.shape) > 1 else "vector",
        ).write(folder)
        raw.unlink()
        publish(folder, target)
    return _read(target, latent_dims)


def _read(folder: Path, latent_dims: Sequence[int]) -> Stored:
    """The stored record, with clipped figures for sizes that were not asked for at first.

    Folders of an older version lack the scores on the evaluated samples: they get them here.
    """
    stored = Stored.read(folder)
    known = stored.baselines
    if "evaluated_mean_train" not in known:
        known = {**known, **evaluated_means(folder)}
    baselines = with_clipped(known, folder, load_axes(folder), latent_dims, stored.low, stored.high)
    return replace(stored, baselines=baselines)


def _data_hash(staged: Staged, split: Split, kind: Kind, file: ArrayFile, parts: Parts) -> str:
    """SHA-256 over content, effective split and scaling; equal hash, equal numbers.

    Sizes stand in for shares, and the seed counts only where samples are shuffled.
    """
    shuffled = split.order == "seed" and not split.paths
    identity = {
        "format": FORMAT,
        "content": staged.content_hash,
        "sizes": {name: len(rows) for name, rows in parts.items()},
        "seed": split.seed if shuffled else None,
        "scaling": kind,
        "full_scale": file.layout.full_scale if kind == "unit" else None,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _write_parts(
    folder: Path, staged: Staged, parts: Parts, scaling: Scaling, file: ArrayFile
) -> tuple[float, float]:
    """Write every part scaled, [n, F] float32; the smallest and largest value of train."""
    np.save(folder / "offset.npy", scaling.offset)
    np.save(folder / "scale.npy", scaling.scale)
    ranges = {
        name: _write_part(folder / f"{name}.npy", staged, rows, scaling, file)
        for name, rows in parts.items()
    }
    return ranges["train"]


def _write_part(
    path: Path,
    staged: Staged,
    rows: npt.NDArray[np.int64],
    scaling: Scaling,
    file: ArrayFile,
) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    shape = (len(rows), staged.rows.shape[1])
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with path.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for chunk in gather(staged.rows, rows):
            scaled = scaling.apply(chunk)
            low, high = min(low, float(scaled.min())), max(high, float(scaled.max()))
            out.write(scaled.data.cast("B"))
    if not np.isfinite([low, high]).all():
        raise UnreadableData(
            file.path,
            "its numbers are too large for 32-bit floats",
            "divide them by a constant first, or choose scaling `unit` or `standard`",
            file.pointer,
        )
    return low, high
