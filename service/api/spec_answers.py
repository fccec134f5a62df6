"""A study spec as an answer: JSON or YAML, as the client would rather have it."""

import json
from typing import Annotated, Literal, TypeAlias

from fastapi import Header, Query, Response

from service.api.bodies import JSON, YAML
from service.api.negotiation import preferred
from service.api.yaml_text import write_yaml
from service.domain.spec import StudySpec

SpecForm: TypeAlias = Annotated[
    Literal["json", "yaml"] | None,
    Query(alias="format", description="Wins over the Accept header."),
]
SpecAccept: TypeAlias = Annotated[str, Header(description=f"`{JSON}` (default) or `{YAML}`.")]


def answer_spec(spec: StudySpec, form: Literal["json", "yaml"] | None, accept: str) -> Response:
    """The spec with everything written out; it can be sent back as it is."""
    document = spec.model_dump(mode="json", exclude_none=False)
    as_yaml = form == "yaml" or (form is None and preferred(accept, (JSON, YAML)) == YAML)
    body = write_yaml(document) if as_yaml else json.dumps(document, indent=2, allow_nan=False)
    return Response(body, media_type=YAML if as_yaml else JSON, headers={"Vary": "Accept"})
