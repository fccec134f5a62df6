"""Problem: everything about data and task that a model must know before it is built. Torch-free."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal, Protocol, TypeAlias

from trainers.tasks import RECONSTRUCT, Task, parse_task

DataKind: TypeAlias = Literal["vector", "image", "text", "table"]
RANGE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Column:
    """One column of a table, as a span of the stored sample; a categorical one is one-hot."""

    name: str
    kind: Literal["numeric", "categorical"]
    start: int
    width: int
    categories: tuple[str, ...] = ()


class KnownData(Protocol):
    """What a problem takes over from a stored data set."""

    @property
    def kind(self) -> DataKind:
        """vector, image, text or table."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one stored sample."""

    @property
    def tokens(self) -> Sequence[str]:
        """Text: the vocabulary, a token's id is its index."""

    @property
    def tokenizer(self) -> str:
        """Text: char, byte or word."""

    @property
    def columns(self) -> Sequence[Column]:
        """Tables: the spans of the columns."""

    @property
    def low(self) -> float:
        """Smallest scaled value of train."""

    @property
    def high(self) -> float:
        """Largest scaled value of train."""


@dataclass(frozen=True)
class Problem:
    """Data and task of a study.

    A stored sample is `shape` float32 numbers: an image (H, W) or (H, W, C), channels last; a
    text (L,) token ids (0 pads, 1 ends, 2 is unknown, 3 a dropped token, real ones from 4); a
    table's row its columns, categorical ones as one-hot spans.
    """

    kind: DataKind
    shape: tuple[int, ...]
    task: Task = RECONSTRUCT
    tokens: tuple[str, ...] = ()
    tokenizer: str = "char"
    columns: tuple[Column, ...] = ()
    low: float = 0.0
    high: float = 1.0

    @property
    def features(self) -> int:
        """Numbers in a sample."""
        return prod(self.shape)

    @property
    def height(self) -> int:
        """Of an image."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Of an image."""
        return self.shape[1]

    @property
    def channels(self) -> int:
        """Of an image."""
        return self.shape[2] if len(self.shape) > 2 else 1

    @property
    def in_unit_range(self) -> bool:
        """Whether the scaled data lies in [0, 1], up to rounding."""
        return self.low >= -RANGE_TOLERANCE and self.high <= 1 + RANGE_TOLERANCE

    @property
    def bounds(self) -> tuple[float, float]:
        """What values can be: 0 to 1 for data inside of it, else the range of train."""
        return (0.0, 1.0) if self.in_unit_range else (self.low, self.high)

    @property
    def span(self) -> float:
        """The data range of PSNR and SSIM, above 0."""
        low, high = self.bounds
        return high - low or 1.0

    @property
    def vocabulary(self) -> int:
        """Token ids of a text."""
        return len(self.tokens)

    @property
    def masked(self) -> bool:
        """Whether a model is told which values are known."""
        return self.task.kind == "inpaint"

    @property
    def inputs(self) -> int:
        """Numbers that a model sees of a sample: with a mask beside them, twice as many."""
        return self.features * (2 if self.masked else 1)

    @property
    def low_features(self) -> int:
        """Numbers in the small image of super_resolve."""
        factor = self.task.factor or 1
        return (self.height // factor) * (self.width // factor) * self.channels

    @cached_property
    def fields(self) -> dict[str, Any]:
        """`to_json`, made once: what the plain modules read at every step."""
        return self.to_json()

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they stand in a portable model's config.json."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "task": self.task.to_json(),
            "tokens": list(self.tokens),
            "tokenizer": self.tokenizer,
            "columns": [{**asdict(c), "categories": list(c.categories)} for c in self.columns],
            "low": self.low,
            "high": self.high,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Problem":
        """The reverse of `to_json`."""
        return cls(
            kind=fields["kind"],
            shape=tuple(fields["shape"]),
            task=parse_task(fields["task"]),
            tokens=tuple(fields.get("tokens", ())),
            tokenizer=fields.get("tokenizer", "char"),
            columns=tuple(
                Column(**{**column, "categories": tuple(column["categories"])})
                for column in fields.get("columns", ())
            ),
            low=fields.get("low", 0.0),
            high=fields.get("high", 1.0),
        )


def problem_of(data: KnownData, task: Task = RECONSTRUCT) -> Problem:
    """The problem that a stored data set and a task make."""
    return Problem(
        kind=data.kind,
        shape=tuple(int(side) for side in data.shape),
        task=task,
        tokens=tuple(data.tokens),
        tokenizer=data.tokenizer,
        columns=tuple(data.columns),
        low=data.low,
        high=data.high,
    )
