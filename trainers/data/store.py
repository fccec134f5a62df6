"""Ingestion: a source becomes a folder of memory-mapped parts, named by its content."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from trainers.data.audit import complete_audit, divide_staged
from trainers.data.baselines import compute_baselines, evaluated_means, load_axes, with_clipped
from trainers.data.encodings import Encoding, check_encoding, encoded
from trainers.data.errors import UnreadableData
from trainers.data.headers import dtype_name
from trainers.data.layout import Layout, SampleFile
from trainers.data.readers import open_source
from trainers.data.scaling import Kind, Scaling, fit_scaling
from trainers.data.sources import Source, Split, Text
from trainers.data.splits import Parts, part_sizes
from trainers.data.staging import Staged, stage
from trainers.data.stored import RECORD, Stored
from trainers.data.value_facts import measure_values
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
    with open_source(source, split, roots) as opened, workspace(store) as folder:
        first = opened.files[0]
        layout = first.layout
        # Before everything is read; what is found in it may still change the sizes.
        part_sizes(split, first.path, [file.layout.samples for file in opened.files])
        kind = cast(Kind, "none" if layout.kind == "text" else scaling)
        raw = folder / "raw"
        staged = stage(opened.files, raw)
        parts, audit, moved = divide_staged(
            staged, split, first.path, layout.kind, source.duplicates
        )
        identity = _identity(staged, split, kind, layout, parts)
        if moved:
            identity["parts"] = [_row_hash(rows) for _, rows in parts.items()]
        if (meaning := opened.content.identity()) is not None:
            identity["meaning"] = meaning
        data_hash = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        test_hash = _test_hash(staged, parts)
        target = store / data_hash
        if (target / RECORD).is_file():
            return replace(_read(target, latent_dims), test_hash=test_hash)
        encoding = opened.content.fit(staged.rows, parts.train)
        check_encoding(encoding, sum(len(rows) for _, rows in parts.items()), first)
        fitted = fit_scaling(kind, layout, staged.rows, parts.train, first.path, encoding)
        low, high = _write_parts(folder, staged, parts, fitted, encoding, first)
        audit = complete_audit(audit, folder, encoding, opened.content)
        baselines = compute_baselines(folder, layout.kind, encoding, latent_dims, low, high)
        Stored(
            data_hash=data_hash,
            folder=data_hash,
            shape=list(encoding.shape),
            dtype=dtype_name(layout),
            train=len(parts.train),
            validation=len(parts.validation),
            test=len(parts.test),
            low=low,
            high=high,
            duplicates_across=audit.across_after,
            scaling=fitted.as_dict(),
            baselines=baselines,
            kind=layout.kind,
            columns=[asdict(column) for column in encoding.columns],
            tokens=list(encoding.tokens),
            tokenizer=source.level if isinstance(source, Text) else "char",
            audit=audit.as_dict(),
            value_facts=None if layout.kind == "text" else measure_values(folder),
            test_hash=test_hash,
        ).write(folder)
        raw.unlink()
        publish(folder, target)
    return replace(_read(target, latent_dims), test_hash=test_hash)


def _read(folder: Path, latent_dims: Sequence[int]) -> Stored:
    """The stored record, with clipped figures for sizes that were not asked for at first.

    Folders of an older version lack the scores on the evaluated samples and the facts of their
    values: they get them here.
    """
    stored = Stored.read(folder)
    baselines = stored.baselines
    if stored.kind != "text":
        if "evaluated_mean_train_se" not in baselines:
            baselines = {**baselines, **evaluated_means(folder)}
        axes = load_axes(folder)
        baselines = with_clipped(baselines, folder, axes, latent_dims, stored.low, stored.high)
    facts = stored.value_facts
    if stored.kind != "text" and (facts is None or "validation_outside" not in facts):
        facts = measure_values(folder)
    return replace(stored, baselines=baselines, value_facts=facts)


def _identity(
    staged: Staged, split: Split, kind: Kind, layout: Layout, parts: Parts
) -> dict[str, Any]:
    """Content, effective split and scaling: equal identity, equal numbers.

    Sizes stand in for shares, and the seed counts only where samples are shuffled.
    """
    shuffled = split.order == "seed" and not split.paths
    return {
        "format": FORMAT,
        "content": staged.content_hash,
        "sizes": {name: len(rows) for name, rows in parts.items()},
        "seed": split.seed if shuffled else None,
        "scaling": kind,
        "full_scale": layout.full_scale if kind == "unit" else None,
        # Left out at 0: the hashes of data sets that are in the store stay what they are.
        **({"resplit": split.resplit} if split.resplit else {}),
    }


def _test_hash(staged: Staged, parts: Parts) -> str:
    rows = _row_hash(np.sort(parts.test))
    return hashlib.sha256(f"{staged.content_hash} {rows}".encode()).hexdigest()


def _row_hash(rows: npt.NDArray[np.int64]) -> str:
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()


def _write_parts(
    folder: Path,
    staged: Staged,
    parts: Parts,
    scaling: Scaling,
    encoding: Encoding,
    file: SampleFile,
) -> tuple[float, float]:
    """Write every part scaled, [n, F] float32; the smallest and largest value of train."""
    np.save(folder / "offset.npy", scaling.offset)
    np.save(folder / "scale.npy", scaling.scale)
    ranges = {
        name: _write_part(folder / f"{name}.npy", staged, rows, scaling, encoding, file)
        for name, rows in parts.items()
    }
    return ranges["train"]


def _write_part(
    path: Path,
    staged: Staged,
    rows: npt.NDArray[np.int64],
    scaling: Scaling,
    encoding: Encoding,
    file: SampleFile,
) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    shape = (len(rows), prod(encoding.shape))
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with path.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for chunk in encoded(staged.rows, rows, encoding):
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
