"""What any model must beat on the same split: the mean sample, and PCA (DOMAIN.md truth 18)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.encodings import Encoding
from trainers.data.evaluation_rows import evaluation_rows
from trainers.data.mapped import open_part
from trainers.data.ngrams import compute_ngrams
from trainers.data.principal_axes import EXACT_FEATURES, MAX_AXES, PrincipalAxes, fit_axes
from trainers.data.scaling import gather
from trainers.data.stored import Stored
from trainers.data.trivial_scores import entropy_floors, table_scores
from trainers.problem import DataKind

WIDE_AXES = 64
"""Axes kept of samples with more than EXACT_FEATURES numbers, where each one costs a pass."""


PARTS = ("train", "validation", "test")


def compute_baselines(
    folder: Path,
    kind: DataKind,
    encoding: Encoding,
    latent_dims: Sequence[int],
    low: float,
    high: float,
) -> dict[str, Any]:
    """What any model must beat, by the kind of data; keys as service.domain.records.Baselines.

    Leaves the mean of train in the folder. Text has n-grams only: a mean of token ids is nothing.
    """
    if kind == "text":
        np.save(folder / "mean.npy", fit_axes(open_part(folder, "train"), 0).mean)
        parts = {name: open_part(folder, name) for name in PARTS}
        return {
            **{f"mean_{name}": None for name in PARTS},
            "pca": [],
            "eigenvalues": [],
            "ngrams": compute_ngrams(parts, len(encoding.tokens)),
        }
    found = mean_and_pca(folder, latent_dims, low, high)
    parts = {name: open_part(folder, name) for name in PARTS}
    if kind == "table":
        mean = np.load(folder / "mean.npy", allow_pickle=False)
        found |= table_scores(parts, encoding.columns, mean)
    return {**found, "entropy_floor": entropy_floors(parts)}


def mean_and_pca(
    folder: Path, latent_dims: Sequence[int], low: float, high: float
) -> dict[str, Any]:
    """Fit PCA on the train part of a folder and score every part; MSE on the scaled data.

    Returns `mean_train`, `mean_validation`, `mean_test`; `evaluated_mean_train` and
    `evaluated_mean_validation`, on the samples that epochs are evaluated on; `pca`, one entry
    per latent size from 1 to the number of axes kept, and per size asked for (those with
    clipped figures: to [low, high], the range of train); `eigenvalues`, descending, at most
    512. Leaves mean and axes in the folder for `pca_baseline`.
    """
    train = open_part(folder, "train")
    features = train.shape[1]
    kept = MAX_AXES if features <= EXACT_FEATURES else WIDE_AXES
    axes = fit_axes(train, max([kept, *latent_dims]))
    np.save(folder / "mean.npy", axes.mean)
    np.save(folder / "axes.npy", axes.axes)
    errors = {name: axes.unclipped_errors(open_part(folder, name)) for name in PARTS}
    count = axes.axes.shape[1]
    sizes = sorted({*range(1, count + 1), *latent_dims})
    baselines = {
        **{f"mean_{name}": float(values[0]) for name, values in errors.items()},
        **evaluated_means(folder),
        "pca": [
            {
                "latent_dim": size,
                **{name: float(values[min(size, count)]) for name, values in errors.items()},
                "validation_clipped": None,
                "test_clipped": None,
            }
            for size in sizes
        ],
        "eigenvalues": [float(value) for value in axes.eigenvalues[:MAX_AXES]],
    }
    return with_clipped(baselines, folder, axes, latent_dims, low, high)


def evaluated_means(folder: Path) -> dict[str, float]:
    """The mean sample's MSE on those samples of train and validation that epochs are judged on.

    Their difference is how much harder the one subset is, whatever the model. `_se`: standard
    errors over samples; left out where there is one sample.
    """
    mean = np.load(folder / "mean.npy", allow_pickle=False)
    parts = {name: open_part(folder, name) for name in ("train", "validation")}
    rows = evaluation_rows(len(parts["train"]), len(parts["validation"]))
    found = {}
    for (name, samples), wanted in zip(parts.items(), rows, strict=True):
        errors = np.concatenate(
            [np.square(chunk - mean).mean(1) for chunk in gather(samples, wanted)]
        )
        found[f"evaluated_mean_{name}"] = float(errors.mean())
        if len(errors) > 1:
            found[f"evaluated_mean_{name}_se"] = float(errors.std(ddof=1) / np.sqrt(len(errors)))
    return found


def with_clipped(
    baselines: dict[str, Any],
    folder: Path,
    axes: PrincipalAxes,
    latent_dims: Sequence[int],
    low: float,
    high: float,
) -> dict[str, Any]:
    """The baselines with the clipped figures of the latent sizes asked for filled in."""
    entries = [
        entry
        if entry["latent_dim"] not in latent_dims or entry["validation_clipped"] is not None
        else {
            **entry,
            **{
                f"{name}_clipped": axes.clipped_error(
                    open_part(folder, name), entry["latent_dim"], low, high
                )
                for name in ("validation", "test")
            },
        }
        for entry in baselines["pca"]
    ]
    return {**baselines, "pca": entries}


def pca_baseline(folder: Path, latent_dim: int) -> dict[str, Any]:
    """The entry of one latent size, clipped figures included; keys as records.PcaBaseline.

    Sizes beyond the axes that were kept are fitted anew from the train part.
    """
    if latent_dim < 1:
        raise ValueError(f"a latent size of {latent_dim}")
    stored = Stored.read(folder)
    axes = load_axes(folder)
    entry = next((e for e in stored.baselines["pca"] if e["latent_dim"] == latent_dim), None)
    if entry is None:
        train = open_part(folder, "train")
        if axes.axes.shape[1] < min(latent_dim, train.shape[1]):
            axes = fit_axes(train, latent_dim)
        entry = {
            "latent_dim": latent_dim,
            **{name: float(axes.unclipped_errors(open_part(folder, name))[-1]) for name in PARTS},
            "validation_clipped": None,
            "test_clipped": None,
        }
    filled = with_clipped({"pca": [entry]}, folder, axes, [latent_dim], stored.low, stored.high)
    found: dict[str, Any] = filled["pca"][0]
    return found


def load_axes(folder: Path) -> PrincipalAxes:
    """The axes that ingestion left in a data set's folder."""
    mean = np.load(folder / "mean.npy", allow_pickle=False)
    axes = np.load(folder / "axes.npy", allow_pickle=False)
    eigenvalues = np.array(Stored.read(folder).baselines["eigenvalues"])
    return PrincipalAxes(mean, eigenvalues, axes, float("nan"))
