"""Records of data sets: what the headers say, what is stored, and what any model must beat."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import Field

from service.domain.model import Record

DataKind: TypeAlias = Literal["vector", "image", "text", "table"]


class Column(Record):
    """One column of a table: a span of the stored sample; a categorical one is one-hot."""

    name: str
    kind: Literal["numeric", "categorical"]
    start: int
    width: int
    categories: list[str] = Field(default_factory=list)
    """Of a categorical column, those of the train part; others are all zeros."""


class DataHeader(Record):
    """What is known of a data set from its headers, before anything is read."""

    samples: int
    shape: list[int]
    """Of one sample: [8, 8]."""
    dtype: str
    test_samples: int | None = None
    """Of the separate test file, where there is one."""
    bytes: int
    kind: DataKind = "vector"
    columns: list[Column] = Field(default_factory=list)
    """Of a table."""
    vocabulary: int = 0
    """Of a text: token ids, the four special ones included."""
    estimated: bool = False
    """Whether samples, shape, columns and vocabulary are estimates: the format has no header, and
    only its beginning was read. What is stored counts."""

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


ROUNDING = 1e-6
"""Share of the mean sample's error below which an error is that of single precision."""


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


class PartScores(Record):
    """A figure of every part; None: the part has none, or is not yet unsealed."""

    train: float | None
    validation: float | None
    test: float | None


TEXT_METRIC = "token_cross_entropy"
"""The metric that n-grams are figures of."""


class NgramBaseline(PartScores):
    """Cross-entropy of add-0.1 n-grams fitted on train, nats per real token."""

    order: int


class Baselines(Record):
    """What any model must beat, on the same split; as MSE on the scaled data where not said."""

    mean_train: float | None
    mean_validation: float | None
    mean_test: float | None
    """The mean sample of train as the reconstruction of everything. None: text, which has none, or
    not yet unsealed."""
    evaluated_mean_train: float | None = None
    evaluated_mean_validation: float | None = None
    """The same on the samples that epochs are evaluated on: how much harder the one subset is.
    None: stored by a version that did not know them."""
    evaluated_mean_train_se: float | None = None
    evaluated_mean_validation_se: float | None = None
    """Their standard errors over samples."""
    pca: list[PcaBaseline]
    """Ascending by latent_dim."""
    eigenvalues: list[float]
    """Of the train covariance, descending, at most 512; none of text."""
    entropy_floor: PartScores | None = None
    """Of targets in [0, 1]: nats per sample that no binary cross-entropy can go below."""
    ngrams: list[NgramBaseline] = Field(default_factory=list)
    """Of text, by order."""
    numeric_mse: PartScores | None = None
    """Of a table: the mean of train over the numeric columns alone (scaled)."""
    majority_accuracy: PartScores | None = None
    """Of a table: how often a categorical value is the most frequent one of train."""

    @property
    def rivals(self) -> list[PcaBaseline]:
        """PCA of the sizes that leave something out: with as many components as the data have
        directions it is the identity, which nothing can beat."""
        least = ROUNDING * (self.mean_validation or 0.0)
        return [entry for entry in self.pca if entry.validation > least]

    def joined(self, earlier: "Baselines") -> "Baselines":
        """These, and the PCA figures that `earlier` has beside: every latent size of either.

        A data set is shared: a study that looks at one latent size takes no figure from another.
        """
        known = {entry.latent_dim: entry for entry in earlier.pca}
        for entry in self.pca:
            before = known.get(entry.latent_dim)
            newer = {name: value for name, value in entry.model_dump().items() if value is not None}
            known[entry.latent_dim] = before.model_copy(update=newer) if before else entry
        if not known:
            return self
        return self.model_copy(update={"pca": [known[size] for size in sorted(known)]})


class Audit(Record):
    """What was found before the split, and what was done about it (DOMAIN.md truth 15)."""

    duplicates: Literal["group", "drop", "keep", "near"]
    """What was asked for: exact copies in one part, the first of them only, as they fall, or
    near-duplicates in one part too."""
    exact_duplicates: int
    """Samples that are exact copies of an earlier one."""
    dropped: int = 0
    """Of them, left out."""
    across_before: int
    """Validation and test samples with an exact copy in train, had each sample been divided by
    itself."""
    across_after: int
    """The same in the split that is stored."""
    groups: int
    """Sets of samples that stay in one part, single samples included."""
    largest_group: int
    near_duplicates: int | None = None
    """Samples that look like an earlier one without being a copy: images whose 64-bit difference
    hashes differ in at most two bits and whose pixels differ by at most 5 % of the range (RMS),
    texts that agree but for case, accents, punctuation and spaces. None: not looked for."""
    near_across: int | None = None
    """Of validation and test samples, those with such a twin in train."""
    unknown_tokens: float | None = None
    """Text: share of the validation part's tokens that the vocabulary does not know."""
    cut: int = 0
    """Texts that are longer than a sample and were cut."""
    filled: int = 0
    """Missing values that were filled."""
    unseen_categories: int = 0
    """Values of validation and test whose category is not in train."""
    late_train: int = 0
    """With `order: file`: train samples that stand behind the first validation sample, because
    they are copies, or of the group, of an earlier one."""


class ValueFacts(Record):
    """What the scaled values of the train part look like: what a training loss must fit."""

    low: float
    high: float
    share_zero: float
    share_one: float
    """Shares of the values that are exactly 0 and exactly 1."""
    integer: bool
    """Whether the raw values are whole numbers."""
    entropy: float | None
    """Of the validation values read as probabilities: the floor of the BCE, nats per sample.
    None: train does not lie in [0, 1]."""
    validation_low: float | None = None
    validation_high: float | None = None
    """Of the scaled validation part; None: stored by a version that did not look."""
    validation_outside: int = 0
    """How many of its values lie outside [0, 1]."""


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
    kind: DataKind = "vector"
    columns: list[Column] = Field(default_factory=list)
    """Of a table."""
    vocabulary: int = 0
    """Of a text: token ids, the four special ones included."""
    tokens: list[str] = Field(default_factory=list)
    """Of a text: a token's id is its index."""
    tokenizer: str | None = None
    """Of a text: char, byte or word."""
    audit: Audit | None = None
    """None: stored by a version that did not look."""
    value_facts: ValueFacts | None = None
    """None: of text, or stored by a version that did not look."""
    test_hash: str | None = None
    """Of the test part alone: equal for every division and scaling that has the same one."""
    test_openings: int = 0
    """How often the sealed test part was scored, over all studies."""
    created_at: datetime

    def sealed(self) -> "Dataset":
        """The record without any figure of the test part."""
        pca = [
            entry.model_copy(update={"test": None, "test_clipped": None})
            for entry in self.baselines.pca
        ]
        known = self.baselines
        later: dict[str, Any] = {
            name: score.model_copy(update={"test": None})
            for name in ("entropy_floor", "numeric_mse", "majority_accuracy")
            if (score := getattr(known, name)) is not None
        }
        ngrams = [entry.model_copy(update={"test": None}) for entry in known.ngrams]
        hidden = known.model_copy(update={"mean_test": None, "pca": pca, "ngrams": ngrams, **later})
        return self.model_copy(update={"baselines": hidden})
