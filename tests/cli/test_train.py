"""`hifitune train`: the same numbers as a study's trial, files to keep, and a clean end."""

import csv
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from service.api.yaml_text import write_yaml
from service.cli import app
from service.client import Client
from service.commands.exits import Exit
from service.commands.listening import listen
from service.commands.server import Service
from service.domain.records import Trial
from service.domain.states import StudyState, TrialState
from service.executors.in_process import InProcessExecutor
from service.settings import Settings
from service.storage.database import Database
from service.storage.migration import migrate
from service.storage.trials import TrialRepository
from tests.cli.processes import COMMAND, hifitune, lines_of_json
from tests.engine.harness import SMALL, House

VAE: dict[str, Any] = SMALL | {
    "name": "small vae",
    "family": "vae",
    "space": SMALL["space"] | {"beta": {"type": "float", "low": 0.1, "high": 2.0, "log": True}},
    "objective": {"metric": "elbo", "direction": "maximize"},
    "budget": {"trials": 8},
    "selection": {"top_k": 0},
}
AUTOENCODER: dict[str, Any] = SMALL | {"budget": {"trials": 8}, "selection": {"top_k": 0}}
FIXED: dict[str, Any] = {
    "name": "one config",
    "dataset": {"name": "digits"},
    "family": "vae",
    "space": {"learning_rate": 0.003, "hidden_width": 16, "latent_dim": 4},
    "training": {"epochs": 4},
}


@dataclass(frozen=True)
class Tuned:
    """A server over studies that an engine has driven to their ends."""

    url: str
    database: Database

    def checkpoint(self, trial: Trial) -> str:
        """The SHA-256 of a trial's checkpoint."""
        with self.database.read() as session:
            files = TrialRepository(session).artifacts(trial.study_id, trial.number)
        return next(file.sha256 for file in files if file.kind == "checkpoint")


@pytest.fixture(autouse=True)
def floats_as_before() -> Iterator[None]:
    """Trainings in this process set its floats as a worker's; that ends with the test."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuned]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("tuned"), port=0)
    migrate(settings.database_url)
    database = Database(settings.database_url)
    house = House(settings.data_dir, database)
    for study_id, spec in (("vae", VAE), ("autoencoder", AUTOENCODER)):
        house.submit(study_id, spec)
        assert house.run(study_id, InProcessExecutor(1)).state is StudyState.COMPLETE
    with Service(settings, listen(settings.host, 0), with_engine=False) as service:
        yield Tuned(service.url, database)
    database.close()


def train(*arguments: object, stdin: str | None = None) -> Result:
    """The command in this process."""
    return CliRunner().invoke(
        app,
        ["train", *map(str, arguments)],
        input=stdin,
        env={"NO_COLOR": "1", "COLUMNS": "120"},
        catch_exceptions=False,
    )


def written(path: Path, **changes: Any) -> Path:
    path.write_text(write_yaml(FIXED | changes))
    return path


def result_in(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "result.json").read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("study_id", ["vae", "autoencoder"])
def test_the_config_of_a_trial_gives_its_value_and_its_weights_again(
    tuned: Tuned, study_id: str, tmp_path: Path
) -> None:
    with Client(tuned.url) as client:
        chosen = client.best(study_id).trial
        (tmp_path / "best.yaml").write_text(client.best_config_yaml(study_id))
        recorded, reports = client.trial(study_id, chosen), client.epochs(study_id, chosen)

    done = train(tmp_path / "best.yaml", "--output", tmp_path / "out")

    assert done.exit_code == 0, done.output
    result = result_in(tmp_path / "out")
    assert (result["value"], result["best_epoch"]) == (recorded.value, recorded.best_epoch)
    assert result["seed"] == recorded.seed
    assert recorded.metrics is not None and recorded.verdict is not None
    assert result["metrics"] == recorded.metrics.model_dump() | {"test": None}
    assert result["verdict"] == recorded.verdict.model_dump()
    weights = (tmp_path / "out" / "model" / "weights.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == tuned.checkpoint(recorded)
    with (tmp_path / "out" / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [report.epoch for report in reports]
    for row, report in zip(rows, reports, strict=True):
        assert float(row["validation_mse"]) == report.validation["mse"]
        assert float(row["train_loss"]) == report.train["loss"]


@pytest.mark.parametrize("study_id", ["vae", "autoencoder"])
def test_any_trial_of_a_study_is_trained_again_and_compared(
    tuned: Tuned, study_id: str, tmp_path: Path
) -> None:
    with Client(tuned.url) as client:
        complete = list(client.trials(study_id, states=["COMPLETE"]))
        best = client.best(study_id).trial
    other = next(trial for trial in complete if trial.number != best)
    for name, more in (("other", ["--trial", other.number]), ("best", [])):
        done = train("--study", study_id, *more, "--url", tuned.url, "--output", tmp_path / name)
        assert done.exit_code == 0, done.output
        recorded = result_in(tmp_path / name)["recorded"]
        assert (recorded["identical"], recorded["same_data"]) == (True, True)
        assert "identical" in done.stdout
    trial = result_in(tmp_path / "other")["recorded"]["trial"]
    assert trial == other.number
    weights = (tmp_path / "other" / "model" / "weights.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == tuned.checkpoint(other)


def test_a_pruned_trial_can_be_trained_to_its_end(tuned: Tuned, tmp_path: Path) -> None:
    with Client(tuned.url) as client:
        pruned = next(client.trials("vae", states=["PRUNED"]))
    options = ("--trial", pruned.number, "--url", tuned.url, "--output", tmp_path)
    done = train("--study", "vae", *options)
    assert done.exit_code == 0, done.output
    result = result_in(tmp_path)
    assert result["seeds"][0]["epochs"] > pruned.epochs
    assert result["seeds"][0]["state"] == TrialState.COMPLETE
    recorded = result["recorded"]
    assert (recorded["identical"], recorded["state"]) == (None, TrialState.PRUNED)
    assert recorded["epochs"] == pruned.epochs
    said = " ".join(done.stdout.split())
    assert f"it was pruned after epoch {pruned.epochs}" in said and "not the same" not in said


def test_fresh_seeds_show_the_spread_and_leave_the_median_model(tmp_path: Path) -> None:
    config = written(tmp_path / "c.yaml")
    one = train(config, "--seeds", 1, "--output", tmp_path / "one")
    done = train(config, "--seeds", 3, "--output", tmp_path / "three")

    assert (one.exit_code, done.exit_code) == (0, 0), done.output
    result, alone = result_in(tmp_path / "three"), result_in(tmp_path / "one")
    values = result["spread"]["values"]
    assert result["spread"]["mean"] == pytest.approx(mean(values))
    assert result["spread"]["sd"] == pytest.approx(stdev(values))
    assert result["value"] == sorted(values)[1]
    # A trial is the same alone or in company (rule R3).
    assert alone["value"] == values[0]
    assert len({seed["seed"] for seed in result["seeds"]}) == 3
    assert json.loads((tmp_path / "three" / "model" / "config.json").read_text())["seed"] == next(
        seed["seed"] for seed in result["seeds"] if seed["value"] == result["value"]
    )
    assert "sd " in done.stdout
    assert result["test_interval"] is None and result["metrics"]["test"] is None


def test_what_is_left_can_be_taken_away(tmp_path: Path) -> None:
    done = train(written(tmp_path / "c.yaml"), "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "cache", "curves.csv", "curves.html", "model", "result.json",
    }  # fmt: skip
    code = (
        "import numpy as np; from model import load; model = load('.');"
        "print(*model.reconstruct(np.full((2, 8, 8), 7.0)).shape)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "out" / "model",
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == ["2", "8", "8"]


def test_the_curves_are_a_page_that_needs_no_network(tmp_path: Path) -> None:
    done = train(written(tmp_path / "c.yaml"), "--seeds", 2, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "curves.html").read_text()
    assert "Plotly.newPlot" in page
    assert page.count("<script") == page.count("</script>")
    assert "<script src" not in page and "<link" not in page
    for name in ("learning_curves", "trial_curves", "loss_terms", "training_signals"):
        assert f'id="{name}"' in page


def test_the_test_part_is_scored_only_when_asked_for(tmp_path: Path) -> None:
    config = written(tmp_path / "c.yaml")
    done = train(config, "--test", "--output", tmp_path / "out")
    result = result_in(tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert result["metrics"]["test"]["mse"] > 0
    assert result["baselines"]["mean"]["test"] > 0
    assert result["baselines"]["pca"]["test_clipped"] > 0
    assert "not counted" in done.stdout and "not counted" in result["test_note"]


def test_the_sealed_part_stays_sealed(tmp_path: Path) -> None:
    done = train(written(tmp_path / "c.yaml"), "--output", tmp_path / "out", "--json")
    result = result_in(tmp_path / "out")
    assert result["baselines"]["mean"]["test"] is None
    assert result["baselines"]["pca"]["test"] is None
    assert "sealed" in result["test_note"]
    assert lines_of_json(done.stdout)[-1]["metrics"]["test"] is None


def test_a_task_has_doing_nothing_beside_it(tmp_path: Path) -> None:
    task = {"kind": "denoise", "noise": "gaussian", "level": 0.3}
    config = written(tmp_path / "c.yaml", task=task, family="denoising_autoencoder")
    done = train(config, "--test", "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    beside = result_in(tmp_path / "out")["baselines"]["task"]
    assert beside["name"] == "the noisy input"
    assert beside["validation"]["mse"] > 0 and beside["test"]["mse"] > 0
    assert "the noisy input" in done.stdout


def test_lines_of_json_say_how_far_it_is(tmp_path: Path) -> None:
    spec = json.dumps(FIXED)
    done = train("-", "--json", "--epochs", 3, "--output", tmp_path / "out", stdin=spec)
    assert done.exit_code == 0, done.output
    lines = lines_of_json(done.stdout)
    assert [line["event"] for line in lines] == ["data", "epoch", "epoch", "epoch", "end", "result"]
    assert [line["epoch"] for line in lines[1:4]] == [1, 2, 3]
    assert lines[-1]["value"] == lines[-2]["value"] == result_in(tmp_path / "out")["value"]
    assert lines[-1]["spec"]["training"]["epochs"] == 3


def test_the_data_go_into_a_service_s_store_when_it_is_named(tmp_path: Path) -> None:
    options = ("--data-dir", tmp_path / "home", "--output", tmp_path / "out")
    done = train(written(tmp_path / "c.yaml"), *options)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "home" / "data" / result_in(tmp_path / "out")["data_hash"]).is_dir()
    assert not (tmp_path / "out" / "cache").exists()


def test_an_earlier_result_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    config = written(tmp_path / "c.yaml")
    assert train(config, "--output", tmp_path / "out").exit_code == 0
    again = train(config, "--output", tmp_path / "out")
    assert again.exit_code == Exit.USAGE
    assert "--force" in again.stderr
    assert train(config, "--output", tmp_path / "out", "--force").exit_code == 0


def test_an_interrupt_ends_it_with_what_there_is(tmp_path: Path) -> None:
    config = written(tmp_path / "c.yaml", training={"epochs": 5000, "early_stopping": None})
    with subprocess.Popen(
        [*COMMAND, "train", str(config), "--json", "--output", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        epochs = 0
        for line in process.stdout:
            epochs += json.loads(line)["event"] == "epoch"
            if epochs == 3:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
        said = process.stderr.read()
    assert process.returncode == Exit.INTERRUPTED
    assert "Traceback" not in said
    result = result_in(tmp_path / "out")
    assert result["interrupted"] is True
    assert result["seeds"][0]["state"] == TrialState.STOPPED
    assert json.loads(rest.splitlines()[-1])["event"] == "result"
    assert (tmp_path / "out" / "model" / "weights.safetensors").exists()
    with (tmp_path / "out" / "curves.csv").open() as file:
        assert 3 <= len(list(csv.DictReader(file))) < 5000
    assert [path.name for path in (tmp_path / "out" / "cache").iterdir()] == ["data"]


def test_a_training_that_diverges_fails_and_says_so(tmp_path: Path) -> None:
    wild = FIXED["space"] | {"learning_rate": 1.0, "optimizer": "sgd", "depth": 3}
    changes = {"family": "autoencoder", "scaling": "none", "space": wild | {"activation": "relu"}}
    config = written(tmp_path / "c.yaml", **changes)
    done = train(config, "--output", tmp_path / "out")
    assert done.exit_code == Exit.STUDY_FAILED, done.output
    assert result_in(tmp_path / "out")["seeds"][0]["state"] == TrialState.DIVERGED
    assert not (tmp_path / "out" / "model").exists()
    assert "learning rate" in done.stderr


SEARCHED = {"type": "float", "low": 0.001, "high": 0.1, "log": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"family": "vaee"}, "did you mean vae"),
        ({"family": {"choices": ["vae", "autoencoder"]}}, "family"),
        ({"space": {**FIXED["space"], "learning_rate": SEARCHED}}, "learning_rate: not fixed"),
        ({"space": {}}, "not fixed"),
        ({"dataset": {"kind": "npz", "path": "/etc/data.npz"}}, "--data-root"),
        ({"dataset": {"id": "ds-0"}}, "--data-dir"),
        ({"dataset": {"name": "digitz"}}, "digits"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    done = train(
        written(tmp_path / "c.yaml", **changes), "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == Exit.REFUSED, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("name: [x\n", Exit.REFUSED, "not YAML"),
        ("", Exit.REFUSED, "empty"),
        ("- 1\n", Exit.REFUSED, "an object"),
        ("name: \xff", Exit.REFUSED, "not UTF-8"),
        (None, Exit.USAGE, "there is no file"),
    ],
)
def test_a_file_that_is_no_config_is_refused(
    text: str | None, code: Exit, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    done = train(path, "--output", tmp_path / "out")
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], Exit.USAGE),
        (["c.yaml", "--study", "x"], Exit.USAGE),
        (["c.yaml", "--trial", "1"], Exit.USAGE),
        (["--study", "unknown"], Exit.NOT_FOUND),
        (["--study", "vae", "--trial", "999"], Exit.NOT_FOUND),
        (["c.yaml", "--seeds", "0"], Exit.USAGE),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    tuned: Tuned, arguments: list[str], code: Exit
) -> None:
    done = train(*arguments, "--url", tuned.url)
    assert done.exit_code == code, done.output


def test_without_a_server_the_address_is_named() -> None:
    done = hifitune("train", "--study", "x", "--url", "http://127.0.0.1:9")
    assert done.returncode == Exit.NOT_REACHABLE
    assert "Traceback" not in done.stderr
