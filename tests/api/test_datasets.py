"""Data sets over HTTP: uploaded once, looked at, trained on, deleted when nothing needs them."""

import base64
import hashlib
import sqlite3
from typing import Any

import httpx
import pytest

from service.domain.states import StudyState
from service.storage.datasets import DatasetRepository
from service.storage.leases import LeaseRepository
from service.storage.studies import StudyRepository
from tests.api.upload_house import UploadHouse, folder_of, npy, spec_of, uploads

__all__ = ["uploads"]


@pytest.fixture(scope="module")
def faces(uploads: UploadHouse) -> dict[str, Any]:
    """An upload that stays."""
    answer = uploads.send(npy(1), "faces")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_upload_is_a_record_with_a_place_of_its_own(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    assert faces["sha256"] == hashlib.sha256(npy(1)).hexdigest()
    assert faces["header"]["samples"] == 40
    assert (folder_of(uploads, faces) / "content").read_bytes() == npy(1)


def test_equal_content_is_one_data_set_however_it_is_sent(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    again = uploads.send(npy(1), "another name", method="PUT")
    assert again.status_code == 200
    assert again.json() == faces
    assert again.headers["location"] == f"/v1/datasets/{faces['id']}"


def test_a_stream_of_unknown_length_is_taken_too(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    whole = npy(1)
    pieces = (whole[start : start + 100] for start in range(0, len(whole), 100))
    assert uploads.send(pieces, "in pieces").json() == faces


def test_other_options_make_another_data_set(uploads: UploadHouse) -> None:
    lines = "".join(f"{number} and {number + 1}\n" for number in range(20)).encode()
    first = uploads.send(lines, "plain", kind="text", options='{"level": "char"}')
    other = uploads.send(lines, "plain", kind="text", options='{"level": "word"}')
    assert (first.status_code, other.status_code) == (201, 201), first.text + other.text
    assert first.json()["id"] != other.json()["id"]


def test_copies_that_cannot_be_kept_together_are_left_to_the_study(uploads: UploadHouse) -> None:
    answer = uploads.send(b"again\n" * 40, "copies.txt")
    assert answer.status_code == 201, answer.text
    found = uploads.http.get(f"/v1/datasets/{answer.json()['id']}").json()
    assert found["divisions"][0]["audit"]["duplicates"] == "keep"


def test_the_list_has_the_built_in_ones_first_and_then_the_newest(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    newest = uploads.send(npy(2), "newest").json()
    found = uploads.http.get("/v1/datasets").json()["items"]
    origins = [entry["origin"] for entry in found]
    assert origins == sorted(origins, key=["built-in", "upload", "store"].index)
    own = [entry["id"] for entry in found if entry["origin"] == "upload"]
    assert own.index(newest["id"]) < own.index(faces["id"])


def test_pages_join_without_gap_or_double(uploads: UploadHouse, faces: dict[str, Any]) -> None:
    uploads.send(npy(3), "one more")
    whole = uploads.http.get("/v1/datasets", params={"origin": "upload"}).json()["items"]
    found, token = [], None
    for _ in whole:
        params = {"origin": "upload", "page_size": "1"} | ({"page_token": token} if token else {})
        page = uploads.http.get("/v1/datasets", params=params).json()
        found += page["items"]
        token = page["next_page_token"]
    assert found == whole
    assert token is None


def test_a_data_set_says_what_it_holds_and_shows_some(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    found = uploads.http.get(f"/v1/datasets/{faces['id']}").json()
    assert found["use"] == {"id": faces["id"]}
    assert (found["entry"]["kind"], found["entry"]["shape"]) == ("image", [6, 5])
    assert len(found["preview"]["images"]) == 16
    assert base64.b64decode(found["preview"]["images"][0]).startswith(b"\x89PNG")
    division = found["divisions"][0]
    assert (division["train"], division["validation"], division["test"]) == (28, 6, 6)
    assert division["baselines"]["mean_validation"] > 0


def test_no_figure_of_the_test_part_is_shown_before_a_study_is_complete(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    division = uploads.http.get(f"/v1/datasets/{faces['id']}").json()["divisions"][0]
    assert division["baselines"]["mean_test"] is None
    assert {entry["test"] for entry in division["baselines"]["pca"]} == {None}


def test_a_built_in_data_set_is_looked_into_when_it_is_asked_for(uploads: UploadHouse) -> None:
    found = uploads.http.get("/v1/datasets/digits").json()
    assert found["use"] == {"name": "digits"}
    assert len(found["preview"]["images"]) == 16
    assert found["divisions"][0]["train"] == 1258


def test_the_adviser_says_which_losses_fit_a_data_set(uploads: UploadHouse) -> None:
    found = uploads.http.get("/v1/datasets/digits").json()
    facts = found["divisions"][0]["value_facts"]
    assert facts["integer"]
    assert facts["low"] == 0
    assert 0.4 < facts["share_zero"] < 0.6
    advice = {each["loss"]: each for each in found["advice"]}
    assert advice["continuous_bernoulli"]["fit"] == advice["mse"]["fit"] == "good"
    assert f"{facts['entropy']:.4g} nats" in advice["bce"]["reason"]
    assert "Which training loss" in uploads.http.get("/datasets/digits").text


def test_a_built_in_data_set_cannot_be_deleted(uploads: UploadHouse) -> None:
    assert uploads.http.delete("/v1/datasets/digits").status_code == 409


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_data_set_is_a_404(uploads: UploadHouse, method: str) -> None:
    assert uploads.http.request(method, "/v1/datasets/ds-nothing").status_code == 404


def test_a_study_of_an_upload_that_is_not_there_says_which_field(uploads: UploadHouse) -> None:
    answer = uploads.http.post("/v1/studies", json=spec_of({"id": "ds-nothing"}))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/dataset/id"


def test_a_study_of_an_upload_cannot_take_its_parts_from_paths(
    uploads: UploadHouse, faces: dict[str, Any]
) -> None:
    split = {"train": "a.npy", "validation": "b.npy", "test": "c.npy"}
    answer = uploads.http.post("/v1/studies", json=spec_of({"id": faces["id"]}, split=split))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/split"


def submit(house: UploadHouse, dataset_id: str) -> str:
    answer = house.http.post("/v1/studies", json=spec_of({"id": dataset_id}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def adopt(house: UploadHouse, study_id: str, data_hash: str) -> int:
    """What the engine does when the data are in the store; the fence."""
    with house.database.transaction() as session:
        leases = LeaseRepository(session).acquire_any("engine", 600, 100)
        fence = next(lease.fence for lease in leases if lease.study_id == study_id)
        StudyRepository(session).transition(study_id, StudyState.RUNNING, fence)
        StudyRepository(session).set_data(study_id, fence, data_hash)
    return fence


def finish(house: UploadHouse, study_id: str, fence: int) -> None:
    with house.database.transaction() as session:
        StudyRepository(session).transition(study_id, StudyState.STOPPED, fence)


def test_a_data_set_in_use_is_not_deleted(uploads: UploadHouse) -> None:
    upload = uploads.send(npy(5), "in use").json()
    study = submit(uploads, upload["id"])
    refused = uploads.http.delete(f"/v1/datasets/{upload['id']}")
    assert refused.status_code == 409
    assert (folder_of(uploads, upload) / "content").is_file()
    uploads.http.post(f"/v1/studies/{study}:stop")
    assert uploads.http.delete(f"/v1/datasets/{upload['id']}").status_code == 204


def test_a_data_set_that_nothing_refers_to_leaves_nothing(uploads: UploadHouse) -> None:
    before = uploads.kept()
    upload = uploads.send(npy(6), "short-lived").json()
    assert uploads.kept() == before | {upload["id"], upload["data_hash"]}
    assert uploads.http.delete(f"/v1/datasets/{upload['id']}").status_code == 204
    assert uploads.kept() == before
    assert uploads.http.get(f"/v1/datasets/{upload['id']}").status_code == 404


def test_the_store_keeps_what_a_finished_study_trained_on_until_it_is_deleted(
    uploads: UploadHouse,
) -> None:
    before = uploads.kept()
    upload = uploads.send(npy(7), "used").json()
    study = submit(uploads, upload["id"])
    finish(uploads, study, adopt(uploads, study, upload["data_hash"]))
    assert uploads.http.delete(f"/v1/datasets/{upload['id']}").status_code == 204
    assert uploads.kept() == before | {upload["data_hash"]}
    assert uploads.http.delete(f"/v1/studies/{study}").status_code == 204
    assert uploads.kept() == before


def test_the_count_of_test_openings_outlives_the_files(uploads: UploadHouse) -> None:
    upload = uploads.send(npy(8), "opened").json()
    with uploads.database.transaction() as session:
        DatasetRepository(session).add_opening(upload["data_hash"])
    uploads.http.delete(f"/v1/datasets/{upload['id']}")
    again = uploads.send(npy(8), "back").json()
    division = uploads.http.get(f"/v1/datasets/{again['id']}").json()["divisions"][0]
    assert division["test_openings"] == 1


def test_a_data_set_names_the_studies_that_used_it(uploads: UploadHouse) -> None:
    upload = uploads.send(npy(9), "popular").json()
    study = submit(uploads, upload["id"])
    found = uploads.http.get(f"/v1/datasets/{upload['id']}").json()
    assert [entry["id"] for entry in found["studies"]] == [study]
    assert found["entry"]["studies"] == 1


def test_what_a_study_read_from_a_path_is_listed_by_its_path(uploads: UploadHouse) -> None:
    upload = uploads.send(npy(10), "elsewhere").json()
    study = submit(uploads, upload["id"])
    adopt(uploads, study, upload["data_hash"])
    with sqlite3.connect(uploads.settings.data_dir / "hifitune.sqlite3") as database:
        database.execute(
            "UPDATE studies SET dataset_id = NULL, spec = "
            'json_set(spec, \'$.dataset\', json(\'{"kind": "npz", "path": "x/y.npy"}\')) '
            "WHERE id = ?",
            (study,),
        )
    found = uploads.http.get("/v1/datasets", params={"origin": "store"}).json()["items"]
    assert [(entry["id"], entry["name"]) for entry in found] == [(upload["data_hash"], "x/y.npy")]
    detail = uploads.http.get(f"/v1/datasets/{upload['data_hash']}").json()
    assert detail["use"] is None
    assert uploads.http.delete(f"/v1/datasets/{upload['data_hash']}").status_code == 409
    assert len(detail["preview"]["images"]) == 16


def test_the_answer_has_the_documented_shape(uploads: UploadHouse) -> None:
    import jsonschema

    document = httpx.get(f"{uploads.url}/openapi.json", trust_env=False).json()
    for path, route in (
        ("/v1/datasets", "/v1/datasets"),
        ("/v1/datasets/digits", "/v1/datasets/{dataset_id}"),
    ):
        content = document["paths"][route]["get"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        answer = uploads.http.get(path).json()
        jsonschema.validate(answer, {**schema, "components": document["components"]})
