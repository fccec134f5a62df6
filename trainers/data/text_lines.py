"""UTF-8 text from a file, line by line or piece by piece, in bounded memory."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from trainers.data.errors import UnreadableData

PIECE_BYTES = 1 << 20
MAX_LINE = 1 << 20
"""Characters in a line."""


def pieces(file: BinaryIO, path: str, pointer: str, stop: int | None = None) -> Iterator[str]:
    """The file's text from its start in pieces of about a MiB; at most `stop` bytes of it.

    A byte order mark is left out. Raises UnreadableData for what is no UTF-8, or no text.
    """
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    while True:
        wanted = PIECE_BYTES if stop is None else min(PIECE_BYTES, stop - done)
        block = file.read(wanted) if wanted > 0 else b""
        # A character that `stop` cuts in two is no mistake of the file.
        last = not block and (stop is None or done < stop)
        try:
            text = decoder.decode(block, final=last)
        except UnicodeDecodeError as error:
            at = done + error.start
            raise UnreadableData(
                path,
                f"it is not UTF-8: {error.reason} near byte {max(0, at):,}",
                "convert it: iconv -f ISO-8859-1 -t UTF-8 FILE (UTF-16 for files of Windows)",
                pointer,
            ) from None
        if done == 0:
            text = text.removeprefix("\ufeff")
        if "\0" in text:
            raise UnreadableData(
                path,
                "it holds zero bytes: it is binary, or in UTF-16 or UTF-32",
                "give a text file in UTF-8",
                pointer,
            )
        done += len(block)
        if text:
            yield text
        if not block:
            return


def lines(
    file: BinaryIO, path: str, pointer: str, stop: int | None = None
) -> Iterator[tuple[int, str]]:
    """(number, line) of every line that is not blank, from 1; a line that `stop` cuts is left out.

    Lines end in LF or CR LF, which are left out.
    """
    number, rest = 0, ""
    for piece in pieces(file, path, pointer, stop):
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            number += 1
            _check_length(line, number, path, pointer)
            if line.strip():
                yield number, line.removesuffix("\r")
        _check_length(rest, number + 1, path, pointer)
    cut = stop is not None and bool(file.read(1))
    if rest.strip() and not cut:
        yield number + 1, rest.removesuffix("\r")


def _check_length(line: str, number: int, path: str, pointer: str) -> None:
    if len(line) > MAX_LINE:
        raise UnreadableData(
            path,
            f"line {number:,} has more than {MAX_LINE:,} characters",
            "break it into lines, or take unit: window",
            pointer,
        )


def json_text(line: str, number: int, field: str, path: str, pointer: str) -> str:
    """The text at `field` ("a.b": inside) of one JSON line. Raises UnreadableData."""

    def refuse(reason: str, remedy: str) -> UnreadableData:
        return UnreadableData(path, f"line {number:,}: {reason}", remedy, pointer)

    try:
        value: Any = json.loads(line)
    except RecursionError:
        raise refuse("it is nested too deeply", "give flat objects") from None
    except ValueError as error:
        raise refuse(
            f"it is no JSON ({str(error)[:80]})", "give one JSON object per line, in UTF-8"
        ) from None
    for name in field.split("."):
        if not isinstance(value, dict):
            kind = "an array" if isinstance(value, list) else "no object"
            raise refuse(f"there is {kind} where an object should be", "give objects")
        if name not in value:
            there = ", ".join(repr(key)[:40] for key in list(value)[:6]) or "none"
            raise refuse(f"it has no field {name[:60]!r}; there are {there}", "name one as `field`")
        value = value[name]
    if not isinstance(value, str):
        raise refuse(
            f"its field {field[:60]!r} is a {type(value).__name__}, not text",
            "name a field that holds text",
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise refuse(
            f"its field {field[:60]!r} holds half of a character, {value[error.start]!r}",
            "write the whole character, or leave the escape out",
        ) from None
    return value
