"""The page of a new study over HTTP: what it begins with, what it answers to a draft."""

import html
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.new_study_pages import copy_name, plainest_family
from dashboards.new_study_words import FIELD_WORDS
from service.api.yaml_text import read_yaml, write_yaml
from service.domain.records import Study
from service.domain.spec import STUDY_ID, StudySpec
from service.main import create_app
from service.settings import Settings
from service.storage.database import Database
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study

YAML = {"Content-Type": "application/yaml"}
NULLS = {"training": {"epochs": 12, "early_stopping": None}, "split": {"test": None}}
"""Nulls that are no defaults: left out they would be trained otherwise."""
SPEC = make_spec(
    "digits-copied", 30, seed=2**53 + 1, space={"learning_rate": 0.001, "latent_dim": 8}
)


@pytest.fixture(scope="module")
def client(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("new-study")
    url = f"sqlite:///{shutil.copy(migrated_file, folder / 'hifitune.sqlite3')}"
    database = Database(url)
    seed_study(database, make_study(count=4, study_id="source1", spec=SPEC))
    plain = make_study(count=4, study_id="nulls1", spec=make_spec("nulls", 4))
    seed_study(database, replace(plain, study=_with_nulls(plain.study)))
    settings = Settings(data_dir=folder, database_url=url)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as opened:
        yield opened
    database.close()


def _with_nulls(study: Study) -> Study:
    """As on data that bring a test file; digits bring none, so `resolve` would refuse it."""
    spec = StudySpec.model_validate({**study.spec.model_dump(mode="json"), **NULLS})
    resolved = study.resolved
    training = resolved.training.model_copy(update={"early_stopping": None})
    changes = {"training": training, "split": resolved.split.model_copy(update={"test": None})}
    return study.model_copy(update={"spec": spec, "resolved": resolved.model_copy(update=changes)})


def begun(client: TestClient, query: str = "") -> dict[str, Any]:
    response = client.get(f"/studies/new{query}")
    assert response.status_code == 200, response.text
    (shown,) = re.findall(r'<textarea id="yaml"[^>]*>(.*?)</textarea>', response.text, re.DOTALL)
    document: dict[str, Any] = read_yaml(html.unescape(shown))
    return document


def check(client: TestClient, text: str) -> dict[str, Any]:
    response = client.post("/studies/new/check", content=text, headers=YAML)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_page_begins_with_a_study_that_can_be_submitted_as_it_stands(
    client: TestClient,
) -> None:
    document = begun(client)
    assert client.post("/v1/studies:validate", json=document).status_code == 200


@pytest.mark.parametrize("name", ["digits", "wine", "diabetes", "unicode_names", "photos"])
def test_a_study_on_a_data_set_begins_with_a_family_that_takes_it(
    client: TestClient, name: str
) -> None:
    document = begun(client, f"?dataset={name}")
    assert document["dataset"] == {"name": name}
    assert client.post("/v1/studies:validate", json=document).status_code == 200


def test_the_family_is_one_that_is_made_for_the_data(client: TestClient) -> None:
    from trainers.registry import catalog

    found = {kind: plainest_family(catalog(), kind) for kind in ("image", "table", "text")}
    assert found == {
        "image": "autoencoder", "table": "tabular_autoencoder", "text": "text_autoencoder",
    }  # fmt: skip


def test_a_clone_asks_for_the_same_under_another_name(client: TestClient) -> None:
    document = begun(client, "?from=source1")
    copied = StudySpec.model_validate(document)
    assert copied.name == "digits-copied copy"
    assert copied.model_copy(update={"name": SPEC.name}) == SPEC
    assert "split" not in document, "defaults stay unsaid"


def test_a_clone_of_a_trial_fixes_its_config_and_keeps_its_seed(client: TestClient) -> None:
    document = begun(client, "?from=source1&trial=2")
    answer = client.get("/v1/studies/source1/trials/2/config").json()
    whole = StudySpec.model_validate(document)
    assert whole == StudySpec.model_validate(answer)


def test_nulls_that_mean_something_come_through_a_clone(client: TestClient) -> None:
    for query in ("?from=nulls1", "?from=nulls1&trial=0"):
        document = begun(client, query)
        assert document["training"]["early_stopping"] is None, query
        assert document["split"]["test"] is None, query
    asked = StudySpec.model_validate(client.get("/v1/studies/nulls1").json()["spec"])
    wished = StudySpec.model_validate(begun(client, "?from=nulls1"))
    assert wished.model_copy(update={"name": asked.name}) == asked
    answer = client.get("/v1/studies/nulls1/trials/0/config").json()
    repeated = begun(client, "?from=nulls1&trial=0")
    assert StudySpec.model_validate(repeated) == StudySpec.model_validate(answer)


def test_nulls_that_mean_something_are_on_the_page_of_the_study(client: TestClient) -> None:
    text = client.get("/studies/nulls1").text
    answer = StudySpec.model_validate(client.get("/v1/studies/nulls1/best/config").json())
    asked = StudySpec.model_validate(client.get("/v1/studies/nulls1").json()["spec"])
    for place, meant in (("best-yaml", answer), ("spec-yaml", asked)):
        (shown,) = re.findall(rf'<pre id="{place}"[^>]*>(.*?)</pre>', text, re.DOTALL)
        assert StudySpec.model_validate(read_yaml(html.unescape(shown))) == meant, place


@pytest.mark.parametrize(
    "query", ["?from=nothing", "?from=source1&trial=77", "?dataset=nothing", "?from=../x"]
)
def test_what_is_not_there_is_a_page_that_says_so(client: TestClient, query: str) -> None:
    response = client.get(f"/studies/new{query}")
    assert response.status_code in (400, 404, 422)
    assert "<h1>" in response.text and "All studies" in response.text


@pytest.mark.parametrize(
    ("name", "taken", "copy"),
    [
        ("a", set(), "a copy"),
        ("a", {"a copy"}, "a copy 2"),
        ("a copy", {"a copy"}, "a copy 2"),
        ("a copy 2", {"a copy", "a copy 2"}, "a copy 3"),
        ("b" * 120, set(), "b" * 110 + " copy"),
    ],
)
def test_copies_are_numbered(name: str, taken: set[str], copy: str) -> None:
    assert copy_name(name, taken) == copy


def test_no_study_can_be_called_new(client: TestClient) -> None:
    """Ids are 26 characters that begin with the time: `new` is none, though it reads like one."""
    from service.api.identifiers import new_study_id

    assert re.fullmatch(STUDY_ID, "new")
    assert len(new_study_id()) == 26
    assert 'data-page="new-study"' in client.get("/studies/new").text


def test_a_draft_is_answered_with_what_the_api_says(client: TestClient) -> None:
    text = "name: a\ndataset: {name: digits}\nfamily: vae\n"
    answer = check(client, text)
    preview = client.post("/v1/studies:validate", content=text, headers=YAML).json()
    assert answer["preview"] == preview and answer["problem"] is None
    assert answer["data"]["kind"] == "image" and answer["data"]["samples"] == 1797


def test_a_draft_with_errors_still_says_what_its_data_are(client: TestClient) -> None:
    text = (
        "name: a\ndataset: {name: wine}\nfamily: zebra\nbudget: {trials: many}\nsplit: {train: 3.5}"
    )
    answer = check(client, text)
    refused = client.post("/v1/studies:validate", content=text, headers=YAML).json()
    assert answer["preview"] is None and answer["problem"] == refused
    assert answer["data"]["kind"] == "table"
    assert answer["document"]["budget"] == {"trials": "many"}


@pytest.mark.parametrize("text", ["a: [", "a: &x 1", "", "a: 1\na: 2", "\x00"])
def test_what_is_no_yaml_is_said_and_has_no_document(client: TestClient, text: str) -> None:
    answer = check(client, text)
    assert answer["document"] is None
    assert answer["problem"]["errors"][0]["reason"]


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "dataset: 3", "dataset: {kind: csv}"])
def test_what_is_no_study_is_answered(client: TestClient, text: str) -> None:
    answer = check(client, text)
    assert answer["document"] is not None and answer["data"] is None
    assert answer["problem"]["errors"]


def test_the_default_search_is_told_whatever_else_is_wrong(client: TestClient) -> None:
    grid = "dataset: {name: digits}\nfamily: vae\nsampler: {type: grid}\n"
    answer = check(client, grid)
    assert answer["problem"]["errors"] and answer["preview"] is None
    sound = check(client, "name: a\ndataset: {name: digits}\nfamily: vae\n")
    assert answer["search"] == sound["search"] == sound["preview"]["resolved"]["space"]
    assert check(client, f"{grid}space: {{latent_dim: 3}}\n")["search"] is None
    assert check(client, "family: vae\n")["search"] is None


def test_numbers_of_a_draft_come_back_as_they_were_written(client: TestClient) -> None:
    text = "name: a\nseed: 9007199254740993\nspace: {x: 10.0}\n"
    response = client.post("/studies/new/check", content=text, headers=YAML)
    assert '"seed":9007199254740993' in response.text and '"x":10.0' in response.text


def test_another_origin_may_not_ask(client: TestClient) -> None:
    headers = {**YAML, "Origin": "http://elsewhere.example"}
    assert client.post("/studies/new/check", content="a: 1", headers=headers).status_code == 403


def test_the_form_has_schema_catalog_and_data_sets(client: TestClient) -> None:
    form = client.get("/studies/new/form").json()
    assert form["catalog"] == client.get("/v1/catalog").json()
    assert set(form["schema"]["properties"]) == set(StudySpec.model_fields)
    assert "digits" in [each["id"] for each in form["datasets"]]


def test_words_are_of_fields_that_there_are() -> None:
    schema = StudySpec.model_json_schema()
    unknown = [pointer for pointer in FIELD_WORDS if not _find(schema, schema, pointer)]
    assert unknown == []


def _find(root: dict[str, Any], schema: dict[str, Any], pointer: str) -> bool:
    name, _, rest = pointer.lstrip("/").partition("/")
    if "$ref" in schema:
        return _find(root, root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], pointer)
    found = schema.get("properties", {}).get(name)
    if found is not None and (not rest or _find(root, found, rest)):
        return True
    members = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    return any(_find(root, member, pointer) for member in members)


def test_what_the_page_begins_with_is_written_so_that_it_reads_the_same(
    client: TestClient,
) -> None:
    document = begun(client, "?from=source1")
    assert read_yaml(write_yaml(document)) == document


def test_pages_lead_to_the_form(client: TestClient) -> None:
    assert 'href="/studies/new?from=source1"' in client.get("/studies/source1").text
    trial = client.get("/studies/source1/trials/2").text
    assert 'href="/studies/new?from=source1&amp;trial=2"' in trial
    assert 'href="/studies/new?dataset=digits"' in client.get("/datasets/digits").text
    assert client.get("/").text.count('href="/studies/new"') == 2


def test_without_scripts_the_page_says_how_to_send_the_text(client: TestClient) -> None:
    text = client.get("/studies/new").text
    assert "curl -H" in text and "http://127.0.0.1/v1/studies:validate" in text
