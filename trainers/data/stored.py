"""What the store knows of a data set: the record beside its arrays, as JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainers.problem import DataKind

RECORD = "data.json"


@dataclass(frozen=True)
class Stored:
    """A data set in the store; equal `data_hash`, equal numbers."""

    data_hash: str
    """SHA-256 over content, split and scaling."""
    folder: str
    """Its folder's name below the store."""
    shape: list[int]
    """Of one sample."""
    dtype: str
    """Of the source; the store holds float32."""
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
    """{kind, and offset and scale where they are single numbers}: raw = scaled*scale + offset."""
    baselines: dict[str, Any]
    """See baselines.compute_baselines."""

    kind: DataKind = "vector"
    columns: list[dict[str, Any]] = field(default_factory=list)
    """Of a table: problem.Column as plain values."""
    tokens: list[str] = field(default_factory=list)
    """Of a text: a token's id is its index."""
    tokenizer: str = "char"
    """Of a text: char, byte or word."""
    audit: dict[str, Any] | None = None
    """See audit.Audit."""
    value_facts: dict[str, Any] | None = None
    """See value_facts.measure_values; None for text."""
    test_hash: str | None = None
    """SHA-256 over the content and which rows of it are the test part, whatever the others are."""

    def write(self, folder: Path) -> None:
        """Write the record into the data set's folder."""
        text = json.dumps(asdict(self), allow_nan=False, indent=1)
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Stored":
        """Read the record of a data set's folder."""
        fields = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        # The first version wrote no kind: it knew images and vectors only.
        fields.setdefault("kind", "image" if len(fields["shape"]) > 1 else "vector")
        return cls(**fields)
