"""The OpenAPI document: problem responses, request bodies, examples; what FastAPI cannot know."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.examples import FULL_SPEC, MINIMAL_SPEC, MINIMAL_YAML
from service.api.problems import MEDIA_TYPE, Problem
from service.domain.spec import ExtensionSpec, StudySpec

Responses = dict[int | str, dict[str, Any]]

_REFERENCE = "#/components/schemas/"

_PROBLEMS: dict[int, tuple[str, str, str]] = {
    400: ("invalid-request", "The request is not valid", "/query/page_size: the number must be..."),
    403: ("forbidden", "Not allowed", "the request comes from a page of another origin"),
    404: ("not-found", "Not found", "there is no such study"),
    408: ("slow-request", "The request took too long", "the file comes too slowly, or not at all"),
    409: ("conflict", "Not possible now", "the study is RUNNING"),
    413: ("body-too-large", "The request body is too large", "the body is above the cap"),
    415: (
        "unsupported-media-type",
        "The content type is not supported",
        "the content type is not one that can be read",
    ),
    422: ("invalid-spec", "The study spec is not valid", "/seed: the value must be a whole number"),
    500: ("internal", "Something went wrong", "an unexpected error, 1f0a3c7e in the server's log"),
    503: ("unavailable", "Try again in a moment", "the database does not answer"),
    507: ("storage-full", "No space left", "the disk is full"),
}
_FIELD_ERROR = {
    "pointer": "/seed",
    "reason": "the value must be a whole number",
    "remedy": "give a whole number",
}

SPEC_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 1 MiB of UTF-8. Duplicate and unknown keys are refused.",
        "content": {
            "application/json": {
                "schema": {"$ref": f"{_REFERENCE}StudySpec"},
                "examples": {
                    "minimal": {"summary": "Three fields suffice", "value": MINIMAL_SPEC},
                    "full": {"summary": "Everything that can be said", "value": FULL_SPEC},
                },
            },
            "application/yaml": {
                "schema": {"$ref": f"{_REFERENCE}StudySpec"},
                "examples": {"minimal": {"summary": "As YAML", "value": MINIMAL_YAML}},
            },
        },
    }
}

EXTENSION_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "How many trials more; unknown keys are refused.",
        "content": {
            media_type: {
                "schema": {"$ref": f"{_REFERENCE}ExtensionSpec"},
                "examples": {"more": {"summary": "Twenty more", "value": {"trials": 20}}},
            }
            for media_type in ("application/json", "application/yaml")
        },
    }
}

SPEC_RESPONSE: Responses = {
    200: {
        "description": "A StudySpec.",
        "content": {
            "application/json": {"schema": {"$ref": f"{_REFERENCE}StudySpec"}},
            "application/yaml": {"schema": {"$ref": f"{_REFERENCE}StudySpec"}},
        },
    }
}

EVENT_STREAM: dict[str, Any] = {
    "description": "Server-sent events; `data` is one JSON object a line.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'event: study\ndata: {"sequence":1,"kind":"study",'
            '"data":{"state":"QUEUED"},"created_at":"2026-11-02T10:00:00Z"}\nid: 1\n\n',
        }
    },
}

MANY_EVENTS: dict[str, Any] = {
    "description": "Server-sent events; `data` is one JSON object a line.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'event: study\ndata: {"study":"01k7x2m8qv4e9wz3tbn5ha6rcd","sequence":1,'
            '"kind":"study","data":{"state":"QUEUED"},"created_at":"2026-11-02T10:00:00Z"}\n'
            "id: 01k7x2m8qv4e9wz3tbn5ha6rcd@1\n\n",
        }
    },
}

TAGS = [
    {"name": "studies", "description": "One search: submitted, watched, steered."},
    {"name": "trials", "description": "One configuration trained once, epoch by epoch."},
    {"name": "best", "description": "The answer, and the model to take away."},
    {"name": "events", "description": "The live stream."},
    {"name": "datasets", "description": "What can be trained on: built in, uploaded, stored."},
    {"name": "figures", "description": "Plotly figures over a study."},
    {"name": "catalog", "description": "What can be tuned."},
    {"name": "health", "description": "For whoever watches the process."},
]

DESCRIPTION = """\
Hyperparameter tuning for models that reconstruct.

POST a study, watch it, take the best model away. Errors are `application/problem+json`
(RFC 9457): `type` is stable, `errors` point at the fields and say what to do. Lists answer
`items` and `next_page_token`. Numbers that are not finite leave as null.
"""


def problems(*statuses: int) -> Responses:
    """The documentation of error responses."""
    return {status: _problem(status) for status in statuses}


def file_response(media_type: str, description: str) -> Responses:
    """The documentation of a route that answers with a file."""
    return {
        200: {
            "description": description,
            "content": {media_type: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                "Content-Disposition": {
                    "description": "A file name.",
                    "schema": {"type": "string"},
                }
            },
        }
    }


def install(app: FastAPI, examples: Callable[[], dict[str, Any]]) -> None:
    """Let `/openapi.json` tell the whole truth. `examples`: schema name -> example."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, examples())
        return app.openapi_schema

    app.openapi = build  # type: ignore[method-assign]


def _build(app: FastAPI, examples: dict[str, Any]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, StudySpec, ExtensionSpec):
        schema = model.model_json_schema(ref_template=f"{_REFERENCE}{{model}}")
        for name, definition in schema.pop("$defs", {}).items():
            schemas.setdefault(name, definition)
        schemas[model.__name__] = schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for name, example in examples.items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    for operations in document["paths"].values():
        for operation in operations.values():
            _complete(operation)
    _loosen_unions(document)
    return document


def _loosen_unions(value: Any) -> None:
    """`oneOf` becomes `anyOf` where nothing discriminates: 64 is an integer and a number."""
    if isinstance(value, dict):
        if "oneOf" in value and "discriminator" not in value:
            value["anyOf"] = value.pop("oneOf")
        for inner in value.values():
            _loosen_unions(inner)
    elif isinstance(value, list):
        for inner in value:
            _loosen_unions(inner)


def _complete(operation: dict[str, Any]) -> None:
    """Add the problems that every route can have; drop FastAPI's own 422, which we never send."""
    responses = operation["responses"]
    automatic = responses.get("422", {}).get("content", {}).get("application/json", {})
    if automatic.get("schema", {}).get("$ref", "").endswith("HTTPValidationError"):
        del responses["422"]
    common = [403, 500, 503]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
        common.append(404)
    if any(parameter["in"] != "path" for parameter in operation.get("parameters", [])):
        common.append(400)
    for status in common:
        responses.setdefault(str(status), _problem(status))
    operation["responses"] = dict(sorted(responses.items()))


def _problem(status: int) -> dict[str, Any]:
    kind, title, detail = _PROBLEMS[status]
    response: dict[str, Any] = {
        "description": title,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": f"{_REFERENCE}Problem"},
                "example": {
                    "type": f"urn:hifitune:problem:{kind}",
                    "title": title,
                    "status": status,
                    "detail": detail,
                    "remedy": None,
                    "errors": [_FIELD_ERROR] if status == 422 else [],
                },
            }
        },
    }
    if status in (503, 507):
        response["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return response
