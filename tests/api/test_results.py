"""The answer of a study: best, config, checkpoint, model."""

import io
import json
import zipfile
from typing import IO, Any

import httpx
import pytest
import yaml

from service.api import results
from service.domain.datasets import UploadedDataset
from service.domain.division import division_of
from service.domain.records import Artifact, Dataset
from service.domain.states import StudyState
from service.storage.datasets import DatasetRepository
from service.storage.uploads import UploadRepository
from tests.api.house import House, Seed
from tests.dashboards.seeding import Seeded
from tests.dashboards.synthetic import DATA_HASH, make_dataset
from tests.storage.test_uploads import make_upload

WEIGHTS = b"not really safetensors"


def _complete(house: House, seeded: Seeded, test: dict[str, float]) -> None:
    """What the engine does at the end: unseal, score, write down."""
    baselines = make_dataset().baselines
    pca = baselines.pca[0].model_copy(update={"test": 0.0125, "test_clipped": 0.0123})
    unsealed = baselines.model_copy(update={"mean_test": 0.0731, "pca": [pca]})
    with house.database.transaction() as session:
        datasets = DatasetRepository(session)
        found = datasets.get(DATA_HASH)
        assert isinstance(found, Dataset)
        datasets.put(found.model_copy(update={"baselines": unsealed}))
    seeded.transition(StudyState.SELECTING)
    summary = {"trial": _best(house, seeded), "test": test, "test_openings": 1}
    seeded.transition(StudyState.COMPLETE, summary=summary)


def _best(house: House, seeded: Seeded) -> int:
    with httpx.Client(base_url=house.url, trust_env=False) as client:
        number = client.get(f"/v1/studies/{seeded.study_id}").json()["best"]["trial"]
    assert isinstance(number, int)
    return number


@pytest.fixture
def running(seed: Seed) -> Seeded:
    return seed(count=10, running=2, planned=24)


def test_the_best_so_far_has_everything_but_the_test(http: httpx.Client, running: Seeded) -> None:
    study = http.get(f"/v1/studies/{running.study_id}").json()
    best = http.get(f"/v1/studies/{running.study_id}/best").json()

    promised = {"trial", "family", "params", "objective", "metrics", "baselines", "seed",
                "versions", "data_hash", "selection", "links"}  # fmt: skip
    assert promised <= best.keys()
    assert best["trial"] == study["best"]["trial"]
    assert best["objective"] == {"metric": "mse", "value": study["best"]["value"]}
    assert best["metrics"]["test"] is None
    assert best["config"].items() >= best["params"].items()
    assert best["config"]["latent_dim"] == 16


def test_no_test_value_leaves_before_the_study_is_complete(
    http: httpx.Client, running: Seeded, house: House, seed: Seed
) -> None:
    _complete(house, seed(count=4, planned=8), {"mse": 0.0111})  # unseals the same data set

    text = http.get(f"/v1/studies/{running.study_id}/best").text

    baselines = json.loads(text)["baselines"]
    assert baselines["mean"]["test"] is None
    assert baselines["pca"]["test"] is None
    assert baselines["pca"]["test_clipped"] is None
    assert baselines["mse_over_pca"]["test"] is None
    assert "0.0731" not in text


def test_a_complete_study_is_compared_with_its_baselines(
    http: httpx.Client, seed: Seed, house: House
) -> None:
    seeded = seed(count=10, planned=12)
    _complete(house, seeded, {"mse": 0.01, "mae": 0.05})

    best = http.get(f"/v1/studies/{seeded.study_id}/best").json()

    assert best["metrics"]["test"] == {"mse": 0.01, "mae": 0.05}
    assert best["baselines"]["mean"]["test"] == 0.0731
    assert best["baselines"]["mse_over_pca"]["test"] == pytest.approx(0.01 / 0.0123)
    assert best["baselines"]["pca_figure"] == {"validation": "clipped", "test": "clipped"}
    assert best["baselines"]["gap_closed"]["test"] == pytest.approx(1 - 0.01 / 0.0731)
    assert best["selection"]["test_openings"] == 1


def test_every_link_of_best_leads_somewhere(
    http: httpx.Client, running: Seeded, house: House
) -> None:
    leave_checkpoint(house, running)
    for link in http.get(f"/v1/studies/{running.study_id}/best").json()["links"].values():
        assert http.get(link).status_code == 200, link


@pytest.mark.parametrize(
    ("accept", "query", "media"),
    [
        ("*/*", "", "application/json"),
        ("application/json", "", "application/json"),
        ("application/yaml", "", "application/yaml"),
        ("application/json;q=0.5, application/yaml", "", "application/yaml"),
        ("text/html", "", "application/json"),
        ("application/json", "?format=yaml", "application/yaml"),
        ("application/yaml", "?format=json", "application/json"),
    ],
)
def test_the_config_comes_in_the_form_that_is_asked_for(
    http: httpx.Client, running: Seeded, accept: str, query: str, media: str
) -> None:
    path = f"/v1/studies/{running.study_id}/best/config{query}"
    answer = http.get(path, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media
    assert yaml.safe_load(answer.text)["family"] == "vae"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_config_can_be_posted_back_and_carries_the_seed(
    http: httpx.Client, running: Seeded, form: str
) -> None:
    best = http.get(f"/v1/studies/{running.study_id}/best").json()
    config = http.get(f"/v1/studies/{running.study_id}/best/config?format={form}")

    answer = http.post(
        "/v1/studies",
        content=config.content,
        headers={"Content-Type": config.headers["content-type"]},
    )

    study = answer.json()
    assert answer.status_code == 201, answer.text
    assert study["spec"]["trial_seed"] == best["seed"]
    assert study["resolved"]["space"] == best["config"]
    assert study["progress"]["trials"] == 1


def test_the_checkpoint_is_the_file_that_the_trial_left(
    http: httpx.Client, running: Seeded, house: House
) -> None:
    sha256 = leave_checkpoint(house, running)
    answer = http.get(f"/v1/studies/{running.study_id}/best/checkpoint")
    assert answer.content == WEIGHTS
    assert answer.headers["etag"] == f'"{sha256}"'
    assert "attachment" in answer.headers["content-disposition"]


def test_the_model_is_a_zip_that_needs_nothing_of_ours(
    http: httpx.Client, running: Seeded, house: House
) -> None:
    leave_checkpoint(house, running)
    best = http.get(f"/v1/studies/{running.study_id}/best").json()

    answer = http.get(f"/v1/studies/{running.study_id}/best/model")

    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {
            "README.md", "config.json", "model.py", "train.py", "weights.safetensors",
        } <= set(archive.namelist())  # fmt: skip
        assert archive.read("weights.safetensors") == WEIGHTS
        config: dict[str, Any] = json.loads(archive.read("config.json"))
        assert "import service" not in archive.read("model.py").decode()
    assert config["config"] == best["config"]
    assert config["seed"] == best["seed"]
    assert config["study"] == "digits-vae"
    assert config["division"]["duplicates"] == "group"
    assert config["division"]["together"] is None


def test_the_groups_of_an_upload_are_those_that_it_was_uploaded_with(house: House) -> None:
    asked = UploadedDataset(id="ds-1", duplicates="drop", limit=50)
    assert results._read_dataset(asked, house.database) == asked
    source = {"kind": "csv", "group_by": "patient"}
    with house.database.transaction() as session:
        DatasetRepository(session).put(make_dataset())
        UploadRepository(session).add(make_upload(source=source, data_hash=DATA_HASH), lambda: None)
    found = results._read_dataset(asked, house.database)
    assert division_of(found) == {
        "duplicates": "drop", "limit": 50, "test_file": False,
        "together": "samples of one group (patient)",
    }  # fmt: skip


def test_a_model_that_cannot_be_packed_leaves_no_open_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets: list[IO[bytes]] = []

    def fail(target: IO[bytes], **_: Any) -> None:
        target.write(b"half a zip")
        targets.append(target)
        raise OSError("No space left on device")

    monkeypatch.setattr(results, "write_model_zip", fail)
    with pytest.raises(OSError, match="No space"):
        results._pack("vae", {}, {}, WEIGHTS, {})

    assert [target.closed for target in targets] == [True]


@pytest.mark.parametrize("part", ["", "/config", "/checkpoint", "/model"])
def test_without_a_best_trial_the_reason_is_given(
    http: httpx.Client, seed: Seed, part: str
) -> None:
    answer = http.get(f"/v1/studies/{seed(count=0, running=1).study_id}/best{part}")
    assert answer.status_code == 409
    assert "no trial has finished yet" in answer.json()["detail"]


def test_a_lost_checkpoint_is_said_so(http: httpx.Client, running: Seeded) -> None:
    answer = http.get(f"/v1/studies/{running.study_id}/best/checkpoint")
    assert answer.status_code == 409
    assert "checkpoint" in answer.json()["detail"]


def leave_checkpoint(house: House, seeded: Seeded, number: int | None = None) -> str:
    """As if a trial (None: the best) had left its checkpoint when it ended."""
    from sqlalchemy import insert, select

    from service.storage.tables import ArtifactRow, TrialRow

    number = _best(house, seeded) if number is None else number
    path = f"studies/{seeded.study_id}/trials/{number}/checkpoint.safetensors"
    sha256, size = house.artifacts.put_bytes(path, WEIGHTS)
    file = Artifact(
        study_id=seeded.study_id, trial=number, kind="checkpoint", path=path, sha256=sha256,
        bytes=size,
    )  # fmt: skip
    with house.database.transaction() as session:
        key = session.scalars(
            select(TrialRow.key).where(
                TrialRow.study_id == seeded.study_id, TrialRow.number == number
            )
        ).one()
        session.execute(
            insert(ArtifactRow).values(
                trial_key=key, **file.model_dump(exclude={"study_id", "trial"})
            )
        )
    return sha256
