"""Records of data sets: what the headers say, what is stored, and what any model must beat."""

from datetime import datetime
from typing import Any, Literal

from service.domain.model import Record


class DataHeader(Record):
    """What is known of a data set from its headers, before anything is read."""

    samples: int
    shape: list[int]
    """Of one sample: [8, 8]."""
    dtype: str
    test_samples: int | None = None
    """Of the separate test file, where there is one."""
    bytes: int

    @property
    def features(self) -> int:
        """Numbers in one sample."""
        count = 1
        for side in self.shape:
            count *= side
        return count


class Estimate(Record):
    """What a study would cost at most, computed before a byte is allocated."""

    trials: int
    cohorts: int
    parameters_max: int
    """Trainable parameters of its largest model."""
    array_bytes_max: int
    """Memory of its largest array in a worker (weights, gradients, moments, best weights)."""
    data_bytes: int
    """The data set as float32."""


class PcaBaseline(Record):
    """PCA with `latent_dim` components fitted on train, scored per part (MSE, scaled data)."""

    latent_dim: int
    train: float
    validation: float
    test: float | None
    validation_clipped: float | None
    test_clipped: float | None
    """Clipped to the range of the train data."""

    def score(self, part: Literal["validation", "test"]) -> float | None:
        """What a model is compared with: the clipped figure where there is one."""
        clipped: float | None = getattr(self, f"{part}_clipped")
        unclipped: float | None = getattr(self, part)
        return unclipped if clipped is None else clipped

    def figure(self, part: Literal["validation", "test"]) -> Literal["clipped", "unclipped"] | None:
        """Which of the two figures `score` gives."""
        if self.score(part) is None:
            return None
        return "unclipped" if getattr(self, f"{part}_clipped") is None else "clipped"


class Baselines(Record):
    """What any model must beat, on the same split, as MSE on the scaled data."""

    mean_train: float
    mean_validation: float
    mean_test: float | None
    """The mean sample of train as the reconstruction of everything. None: not yet unsealed."""
    evaluated_mean_train: float | None = None
    evaluated_mean_validation: float | None = None
    """The same on the samples that epochs are evaluated on: how much harder the one subset is.
    None: stored by a version that did not know them."""
    pca: list[PcaBaseline]
    """Ascending by latent_dim."""
    eigenvalues: list[float]
    """Of the train covariance, descending, at most 512."""


class Dataset(Record):
    """A data set in the store: content, split, scaling, baselines."""

    data_hash: str
    """SHA-256 over content, split and scaling: equal hash, equal numbers."""
    folder: str
    """Below the data directory."""
    shape: list[int]
    dtype: str
    train: int
    validation: int
    test: int
    """Samples in each part."""
    low: float
    high: float
    """Smallest and largest value of the scaled train part."""
    duplicates_across: int
    """Validation and test samples whose exact copy is in train."""
    scaling: dict[str, Any]
    """{kind, and offset and scale where they are single numbers}."""
    baselines: Baselines
    test_openings: int = 0
    """How often the sealed test part was scored, over all studies."""
    created_at: datetime
