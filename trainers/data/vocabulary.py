"""Texts as token ids: how they are staged, and the vocabulary that train determines."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.layout import Rows
from trainers.data.scaling_rows import Doubles, gather
from trainers.data.sources import Level
from trainers.problem import Column

PAD, END, UNKNOWN, DROPPED = 0, 1, 2, 3
SPECIAL = ("<pad>", "<end>", "<unknown>", "<dropped>")
MAX_WORDS = 500_000
"""Different words that are told apart while a file is read; later ones are unknown."""
_WORD = re.compile(r"\w+|[^\w\s]")

Ids = npt.NDArray[np.uint32]


@dataclass
class TextContent:
    """Tokens of a source's files: characters, bytes of UTF-8, or words and punctuation.

    A staged id is 4 and the character's code point, the byte, or the number of the word in the
    order of first appearance.
    """

    level: Level
    max_vocabulary: int
    length: int
    """L of a sample, the end of the text included."""
    cut: int = 0
    _words: dict[str, int] = field(default_factory=dict)

    def ids(self, text: str) -> Ids:
        """The staged ids of a text, without its end."""
        if self.level == "char":
            return np.frombuffer(text.encode("utf-32-le"), "<u4") + np.uint32(len(SPECIAL))
        if self.level == "byte":
            found = np.frombuffer(text.encode("utf-8"), "u1").astype(np.uint32)
            return found + np.uint32(len(SPECIAL))
        return np.array([self._word(word) for word in _WORD.findall(text)], np.uint32)

    def tokens_in(self, text: str) -> int:
        """How many tokens a text has; told faster than by its ids where that is possible."""
        if self.level == "char":
            return len(text)
        return len(text.encode("utf-8")) if self.level == "byte" else len(self.ids(text))

    def distinct(self, text: str) -> set[str] | set[int]:
        """The different tokens of a text."""
        if self.level == "word":
            return set(_WORD.findall(text))
        return set(text) if self.level == "char" else set(text.encode("utf-8"))

    def _word(self, word: str) -> int:
        known = self._words.get(word)
        if known is None:
            if len(self._words) >= MAX_WORDS:
                return UNKNOWN
            known = self._words[word] = len(self._words) + len(SPECIAL)
        return known

    def name(self, staged: int) -> str:
        """The token of a staged id; a byte is the character of its number."""
        if self.level == "word":
            if len(self._names) != len(self._words):
                self._names = list(self._words)
            return self._names[staged - len(SPECIAL)]
        return chr(staged - len(SPECIAL))

    _names: list[str] = field(default_factory=list)

    def fit(self, rows: Rows, train: npt.NDArray[np.int64]) -> "Vocabulary":
        """The most frequent tokens of train, by count and then by name."""
        counts = np.zeros(0, np.int64)
        for chunk in gather(rows, train):
            seen = np.bincount(chunk.astype(np.int64).ravel())
            if len(seen) > len(counts):
                counts = np.pad(counts, (0, len(seen) - len(counts)))
            counts[: len(seen)] += seen
        staged = np.flatnonzero(counts)
        staged = staged[staged >= len(SPECIAL)]
        names = {int(number): self.name(int(number)) for number in staged}
        by_count = sorted(names, key=lambda number: (-counts[number], names[number]))
        kept = by_count[: self.max_vocabulary - len(SPECIAL)]
        highest = max(kept, default=0)
        table = np.full(highest + 2, UNKNOWN, np.int64)
        table[: len(SPECIAL)] = range(len(SPECIAL))
        table[kept] = np.arange(len(kept)) + len(SPECIAL)
        return Vocabulary((*SPECIAL, *(names[number] for number in kept)), table, self.length)

    def identity(self) -> Any:
        """Level and words; characters and bytes stand for themselves."""
        return {"level": self.level, "cap": self.max_vocabulary, "words": list(self._words)}

    def counts(self) -> dict[str, int]:
        """Texts that were cut."""
        return {"cut": self.cut}


@dataclass(frozen=True)
class Vocabulary:
    """A fitted vocabulary: staged ids become ids of tokens; what train lacks is unknown."""

    tokens: tuple[str, ...]
    table: npt.NDArray[np.int64]
    """[staged ids] the token's id; the last entry, unknown, stands for all ids above."""
    length: int
    columns: tuple[Column, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(L,)."""
        return (self.length,)

    @property
    def scaled(self) -> npt.NDArray[np.bool_]:
        """Token ids are never scaled."""
        return np.zeros(self.length, np.bool_)

    def encode(self, chunk: Rows) -> Doubles:
        """[n, L] staged ids -> token ids."""
        staged = np.minimum(chunk.astype(np.int64), len(self.table) - 1)
        return self.table[staged].astype(np.float64)
