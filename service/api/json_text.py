"""JSON read strictly (RFC 8259 and I-JSON): no NaN, no duplicate keys, bounded nesting."""

import json
import math
import re
from typing import Any

from service.api.documents import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_VALUES,
    Document,
    Pairs,
    Refused,
    settle,
    syntax_error,
    too_deep,
    too_many,
)

_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]},]', re.DOTALL)
NOT_FINITE = Refused(
    "the number is not finite", "give a finite number, or null where the field allows it"
)
TOO_LONG = Refused(f"the number has more than {MAX_DIGITS} digits", "give a smaller number")


def read_json(text: str) -> Document:
    """The document that a text holds. Raises InvalidBody."""
    _check_size(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=Pairs,
            parse_int=_parse_int,
            parse_float=_parse_float,
            parse_constant=lambda _: NOT_FINITE,
        )
    except json.JSONDecodeError as error:
        raise syntax_error(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            "send well-formed JSON, or YAML with Content-Type: application/yaml",
        ) from None
    return settle(value)


def _check_size(text: str) -> None:
    """Counted before parsing: the parser recurses, and a stack is not ours to fill."""
    depth = values = 0
    for match in _STRUCTURE.finditer(text):
        mark = match[0][0]
        if mark == ",":
            values += 1
            if values > MAX_VALUES:
                raise too_many()
        elif mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise too_deep()
        elif mark in "]}":
            depth -= 1


def _parse_int(text: str) -> Any:
    return TOO_LONG if len(text) > MAX_DIGITS else int(text)


def _parse_float(text: str) -> Any:
    number = float(text)
    return number if math.isfinite(number) else NOT_FINITE
