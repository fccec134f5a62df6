"""The command line: quick, quiet, and the same for scripts from version to version."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import EPILOG, app
from service.client import Client
from service.commands.exits import Exit
from service.domain.spec import StudySpec
from tests.api.house import House, Seed
from tests.api.test_results import leave_checkpoint
from tests.cli.processes import TINY, hifitune, lines_of_json
from tests.dashboards.synthetic import make_spec

NOWHERE = "http://127.0.0.1:9"


def test_help_is_quick_because_nothing_heavy_is_loaded() -> None:
    script = "import sys, service.cli; print(' '.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {"torch", "optuna", "fastapi", "sqlalchemy", "httpx", "numpy", "uvicorn", "pydantic"}
    assert loaded & heavy == set()


def test_every_exit_code_is_documented() -> None:
    for code in Exit:
        assert f"{code.value} " in EPILOG, code


@pytest.mark.parametrize(
    "command",
    ["serve", "engine", "submit", "watch", "best", "studies", "demo", "migrate", "train", "extend"],
)
def test_every_command_has_help_and_speaks_json(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"], env={"NO_COLOR": "1", "COLUMNS": "120"})
    assert done.exit_code == 0
    assert "--json" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["studies", "--url", NOWHERE], Exit.NOT_REACHABLE),
        (["watch", "x", "--url", NOWHERE], Exit.NOT_REACHABLE),
        (["best", "x", "--url", NOWHERE], Exit.NOT_REACHABLE),
        (["submit", "/no/such/file.yaml"], Exit.USAGE),
        (["fly"], Exit.USAGE),
        (["serve", "--port", "99999"], Exit.USAGE),
        (["migrate", "--database-url", "mysql://x/y"], Exit.USAGE),
    ],
)
def test_failures_have_a_code_and_a_sentence(arguments: list[str], code: Exit) -> None:
    done = hifitune(*arguments)
    assert done.returncode == code
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_failures_are_json_for_machines() -> None:
    done = hifitune("studies", "--url", NOWHERE, "--json")
    (line,) = lines_of_json(done.stdout)
    assert (line["event"], line["code"]) == ("error", Exit.NOT_REACHABLE)


def test_migrate_makes_a_database(tmp_path: Path) -> None:
    done = hifitune("migrate", "--data-dir", str(tmp_path), "--json")
    assert done.returncode == 0
    assert lines_of_json(done.stdout) == [{"event": "migrated"}]
    assert (tmp_path / "hifitune.sqlite3").exists()


def test_studies_are_listed_for_people_and_machines(house: House, seed: Seed) -> None:
    study_id = seed(count=4, planned=9).study_id

    table = hifitune("studies", "--url", house.url, NO_COLOR="1")
    machine = hifitune("studies", "--url", house.url, "--json", "--limit", "1")

    assert study_id in table.stdout
    assert "4/9" in table.stdout
    assert "\x1b" not in table.stdout
    assert [item["id"] for item in json.loads(machine.stdout)["items"]] == [study_id]


def test_the_answer_is_shown_beside_its_baselines(house: House, seed: Seed) -> None:
    done = hifitune("best", seed(count=9).study_id, "--url", house.url)
    assert done.returncode == 0, done.stderr
    assert "PCA-16 clipped" in done.stdout
    assert "the mean sample" in done.stdout
    assert "learning_rate" in done.stdout


def test_config_and_model_are_lines_for_machines(house: House, seed: Seed, tmp_path: Path) -> None:
    seeded = seed(count=9)
    leave_checkpoint(house, seeded)
    folder = tmp_path / "model"

    done = hifitune(
        *("best", seeded.study_id, "--yaml", "--json", "--model", str(folder)),
        HIFITUNE_URL=house.url,
    )

    assert done.returncode == 0, done.stderr
    config, model = lines_of_json(done.stdout)
    with Client(house.url) as client:
        assert StudySpec.model_validate(config) == client.best_config(seeded.study_id)
    assert model == {"event": "model", "folder": str(folder)}
    assert (folder / "model.py").exists()
    assert done.stderr == ""


def test_watching_a_finished_study_ends_at_once(house: House, seed: Seed) -> None:
    done = hifitune("watch", seed(count=9).study_id, "--url", house.url)
    assert done.returncode == 0
    assert "9/9 trials" in done.stderr
    assert "COMPLETE" in done.stdout


def test_refusals_have_codes_of_their_own(house: House, seed: Seed, tmp_path: Path) -> None:
    running = seed(count=0, running=1).study_id
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**TINY, "seed": "x"}))
    codes = {
        "unknown": hifitune("watch", "unknown", "--url", house.url).returncode,
        "no best": hifitune("best", running, "--url", house.url).returncode,
        "timeout": hifitune("watch", running, "--timeout", "0.5", "--url", house.url).returncode,
        "invalid": hifitune("submit", str(bad), "--url", house.url).returncode,
    }
    assert codes == {
        "unknown": Exit.NOT_FOUND,
        "no best": Exit.NO_BEST,
        "timeout": Exit.TIMEOUT,
        "invalid": Exit.REFUSED,
    }


def test_another_member_of_the_pareto_set_is_asked_for_by_its_number(
    house: House, seed: Seed
) -> None:
    spec = make_spec(trials=14, objective=[{"metric": "mse"}, {"metric": "parameters"}])
    study = seed(count=14, planned=14, spec=spec).study_id
    with Client(house.url) as client:
        knee = client.best(study)
        assert knee.front is not None
        other = next(each.trial for each in knee.front.members if each.trial != knee.trial)
        config = client.best_config(study, other)
    shown = hifitune("best", study, "--trial", str(other), "--json", "--url", house.url)
    written = hifitune("best", study, "--trial", str(other), "--yaml", "--url", house.url)
    assert json.loads(shown.stdout)["trial"] == other
    assert f"trial_seed: {config.trial_seed}" in written.stdout
    refused = hifitune("best", study, "--trial", "99", "--url", house.url)
    assert refused.returncode != 0 and "99" in refused.stderr
