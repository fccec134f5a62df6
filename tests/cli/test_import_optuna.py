"""A plain Optuna script's study becomes the warm start of one of ours."""

from pathlib import Path

import optuna
import pytest
import yaml

from service.engine.import_optuna import read_configs
from service.storage.migration import migrate
from tests.cli.processes import hifitune


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """What a script of somebody else leaves."""
    file = tmp_path / "theirs.db"
    study = optuna.create_study(storage=f"sqlite:///{file}", study_name="theirs")
    for rate, width, value in ((0.1, 32, 3.0), (0.003, 64, 1.0), (0.004, 64, 2.0)):
        study.add_trial(
            optuna.trial.create_trial(
                params={"lr": rate, "hidden_width": width},
                distributions={
                    "lr": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
                    "hidden_width": optuna.distributions.CategoricalDistribution([32, 64]),
                },
                value=value,
            )
        )
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    return file


def test_the_best_configs_come_first_under_our_names(storage: Path) -> None:
    found = read_configs(str(storage), None, 2, {"lr": "learning_rate"})
    assert (found.study, found.trials) == ("theirs", 3)
    assert found.configs == [
        {"learning_rate": 0.003, "hidden_width": 64},
        {"learning_rate": 0.004, "hidden_width": 64},
    ]


def test_of_several_objectives_the_front_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "two.db"
    study = optuna.create_study(
        storage=f"sqlite:///{file}", study_name="two", directions=["minimize", "maximize"]
    )
    for x, values in ((0.1, [1.0, 1.0]), (0.2, [2.0, 2.0]), (0.3, [2.0, 1.0])):
        study.add_trial(
            optuna.trial.create_trial(
                params={"x": x},
                distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
                values=values,
            )
        )
    assert [each["x"] for each in read_configs(str(file), "two", 5, {}).configs] == [0.1, 0.2]


def test_the_command_fills_the_warm_start_of_a_spec(storage: Path, tmp_path: Path) -> None:
    spec = tmp_path / "study.yaml"
    spec.write_text("name: x\nfamily: autoencoder\ndataset: {name: digits}\n")
    ended = hifitune(
        "import-optuna", str(storage), "--rename", "lr=learning_rate", "--top", "1",
        "--into", str(spec),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    written = yaml.safe_load(ended.stdout)
    assert written["name"] == "x"
    assert written["warm_start"] == {"configs": [{"learning_rate": 0.003, "hidden_width": 64}]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.db"], "there is no file"),
        (["{file}", "--study", "ours"], "there is no study"),
        (["{file}", "--rename", "lr"], "THEIRS=OURS"),
        ([__file__], "cannot be read as an Optuna storage"),
    ],
)
def test_nonsense_is_said_in_a_sentence(storage: Path, arguments: list[str], said: str) -> None:
    ended = hifitune("import-optuna", *(each.format(file=storage) for each in arguments))
    assert ended.returncode == 2
    assert said in ended.stderr.replace("\n", " ")
    assert "Traceback" not in ended.stderr
    assert not Path("nowhere.db").exists()


def test_a_storage_is_read_and_not_written(storage: Path) -> None:
    before = storage.read_bytes()
    storage.chmod(0o444)
    assert read_configs(f"sqlite:///{storage}", None, 1, {}).trials == 3
    assert storage.read_bytes() == before
    assert list(storage.parent.iterdir()) == [storage]


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Such as our own: Optuna would make its tables in it."""
    file = tmp_path / "hifitune.db"
    migrate(f"sqlite:///{file}")
    before = file.read_bytes()
    with pytest.raises(ValueError, match="is no Optuna storage") as refused:
        read_configs(str(file), None, 5, {})
    assert "version_info" in str(refused.value)
    assert file.read_bytes() == before
