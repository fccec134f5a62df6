"""Pydantic's complaints as errors that point into the document that was sent.

A union of N shapes makes pydantic complain N times, with the names of the shapes inside the
location. Here every place is named once, by JSON pointer, for the shape that was most likely
meant; what was sent is never repeated.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.api.documents import MAX_ERRORS, Document, escape_pointer
from service.api.wording import describe, noun_of
from service.domain.spec import StudySpec
from service.errors import FieldError, InvalidSpec

Path = tuple[str | int, ...]

_WRONG_SHAPE, _WRONG_KIND, _WRONG_FIELDS, _WRONG_VALUE = 20, 10, 3, 1


@dataclass(frozen=True)
class _Complaint:
    """One pydantic error: its place in the document, and which shapes of unions it is about."""

    path: Path
    shapes: tuple[tuple[int, Path], ...]
    """(length of the path at a union, the shape's name there), outermost first."""
    type: str
    context: Mapping[str, Any]
    message: str

    def noun(self) -> str | None:
        return noun_of(self.type, self.context)


def read_spec(document: Document) -> StudySpec:
    """The StudySpec of a document. Raises InvalidSpec."""
    if isinstance(document, dict) and isinstance(document.get("objective"), list):
        raise InvalidSpec(
            [
                FieldError(
                    pointer="/objective",
                    reason="a study ranks its trials by one objective",
                    remedy="give one object with `metric` and `direction`, and watch the other "
                    "metrics in the results",
                )
            ]
        )
    try:
        return StudySpec.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidSpec(field_errors(details, document, known_names(StudySpec))) from None


def field_errors(
    details: Iterable[ErrorDetails], document: Document, names: Sequence[str] = ()
) -> list[FieldError]:
    """One FieldError a place, at most MAX_ERRORS; `names` are fields to suggest for typos."""
    chosen = _choose([_locate(detail, document) for detail in details])
    errors: dict[tuple[str, str], FieldError] = {}
    for complaint in chosen:
        error = _field_error(complaint, names)
        errors.setdefault((error.pointer, error.reason), error)
    return list(errors.values())[:MAX_ERRORS]


def known_names(model: type[BaseModel]) -> list[str]:
    """Every field name that a model's schema knows, for suggestions."""
    schema = model.model_json_schema()
    names = set(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        names.update(definition.get("properties", {}))
    return sorted(names)


def pointer_of(path: Iterable[str | int]) -> str:
    """The JSON pointer of a path."""
    return "".join(f"/{escape_pointer(str(part))}" for part in path)


def _locate(detail: ErrorDetails, document: Document) -> _Complaint:
    """Divide a location into what exists in the document and names of shapes."""
    path: list[str | int] = []
    shapes: list[tuple[int, Path]] = []
    value = document
    location = detail["loc"]
    after_tagged_union = False
    for place, part in enumerate(location):
        last = place == len(location) - 1
        if not after_tagged_union and _has(value, part):
            value = value[part]
            path.append(part)
        elif not after_tagged_union and last and detail["type"] == "missing":
            path.append(part)
        elif part != "[key]":
            if shapes and shapes[-1][0] == len(path):
                shapes[-1] = (len(path), (*shapes[-1][1], part))
            else:
                shapes.append((len(path), (part,)))
            after_tagged_union = str(part).startswith("tagged-union[")
            continue
        after_tagged_union = False
    context = detail.get("ctx", {})
    if detail["type"].startswith("union_tag_"):
        path.append(str(context.get("discriminator", "type")).strip("'"))
    return _Complaint(tuple(path), tuple(shapes), detail["type"], context, detail["msg"])


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)


def _choose(complaints: list[_Complaint]) -> list[_Complaint]:
    """At every union keep the complaints about the shape that fits best."""
    chosen: list[_Complaint] = []
    unions: dict[Path, dict[Path, list[_Complaint]]] = defaultdict(lambda: defaultdict(list))
    for complaint in complaints:
        if not complaint.shapes:
            chosen.append(complaint)
            continue
        (length, shape), *inner = complaint.shapes
        rest = _Complaint(
            complaint.path, tuple(inner), complaint.type, complaint.context, complaint.message
        )
        unions[complaint.path[:length]][shape].append(rest)
    for place, shapes in unions.items():
        chosen.extend(_choose_shape(place, shapes))
    return chosen


def _choose_shape(place: Path, shapes: dict[Path, list[_Complaint]]) -> list[_Complaint]:
    scores = {shape: sum(_score(c, place) for c in found) for shape, found in shapes.items()}
    least = min(scores.values())
    best = [shapes[shape] for shape, score in scores.items() if score == least]
    if len(best) > 1 and least == _WRONG_SHAPE:
        nouns = dict.fromkeys(c.noun() or "another value" for found in best for c in found)
        return [_Complaint(place, (), "no_shape", {"nouns": list(nouns)}, "")]
    return _choose(best[0])


def _score(complaint: _Complaint, place: Path) -> int:
    if complaint.path == place and complaint.noun() is not None:
        return _WRONG_SHAPE
    if complaint.type == "literal_error":
        return _WRONG_KIND
    if complaint.type in ("missing", "extra_forbidden"):
        return _WRONG_FIELDS
    return _WRONG_VALUE


def _field_error(complaint: _Complaint, names: Sequence[str]) -> FieldError:
    reason, remedy = describe(complaint.type, complaint.context, complaint.message)
    if complaint.type == "extra_forbidden":
        close = difflib.get_close_matches(str(complaint.path[-1]), names, n=1, cutoff=0.75)
        if close:
            remedy = f"write `{close[0]}`, if that is meant"
    return FieldError(pointer=pointer_of(complaint.path), reason=reason, remedy=remedy)
