"""Brings a study's data set into the store, with its baselines, once per content."""

from collections.abc import Sequence
from pathlib import Path

from service.domain.records import Dataset, PcaBaseline
from service.domain.resolve import complete_config
from service.domain.space import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from service.domain.spec import ResolvedSpec
from service.sources import dataset_record, source_of, split_of
from trainers.data.baselines import pca_baseline
from trainers.data.store import ingest

LATENT = "latent_dim"


def latent_dims(spec: ResolvedSpec) -> list[int]:
    """The latent sizes that a study may visit: PCA of the same size is the rival to beat."""
    sizes: set[int] = set()
    entry = spec.space.get(LATENT)
    if isinstance(entry, CategoricalDistribution):
        sizes.update(int(choice) for choice in entry.choices if isinstance(choice, int))
    elif isinstance(entry, IntDistribution | FloatDistribution):
        low, high = int(entry.low), int(entry.high)
        sizes.update({low, high})
        sizes.update(2**power for power in range(13) if low <= 2**power <= high)
    for family in spec.families:
        value = complete_config(spec, family, {}).get(LATENT)
        if isinstance(value, int) and not isinstance(value, bool):
            sizes.add(value)
    return sorted(sizes)


def ingest_dataset(spec: ResolvedSpec, roots: Sequence[Path], store: Path) -> Dataset:
    """Read, split, scale and store a study's data; the same content is stored once.

    Raises trainers.data.errors.UnreadableData with the file, the reason and the remedy.
    """
    stored = ingest(
        source_of(spec.dataset),
        split_of(spec.split),
        spec.scaling,
        roots,
        store,
        latent_dims(spec),
    )
    return dataset_record(stored)


def with_pca(dataset: Dataset, store: Path, latent_dim: int) -> Dataset:
    """The record with the PCA baseline of one more latent size."""
    if not dataset.baselines.eigenvalues or any(
        entry.latent_dim == latent_dim and entry.test_clipped is not None
        for entry in dataset.baselines.pca
    ):
        return dataset
    added = PcaBaseline.model_validate(pca_baseline(store / dataset.folder, latent_dim))
    others = [entry for entry in dataset.baselines.pca if entry.latent_dim != added.latent_dim]
    pca = sorted([*others, added], key=lambda entry: entry.latent_dim)
    return dataset.model_copy(
        update={"baselines": dataset.baselines.model_copy(update={"pca": pca})}
    )


def pca_validation(dataset: Dataset, latent_dim: object) -> float | None:
    """Validation MSE of PCA at a latent size, where it is a rival; clipped where known."""
    for entry in dataset.baselines.rivals:
        if entry.latent_dim == latent_dim:
            return entry.score("validation")
    return None


def ngram_validation(dataset: Dataset) -> float | None:
    """Validation cross-entropy of the best n-gram model (nats per token); None of numbers."""
    found = (entry.validation for entry in dataset.baselines.ngrams)
    return min((value for value in found if value is not None), default=None)
