"""Documents from outside as plain values: what JSON and YAML bodies have in common.

A document is null, a bool, an int, a finite float, a text, a list, or a dict with text keys.
Parsers leave marks (`Pairs`, `Refused`) where something is wrong, because only here the place of
it in the document is known.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from service.errors import FieldError, InvalidBody

Document: TypeAlias = Any

MAX_DEPTH = 32
"""Nesting of lists and objects; a study spec needs 6."""
MAX_DIGITS = 400
"""Of a whole number; more would be slow to read and fits nowhere."""
MAX_VALUES = 100_000
"""Scalars, lists and objects of one document: what 64 parameters of 256 choices need, and room."""
MAX_ERRORS = 50
"""Errors that are listed; a person mends them one by one."""


class Pairs(list[tuple[str, Any]]):
    """An object as it was written, with its duplicate keys."""


@dataclass(frozen=True)
class Refused:
    """A scalar that cannot stand in a document."""

    reason: str
    remedy: str


def syntax_error(reason: str, remedy: str) -> InvalidBody:
    """The error of a body that is not a document at all."""
    return InvalidBody([FieldError(pointer="", reason=reason, remedy=remedy)])


def too_deep() -> InvalidBody:
    """The error of a document nested beyond MAX_DEPTH."""
    return syntax_error(
        f"lists and objects are nested more than {MAX_DEPTH} deep", "send a flatter document"
    )


def too_many() -> InvalidBody:
    """The error of a document with more than MAX_VALUES values."""
    return syntax_error(
        f"the document holds more than {MAX_VALUES} values", "send a smaller document"
    )


def escape_pointer(key: str) -> str:
    """One reference token of a JSON pointer (RFC 6901), shortened: keys come from outside."""
    printable = "".join(c if c.isprintable() else "\ufffd" for c in key[:120])
    return printable.replace("~", "~0").replace("/", "~1")


def settle(value: Any) -> Document:
    """Marks become plain values, or one InvalidBody that names the place of every fault.

    The parsers have bounded the nesting, so recursion is safe here.
    """
    errors: list[FieldError] = []
    document = _settle(value, "", errors)
    if errors:
        raise InvalidBody(errors[:MAX_ERRORS])
    return document


def _settle(value: Any, pointer: str, errors: list[FieldError]) -> Any:
    if isinstance(value, Pairs):
        return _settle_object(value, pointer, errors)
    if isinstance(value, list):
        return [_settle(item, f"{pointer}/{i}", errors) for i, item in enumerate(value)]
    if isinstance(value, Refused):
        errors.append(FieldError(pointer=pointer, reason=value.reason, remedy=value.remedy))
        return None
    if isinstance(value, str):
        _check_text(value, pointer, errors)
    return value


def _settle_object(pairs: Pairs, pointer: str, errors: list[FieldError]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in pairs:
        place = f"{pointer}/{escape_pointer(key)}"
        if key in result:
            errors.append(
                FieldError(
                    pointer=place, reason="the key stands twice", remedy="leave one of them out"
                )
            )
            continue
        _check_text(key, place, errors)
        result[key] = _settle(item, place, errors)
    return result


def _check_text(text: str, pointer: str, errors: list[FieldError]) -> None:
    if text.isascii() and "\0" not in text:
        return
    if "\0" in text:
        errors.append(
            FieldError(
                pointer=pointer, reason="the text has a NUL character", remedy="leave it out"
            )
        )
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        errors.append(
            FieldError(
                pointer=pointer,
                reason="the text has half of a surrogate pair, which is not a character",
                remedy="write the character itself, or both halves",
            )
        )
