"""Text files and JSON lines as samples of token ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from trainers.data.errors import UnreadableData
from trainers.data.grouping import GroupPattern
from trainers.data.layout import CHUNK_BYTES, Block, Layout, check_layout
from trainers.data.near_duplicates import normal_key
from trainers.data.sources import Text
from trainers.data.text_lines import json_text, lines, pieces
from trainers.data.vocabulary import END, PAD, SPECIAL, Ids, TextContent

PREFIX_BYTES = 512 << 10
"""What a header reads."""
MAX_AUTOMATIC_LENGTH = 256


@dataclass
class TextFile:
    """An open text file; `samples` and `longest` are what a first pass has found."""

    path: str
    pointer: str
    file: BinaryIO
    source: Text
    limit: int | None
    content: TextContent
    samples: int = 0
    longest: int = 0
    exact: bool = True

    @property
    def layout(self) -> Layout:
        """Token ids, as they are staged."""
        shape = (self.content.length,)
        dtype = np.dtype("<u4")
        return Layout(self.samples, shape, dtype, given_kind="text", exact=self.exact)

    def scan(self, stop: int | None) -> None:
        """Count samples and the tokens of the longest; `stop` reads that many bytes only."""
        size = self.file.seek(0, 2)
        stop = None if stop is None or stop >= size else stop
        if self.source.window:
            tokens = sum(self.content.tokens_in(text) for text in self._runs(stop))
            self.samples, self.longest = tokens // self.source.window, self.source.window
        else:
            for text in self.texts(stop):
                self.samples += 1
                self.longest = max(self.longest, self.content.tokens_in(text))
                if self.samples == self.limit:
                    stop = None  # nothing of what lies behind is wanted
                    break
        if stop is not None:
            self.samples = max(1, self.samples * size // stop)
            self.exact = False
        if self.limit is not None:
            self.samples = min(self.samples, self.limit)
        if self.samples == 0:
            what = "no text" if size == 0 or not self.source.window else "less than one window"
            raise UnreadableData(
                self.path,
                f"it holds {what}",
                "give a file with text" if not self.source.window else "give a smaller length",
                self.pointer,
            )

    def blocks(self) -> Iterator[Block]:
        """Every sample once."""
        if self.source.window:
            return self._windows(self.source.window)
        return self._lines()

    def _lines(self) -> Iterator[Block]:
        step = max(1, CHUNK_BYTES // (4 * self.content.length))
        by_pattern = self.source.group_by and GroupPattern(self.source.group_by, self.path)
        batch: list[str] = []
        for done, text in enumerate(self.texts(None), 1):
            batch.append(text)
            if len(batch) == step or done == self.limit:
                yield self._block(batch, by_pattern or None)
                batch = []
            if done == self.limit:
                return
        if batch:
            yield self._block(batch, by_pattern or None)

    def _block(self, texts: list[str], pattern: GroupPattern | None) -> Block:
        length = self.content.length
        rows = np.full((len(texts), length), PAD, np.uint32)
        for row, text in zip(rows, texts, strict=True):
            ids = self.content.ids(text)
            if len(ids) >= length:
                self.content.cut += 1
                ids = ids[: length - 1]
            row[: len(ids)] = ids
            row[len(ids)] = END
        near = np.array([normal_key(text) for text in texts], np.uint64)
        return Block(rows, None if pattern is None else pattern.keys(texts), near)

    def _windows(self, window: int) -> Iterator[Block]:
        rest: Ids = np.empty(0, np.uint32)
        left = self.samples
        for text in self._runs(None):
            rest = np.concatenate([rest, self.content.ids(text)])
            count = min(len(rest) // window, left)
            if count:
                rows = np.full((count, window + 1), END, np.uint32)
                rows[:, :window] = rest[: count * window].reshape(count, window)
                rest = rest[count * window :]
                left -= count
                yield Block(rows)
            if not left:
                return

    def _runs(self, stop: int | None) -> Iterator[str]:
        """The whole file, piece by piece; a word is never cut in two."""
        rest = ""
        for piece in pieces(self.file, self.path, self.pointer, stop):
            text, rest = rest + piece, ""
            if self.source.level == "word" and not text[-1].isspace():
                at = max(text.rfind(" "), text.rfind("\n")) + 1
                if at:
                    text, rest = text[:at], text[at:]
            yield text
        if rest:
            yield rest

    def texts(self, stop: int | None) -> Iterator[str]:
        """The texts of lines or objects, in order; blank ones are left out."""
        for number, line in lines(self.file, self.path, self.pointer, stop):
            if self.source.field is None:
                yield line
                continue
            pointer = self.pointer.replace("/path", "/field")
            text = json_text(line, number, self.source.field, self.path, pointer)
            if text.strip():
                yield text

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def open_texts(
    files: list[tuple[BinaryIO, str, str]], source: Text, limits: list[int | None], bounded: bool
) -> tuple[list[TextFile], TextContent]:
    """Text files (open file, path, pointer) after a first pass over them, and what they hold.

    `bounded`: only the beginning of each is read, and the layouts are estimates. Raises
    UnreadableData.
    """
    content = TextContent(source.level, source.max_vocabulary, 0)
    opened = [
        TextFile(path, pointer, file, source, limit, content)
        for (file, path, pointer), limit in zip(files, limits, strict=True)
    ]
    for text in opened:
        if source.group_by:
            GroupPattern(source.group_by, text.path)
        text.scan(PREFIX_BYTES if bounded else None)
    longest = max(text.longest for text in opened)
    content.length = 1 + (source.window or source.max_length or min(longest, MAX_AUTOMATIC_LENGTH))
    for text in opened:
        check_layout(text.layout, text.path, text.pointer)
    return opened, content


def estimate_vocabulary(text: TextFile) -> int:
    """Token ids that the beginning of a file would need."""
    seen: set[str | int] = set()
    if text.source.window:
        parts = pieces(text.file, text.path, text.pointer, PREFIX_BYTES)
    else:
        parts = text.texts(PREFIX_BYTES)
    for part in parts:
        seen.update(text.content.distinct(part))
    return min(len(seen) + len(SPECIAL), text.source.max_vocabulary)
