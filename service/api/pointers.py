"""Pydantic's complaints as errors that point into the document that was sent.

What was sent is never repeated, except for the keys that lead to the place.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.api.documents import MAX_ERRORS, Document, escape_pointer
from service.api.wording import describe
from service.domain.spec import StudySpec
from service.errors import FieldError, InvalidSpec

MOST_PLACES = 3
"""Of a field that stands at the wrong level: where it may stand."""
_ANY_KEY = "NAME"

Wish = TypeVar("Wish", bound=BaseModel)


def read_spec(document: Document) -> StudySpec:
    """The StudySpec of a document. Raises InvalidSpec."""
    return read_value(document, StudySpec)


def read_value(document: Document, model: type[Wish]) -> Wish:
    """What somebody asks for, from a document. Raises InvalidSpec."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidSpec(field_errors(details, known_places(model))) from None


def field_errors(
    details: Iterable[ErrorDetails], places: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[FieldError]:
    """At most MAX_ERRORS errors; `places`: the fields there are, to suggest for unknown ones."""
    errors: dict[tuple[str, str], FieldError] = {}
    for detail in details:
        error = _field_error(detail, places)
        errors.setdefault((error.pointer, error.reason), error)
    return list(errors.values())[:MAX_ERRORS]


@cache
def known_places(model: type[BaseModel]) -> dict[str, list[str]]:
    """Every field name that a model's schema knows, with the pointers where it may stand.

    Shallow ones first. NAME stands for a key of the user's; positions in lists are left out.
    """
    schema = model.model_json_schema()
    found: dict[str, set[str]] = {}
    _collect(schema, schema, "", found)
    return {
        name: sorted(places, key=lambda place: (place.count("/"), place))
        for name, places in sorted(found.items())
    }


def _collect(
    root: dict[str, Any], part: dict[str, Any], pointer: str, found: dict[str, set[str]]
) -> None:
    if "$ref" in part:
        _collect(root, root["$defs"][part["$ref"].rsplit("/", 1)[-1]], pointer, found)
    for name, inner in part.get("properties", {}).items():
        place = f"{pointer}/{escape_pointer(name)}"
        found.setdefault(name, set()).add(place)
        _collect(root, inner, place, found)
    for inner in part.get("patternProperties", {}).values():
        _collect(root, inner, f"{pointer}/{_ANY_KEY}", found)
    for inner in (*part.get("oneOf", ()), *part.get("anyOf", ())):
        _collect(root, inner, pointer, found)
    if "items" in part:
        _collect(root, part["items"], pointer, found)


def pointer_of(location: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a pydantic location.

    Leaves out what names no place in the document: tags of unions (see domain.unions) and
    `[key]`, pydantic's mark for an error in a key itself.
    """
    keys = [str(part) for part in location if part != "[key]"]
    kept = [key for key in keys if not (key.startswith("<as ") and key.endswith(">"))]
    return "".join(f"/{escape_pointer(key)}" for key in kept)


def _field_error(detail: ErrorDetails, places: Mapping[str, Sequence[str]]) -> FieldError:
    reason, remedy = describe(detail["type"], detail.get("ctx", {}), detail["msg"])
    pointer = pointer_of(detail["loc"])
    if detail["type"] == "extra_forbidden":
        remedy = _meant(str(detail["loc"][-1]), pointer, places) or remedy
    return FieldError(pointer=pointer, reason=reason, remedy=remedy)


def _meant(name: str, pointer: str, places: Mapping[str, Sequence[str]]) -> str:
    if name in places:
        if any(_fits(pointer, place) for place in places[name]):
            return f"choose a type that has `{name}`, or take it out"
        return f"`{name}` belongs at {' or '.join(places[name][:MOST_PLACES])}: move it"
    close = difflib.get_close_matches(name[:64], list(places), n=1, cutoff=0.75)
    return f"write `{close[0]}`, if that is meant" if close else ""


def _fits(pointer: str, place: str) -> bool:
    own = [key for key in pointer.split("/") if not key.isdigit()]
    known = place.split("/")
    return len(own) == len(known) and all(
        key in (mine, _ANY_KEY) for mine, key in zip(own, known, strict=True)
    )
