"""What pydantic's error types mean, in words for people: (reason, remedy)."""

from collections.abc import Callable, Mapping
from typing import Any

Words = tuple[str, str]

_NOUNS = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def describe(kind: str, context: Mapping[str, Any], message: str) -> Words:
    """Reason and remedy for one error. Messages of our own validators come as they are."""
    if kind == "invalid":
        return message, str(context.get("remedy", "change the value"))
    noun = str(context["expected"]) if kind in ("literal_error", "enum") else _NOUNS.get(kind)
    if noun is not None:
        return f"the value must be {noun}", f"give {noun}"
    words = _WORDS.get(kind)
    return words(context) if words else ("the value is not valid", "see the schema of the field")


def _bound(word: str, key: str) -> Callable[[Mapping[str, Any]], Words]:
    return lambda context: (
        f"the number must be {word} {context[key]}",
        f"give a number {word} {context[key]}",
    )


def _length(word: str, key: str, unit: str) -> Callable[[Mapping[str, Any]], Words]:
    def words(context: Mapping[str, Any]) -> Words:
        count = context[key]
        units = unit if count == 1 else f"{unit}s"
        return f"it must have at {word} {count} {units}", f"give at {word} {count} {units}"

    return words


_WORDS: dict[str, Callable[[Mapping[str, Any]], Words]] = {
    "missing": lambda _: ("the field is missing", "add it"),
    "extra_forbidden": lambda _: ("there is no such field", "leave it out"),
    "greater_than": _bound("above", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("below", "lt"),
    "less_than_equal": _bound("at most", "le"),
    "string_too_short": _length("least", "min_length", "character"),
    "string_too_long": _length("most", "max_length", "character"),
    "too_short": _length("least", "min_length", "item"),
    "too_long": _length("most", "max_length", "item"),
    "finite_number": lambda _: ("the number is not finite", "give a finite number"),
    "string_pattern_mismatch": lambda context: (
        "the text has characters that are not allowed here",
        f"give a text that matches {context['pattern']}",
    ),
}
