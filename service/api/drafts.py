"""Drafts of specs, for the page that makes studies: what they say, and what is wrong with them."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import ValidationError

from service.api.bodies import decode, read_body
from service.api.catalog import get_catalog
from service.api.dependencies import Container, ContainerDependency
from service.api.documents import Document
from service.api.pointers import read_spec
from service.api.preview import Preview, preview, read_data_header
from service.api.problems import Problem, problem_of
from service.api.yaml_text import read_yaml, write_yaml
from service.domain.model import Record
from service.domain.records import DataHeader
from service.domain.space import SpaceEntry
from service.domain.spec import StudySpec
from service.errors import InvalidSpec


class DraftAnswer(Record):
    """What a draft says, and what `studies:validate` says of it."""

    document: Any
    """The draft as plain values; null where it cannot be read."""
    data: DataHeader | None
    """Its data, whatever else is wrong with it."""
    search: dict[str, SpaceEntry] | None
    """What is searched where its space is empty, whatever else is wrong; null where that cannot
    be told."""
    preview: Preview | None
    problem: Problem | None
    """Instead of the preview."""


def check_draft(
    body: Annotated[bytes, Depends(read_body)], container: ContainerDependency
) -> DraftAnswer:
    """The answer to a draft in YAML; errors in it are nothing out of the ordinary."""
    document, data, search, found, problem = None, None, None, None, None
    try:
        document = read_yaml(decode(body))
        data = data_of(document, container)
        found = preview(read_spec(document), container)
    except InvalidSpec as error:
        problem = problem_of(error)
    if isinstance(document, dict) and not document.get("space"):
        search = found.resolved.space if found else default_search(document, container)
    return DraftAnswer(document=document, data=data, search=search, preview=found, problem=problem)


DraftDependency = Annotated[DraftAnswer, Depends(check_draft)]


def data_of(document: Document, container: Container) -> DataHeader | None:
    """What the draft's data are; None while that cannot be told."""
    if not isinstance(document, dict) or "dataset" not in document:
        return None
    needed = {"name": "draft", "family": "any", "dataset": document["dataset"]}
    for extra in ({"split": document["split"]}, {}) if "split" in document else ({},):
        try:
            return read_data_header(StudySpec.model_validate({**needed, **extra}), container)
        except (ValidationError, InvalidSpec):
            continue
    return None


def default_search(document: dict[str, Any], container: Container) -> dict[str, SpaceEntry] | None:
    """The space that data, task and families of a draft would have without one of its own."""
    needed = {name: document[name] for name in ("dataset", "task", "family") if name in document}
    try:
        return preview(read_spec({"name": "draft", **needed}), container).resolved.space
    except InvalidSpec:
        return None


def write_draft(document: Document) -> str:
    """A document as YAML that reads back as itself."""
    return write_yaml(document)


def whole_catalog(container: Container) -> dict[str, Any]:
    """What `GET /v1/catalog` answers."""
    return get_catalog(container.catalog).model_dump(mode="json")
