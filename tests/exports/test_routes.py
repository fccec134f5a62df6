"""GET /v1/studies/{id}/export: every format, read back by the tools that it is for."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import optuna
import pyarrow as pa
import pytest
from pyarrow import parquet

from service.domain.records import EpochReport, Study, Trial
from service.domain.states import TrialState
from service.storage.trials import TrialRepository
from tests.api.house import House, Seed
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study

OFF: dict[str, Any] = {"selection": {"top_k": 0}}
TWO = [{"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 10}]}, {"metric": "kl"}]


@pytest.fixture
def study_id(seed: Seed) -> str:
    return seed(count=24, spec=make_spec(trials=24, **OFF)).study_id


@pytest.fixture
def export(http: httpx.Client) -> Callable[[str, str], httpx.Response]:
    def get(study_id: str, form: str) -> httpx.Response:
        answer = http.get(f"/v1/studies/{study_id}/export", params={"format": form})
        assert answer.status_code == 200, answer.text
        return answer

    return get


def records(house: House, study_id: str) -> list[Trial]:
    with house.database.read() as session:
        return TrialRepository(session).all(study_id)


Export = Callable[[str, str], httpx.Response]


@pytest.mark.parametrize(
    ("form", "media_type", "name"),
    [
        ("csv", "text/csv; charset=utf-8; header=present", "digits-vae-trials.csv"),
        ("parquet", "application/vnd.apache.parquet", "digits-vae-trials.parquet"),
        ("json", "application/json", "digits-vae.json"),
        ("optuna", "application/vnd.sqlite3", "digits-vae.optuna.db"),
    ],
)
def test_a_file_is_a_download_that_no_cache_keeps(
    export: Export, study_id: str, form: str, media_type: str, name: str
) -> None:
    answer = export(study_id, form)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content) > 0


def test_csv_has_every_trial(house: House, export: Export, study_id: str) -> None:
    text = export(study_id, "csv").content.decode()
    assert text.count("\r\n") == text.count("\n") == 25
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for trial, row in zip(records(house, study_id), rows, strict=True):
        assert row["number"] == str(trial.number)
        assert row["state"] == trial.state.value
        assert row["seed"] == str(trial.seed)
        assert row["value"] == ("" if trial.value is None else repr(trial.value))
        assert row["objective.mse"] == row["value"]
        assert row["param.activation"] == trial.params["activation"]
        assert float(row["param.learning_rate"]) == trial.params["learning_rate"]
        assert row["verdict"] == (trial.verdict.kind if trial.verdict else "")
        metrics = trial.metrics
        assert row["train.mse"] == ("" if metrics is None else repr(metrics.train["mse"]))
        assert row["validation.kl"] == ("" if metrics is None else repr(metrics.validation["kl"]))
        parameters = (trial.complexity or {}).get("parameters")
        assert row["complexity.parameters"] == ("" if parameters is None else repr(parameters))


def test_parquet_has_the_same_table_in_types(house: House, export: Export, study_id: str) -> None:
    table = parquet.read_table(pa.BufferReader(export(study_id, "parquet").content))
    header = next(csv.reader(io.StringIO(export(study_id, "csv").text)))
    assert table.column_names == header
    types = {field.name: field.type for field in table.schema}
    assert types["number"] == pa.int64()
    assert types["param.hidden_width"] == pa.int64()
    assert types["param.dropout"] == pa.float64()
    assert types["state"] == pa.string()
    assert types["finished_at"] == pa.timestamp("us", tz="UTC")
    for trial, row in zip(records(house, study_id), table.to_pylist(), strict=True):
        assert (row["number"], row["state"], row["value"]) == (
            trial.number, trial.state.value, trial.value
        )  # fmt: skip
        assert row["finished_at"] == trial.finished_at
        assert row["param.hidden_width"] == trial.params["hidden_width"]
        assert row["failure.kind"] == (trial.failure.kind if trial.failure else None)
    assert json.loads(table.schema.metadata[b"hifitune.resolved"])["name"] == "digits-vae"


def test_json_holds_everything(house: House, export: Export, study_id: str) -> None:
    dump = export(study_id, "json").json()
    assert (dump["format"], dump["version"]) == ("hifitune.study", 1)
    study = Study.model_validate_json(json.dumps(dump["study"]))
    assert study.id == study_id
    assert study.resolved.rungs == [3, 9]
    assert dump["revisions"] == []
    assert dump["decisions"] == []
    trials = records(house, study_id)
    assert [cohort["trials"] for cohort in dump["cohorts"]] == [
        list(range(8)), list(range(8, 16)), list(range(16, 24))
    ]  # fmt: skip
    assert {"cohort", "index", "signature", "trials"} <= dump["arrays"][0].keys()
    assert "state_path" not in dump["arrays"][0]
    for trial, found in zip(trials, dump["trials"], strict=True):
        more = {name: found.pop(name) for name in ("values", "reports", "artifacts")}
        assert Trial.model_validate_json(json.dumps(found | {"study_id": study_id})) == trial
        with house.database.read() as session:
            reports = TrialRepository(session).epochs(study_id, trial.number)
        assert [EpochReport.model_validate(report) for report in more["reports"]] == reports
        assert more["artifacts"] == []
        assert more["values"].keys() == {"mse"}


def test_several_objectives_have_a_column_each(house: House, seed: Seed, export: Export) -> None:
    study_id = seed(count=24, spec=make_spec(trials=24, objective=TWO, **OFF)).study_id
    rows = list(csv.DictReader(io.StringIO(export(study_id, "csv").text)))
    for trial, row in zip(records(house, study_id), rows, strict=True):
        if trial.state is TrialState.COMPLETE:
            assert trial.metrics is not None
            assert row["objective.mse"] == repr(trial.metrics.validation["mse"])
            assert row["objective.kl"] == repr(trial.metrics.validation["kl"])
            assert row["feasible"] == ("true" if trial.feasible else "false")


@pytest.mark.parametrize("form", ["csv", "parquet", "json", "optuna"])
def test_a_study_that_runs_or_has_not_begun_is_exported_too(
    seed: Seed, export: Export, form: str
) -> None:
    running = seed(count=3, running=2, spec=make_spec(trials=9, **OFF)).study_id
    waiting = seed(count=0, spec=make_spec(trials=9, **OFF)).study_id
    assert export(running, form).content
    assert export(waiting, form).content


def test_columns_do_not_depend_on_which_trials_there_are(seed: Seed, export: Export) -> None:
    few, many = (
        next(csv.reader(io.StringIO(export(study_id, "csv").text)))
        for study_id in (
            seed(count=1, running=1, spec=make_spec(trials=9, **OFF)).study_id,
            seed(count=24, spec=make_spec(trials=24, **OFF)).study_id,
        )
    )
    assert few == many


def test_a_text_that_would_be_a_formula_is_guarded(house: House, export: Export) -> None:
    synthetic = make_study(
        count=1,
        study_id="formula",
        spec=make_spec(trials=1, name="a = b".replace(" = ", "-"), **OFF),
    )
    choices = {"type": "categorical", "choices": ["=cmd|' /C calc'!A0", "x"]}
    space = {**synthetic.study.resolved.space, "activation": choices}
    resolved = type(synthetic.study.resolved).model_validate(
        {**synthetic.study.resolved.model_dump(), "space": space}
    )
    synthetic.study = synthetic.study.model_copy(update={"resolved": resolved})
    params = {**synthetic.trials[0].params, "activation": "=cmd|' /C calc'!A0"}
    synthetic.trials[0] = synthetic.trials[0].model_copy(update={"params": params})
    seed_study(house.database, synthetic)
    (row,) = csv.DictReader(io.StringIO(export("formula", "csv").text))
    assert row["param.activation"] == "'=cmd|' /C calc'!A0"


def test_the_optuna_file_opens(export: Export, study_id: str, tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(export(study_id, "optuna").content)
    loaded = optuna.load_study(study_name="digits-vae", storage=f"sqlite:///{file}")
    assert len(loaded.trials) == 24


def test_nothing_is_left_on_disk(house: House, export: Export, study_id: str) -> None:
    export(study_id, "optuna")
    export(study_id, "parquet")
    folder = house.settings.data_dir / "exports"
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_what_cannot_be_exported_is_said(http: httpx.Client, study_id: str) -> None:
    unknown = http.get("/v1/studies/nobody/export?format=csv")
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    wrong = http.get(f"/v1/studies/{study_id}/export?format=xlsx")
    assert wrong.status_code == 400
    assert "format" in wrong.text
    assert "parquet" in wrong.text


def test_the_page_of_a_study_has_the_links(http: httpx.Client, study_id: str) -> None:
    page = http.get(f"/studies/{study_id}").text
    for form in ("csv", "parquet", "json", "optuna"):
        assert f'href="/v1/studies/{study_id}/export?format={form}" download' in page
