"""Rules of the linter that need the stored data: collapse, ranges of values, leaks."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from service.domain.catalog import Catalog
from service.domain.configuration import extremes
from service.domain.model_rules import effective_betas, pointer_to
from service.domain.records import Dataset, Notice
from service.domain.spec import ResolvedSpec

DataRule: TypeAlias = Callable[[ResolvedSpec, Catalog, Dataset], Iterator[Notice]]


def warn_of_collapse(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """A linear VAE keeps the directions whose variance exceeds the effective beta (truth 5).

    Lucas et al. 2019, "Don't blame the ELBO!": nothing above it means the mean of the data.
    """
    if not dataset.baselines.eigenvalues:
        return
    largest = dataset.baselines.eigenvalues[0]
    for name in resolved.families:
        betas = effective_betas(resolved, name)
        if not catalog.families[name].likelihood or not betas or betas[-1] <= largest:
            continue
        certain = betas[0] > largest
        yield Notice(
            code="collapse",
            pointer=pointer_to(resolved, "beta", "sigma", "loss"),
            message=f"{name}: the effective beta (beta times sigma squared) "
            + (f"is {betas[0]:g}" if certain else f"goes up to {betas[-1]:g}")
            + f", the largest eigenvalue of the train covariance is {largest:.3g}: "
            + ("no" if certain else "above it no")
            + " direction of the data is worth its KL, and the model learns the mean sample",
            remedy=f"loss: gaussian with sigma: learned, or an effective beta well below "
            f"{largest:.3g}",
        )


def warn_of_cross_entropy_range(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """BCE outside [0, 1] has no lower bound (truth 3)."""
    uses = any("bce" in extremes(resolved, name, "loss") for name in resolved.families)
    if uses and (dataset.low < 0 or dataset.high > 1):
        yield Notice(
            code="bce-outside-unit-range",
            pointer=pointer_to(resolved, "loss"),
            message=f"the scaled data lies in [{dataset.low:.4g}, {dataset.high:.4g}], bce needs "
            "[0, 1]: outside of it the loss has no lower bound",
            remedy="write scaling: unit, or use another loss",
        )


def warn_of_duplicates(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Copies of train samples in the other parts flatter every score (truth 15)."""
    if dataset.duplicates_across:
        held_out = dataset.validation + dataset.test
        yield Notice(
            code="duplicates-across-split",
            pointer="/split",
            message=f"{dataset.duplicates_across:,} of {held_out:,} validation and test samples "
            "have an exact copy in train: their scores are those of samples already seen",
            remedy="remove the duplicates from the files before submitting",
        )


def warn_of_constant_data(
    resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset
) -> Iterator[Notice]:
    """Nothing varies: the mean sample is a perfect model."""
    if dataset.low == dataset.high:
        yield Notice(
            code="constant-data",
            pointer="/dataset",
            message=f"every number of the train part is {dataset.low:g}",
            remedy="check that the file is the right one",
        )


DATA_RULES: tuple[DataRule, ...] = (
    warn_of_collapse,
    warn_of_cross_entropy_range,
    warn_of_duplicates,
    warn_of_constant_data,
)
