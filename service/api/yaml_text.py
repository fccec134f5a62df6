"""YAML read strictly: one document, the core schema of YAML 1.2, no tags, no aliases.

Values are built from the parser's events and not by PyYAML's constructors: those follow
YAML 1.1 (`1e-3` is a text there, `no` is false, `1:30` is 90) and let duplicate keys win.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from service.api.documents import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_VALUES,
    Document,
    Pairs,
    settle,
    syntax_error,
    too_deep,
    too_many,
)
from service.api.json_text import NOT_FINITE, TOO_LONG

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONSTANTS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def read_yaml(text: str) -> Document:
    """The one document that a text holds. Raises InvalidBody."""
    try:
        return settle(_Reader(text).read_stream())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise syntax_error(
            f"not YAML: the text cannot be parsed{place}", "send well-formed YAML"
        ) from None
    except yaml.YAMLError:
        raise syntax_error(
            "not YAML: the text has characters that YAML forbids", "leave out control characters"
        ) from None


def write_yaml(value: Document) -> str:
    """A document as YAML that both this reader and YAML 1.1 readers understand alike."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def resolve_plain(text: str) -> Any:
    """What an unquoted scalar means in the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NOT_FINITE.fullmatch(text):
        return NOT_FINITE
    if _INT.fullmatch(text):
        return TOO_LONG if len(text) > MAX_DIGITS else int(text)
    if _BASED.fullmatch(text):
        return TOO_LONG if len(text) > MAX_DIGITS else int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else NOT_FINITE
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes texts that YAML 1.2 would read as something else, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if resolve_plain(text) == text else "'"
    if not text.isprintable():
        # Only double quotes have escapes; line breaks of Unicode come back changed without.
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


class _Reader:
    """Builds values from one stream of parser events."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_LOADER))
        self._values = 0

    def read_stream(self) -> Any:
        """The one document of the stream."""
        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise syntax_error("more than one document", "send one document")
                value = self._read_node(next(self._events), 0)
        if not documents:
            raise syntax_error("the body is empty", "send a study spec")
        return value

    def _read_node(self, event: yaml.Event, depth: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise too_many()
        _refuse_extras(event)
        if isinstance(event, yaml.ScalarEvent):
            return resolve_plain(event.value) if event.implicit[0] else event.value
        if depth >= MAX_DEPTH:
            raise too_deep()
        if isinstance(event, yaml.SequenceStartEvent):
            return self._read_sequence(depth)
        return self._read_mapping(depth)

    def _read_sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._read_node(event, depth + 1))
        return items

    def _read_mapping(self, depth: int) -> Pairs:
        pairs = Pairs()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            _refuse_extras(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise syntax_error("a key is not a plain text", "use plain texts as keys")
            pairs.append((event.value, self._read_node(next(self._events), depth + 1)))
        return pairs


def _refuse_extras(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise syntax_error("anchors and aliases are not allowed", "write the value out")
    if getattr(event, "tag", None) is not None:
        raise syntax_error("tags are not allowed", "leave out everything that starts with !")
