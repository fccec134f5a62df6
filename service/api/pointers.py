"""Pydantic's complaints as errors that point into the document that was sent.

What was sent is never repeated, except for the keys that lead to the place.
"""

import difflib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.api.documents import MAX_ERRORS, Document, escape_pointer
from service.api.wording import describe
from service.domain.spec import StudySpec
from service.errors import FieldError, InvalidSpec

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
        raise InvalidSpec(field_errors(details, known_names(model))) from None


def field_errors(details: Iterable[ErrorDetails], names: Sequence[str] = ()) -> list[FieldError]:
    """At most MAX_ERRORS errors; `names` are fields to suggest for typos."""
    errors: dict[tuple[str, str], FieldError] = {}
    for detail in details:
        error = _field_error(detail, names)
        errors.setdefault((error.pointer, error.reason), error)
    return list(errors.values())[:MAX_ERRORS]


@cache
def known_names(model: type[BaseModel]) -> list[str]:
    """Every field name that a model's schema knows, for suggestions."""
    schema = model.model_json_schema()
    names = set(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        names.update(definition.get("properties", {}))
    return sorted(names)


def pointer_of(location: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a pydantic location.

    Leaves out what names no place in the document: tags of unions (see domain.unions) and
    `[key]`, pydantic's mark for an error in a key itself.
    """
    keys = [str(part) for part in location if part != "[key]"]
    kept = [key for key in keys if not (key.startswith("<as ") and key.endswith(">"))]
    return "".join(f"/{escape_pointer(key)}" for key in kept)


def _field_error(detail: ErrorDetails, names: Sequence[str]) -> FieldError:
    reason, remedy = describe(detail["type"], detail.get("ctx", {}), detail["msg"])
    if detail["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(detail["loc"][-1])[:64], names, n=1, cutoff=0.75)
        if close:
            remedy = f"write `{close[0]}`, if that is meant"
    return FieldError(pointer=pointer_of(detail["loc"]), reason=reason, remedy=remedy)
