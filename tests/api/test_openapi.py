"""OpenAPI tells the whole truth."""

import re
from typing import Any

import httpx
import jsonschema
import pytest
from jsonschema import Draft202012Validator

from tests.api.house import House

METHODS = {"get", "post", "delete", "put", "patch"}


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    found = httpx.get(f"{house.url}/openapi.json", trust_env=False).json()
    assert isinstance(found, dict)
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    references = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document)))
    assert references <= document["components"]["schemas"].keys()


def test_every_schema_is_a_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_operation_is_named_described_and_tagged(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for path, method, operation in operations(document):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert set(operation["tags"]) <= tags, (method, path)
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (method, path, parameter["name"])


def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        responses = operation["responses"]
        assert {"403", "500", "503"} <= responses.keys(), (method, path)
        if "{study_id}" in path or "{dataset_id}" in path:
            assert "404" in responses, (method, path)
        for status, response in responses.items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, status)
        assert "HTTPValidationError" not in str(operation)


def test_the_public_contract_is_there(document: dict[str, Any]) -> None:
    promised = {
        "/v1/studies": {"get", "post"},
        "/v1/studies:validate": {"post"},
        "/v1/studies:compare": {"get"},
        "/v1/studies/{study_id}": {"get", "delete"},
        "/v1/studies/{study_id}:pause": {"post"},
        "/v1/studies/{study_id}:resume": {"post"},
        "/v1/studies/{study_id}:stop": {"post"},
        "/v1/studies/{study_id}/trials": {"get"},
        "/v1/studies/{study_id}/trials/{number}": {"get"},
        "/v1/studies/{study_id}/trials/{number}/epochs": {"get"},
        "/v1/studies/{study_id}/best": {"get"},
        "/v1/studies/{study_id}/best/config": {"get"},
        "/v1/studies/{study_id}/best/checkpoint": {"get"},
        "/v1/studies/{study_id}/best/model": {"get"},
        "/v1/studies/{study_id}/figures": {"get"},
        "/v1/studies/{study_id}/figures/{name}": {"get"},
        "/v1/studies/{study_id}/events": {"get"},
        "/v1/datasets": {"get", "post", "put"},
        "/v1/datasets/{dataset_id}": {"get", "delete"},
        "/v1/catalog": {"get"},
        "/livez": {"get"},
        "/readyz": {"get"},
    }
    for path, methods in promised.items():
        assert methods <= document["paths"][path].keys(), path


@pytest.mark.parametrize(
    "name", ["Study", "Trial", "Best", "EpochReport", "StudySpec", "Upload", "Comparison"]
)
def test_examples_are_valid(document: dict[str, Any], name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    for example in document["components"]["schemas"][name]["examples"]:
        jsonschema.validate(example, schema)


def test_example_specs_are_accepted(document: dict[str, Any], http: httpx.Client) -> None:
    content = document["paths"]["/v1/studies"]["post"]["requestBody"]["content"]
    for media, description in content.items():
        for example in description["examples"].values():
            body = {"json" if media.endswith("json") else "content": example["value"]}
            answer = http.post("/v1/studies:validate", headers={"Content-Type": media}, **body)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "path", ["/v1/catalog", "/v1/studies", "/livez", "/readyz", "/v1/studies/nope"]
)
def test_answers_have_the_documented_shape(
    document: dict[str, Any], http: httpx.Client, path: str
) -> None:
    answer = http.get(path)
    route = "/v1/studies/{study_id}" if path.endswith("nope") else path
    responses = document["paths"][route]["get"]["responses"]
    content = responses[str(answer.status_code)]["content"]
    schema = content[answer.headers["content-type"]]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


def test_the_catalog_has_what_can_be_tuned(http: httpx.Client) -> None:
    catalog = http.get("/v1/catalog").json()
    assert {"autoencoder", "vae"} <= catalog["families"].keys()
    rate = catalog["families"]["vae"]["parameters"]["learning_rate"]
    assert {"role", "default", "default_range", "allowed", "description"} <= rate.keys()
    for key in ("tasks", "samplers", "pruners", "datasets"):
        assert catalog[key]
    assert catalog["metrics"]["mse"]["direction"] == "minimize"
