"""Studies on other tasks: trained on them, scored on them, and beside doing nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.best import best_record, read_best
from service.api.task_baselines import with_task_baseline
from service.domain.doing_nothing import DOING_NOTHING
from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository
from service.storage.migration import migrate
from tests.engine.harness import House
from trainers.registry import catalog

QUICK: dict[str, Any] = {
    "name": "quick",
    "dataset": {"name": "digits"},
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.005, "high": 0.01},
        "latent_dim": 24,
        "weight_decay": 0.0,
    },
    "training": {"epochs": 8},
    "pruner": {"type": "none"},
    "budget": {"trials": 2},
    "parallel": {"cohort_size": 2},
}
HOLES = {"task": {"kind": "inpaint", "mask": "block"}, "objective": {"metric": "hole_mse"}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    yield House(tmp_path, database)
    database.close()


def answer(house: House, spec: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The study at its end, and its answer."""
    house.submit("s", spec)
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    found = read_best(house.database, study)
    study = found.study
    record = best_record(found)
    return study, with_task_baseline(record, study, house.database, catalog()).model_dump()


def test_a_denoising_study_stands_beside_its_noisy_input(house: House) -> None:
    task = {"kind": "denoise", "noise": "gaussian", "level": 0.4}
    study, best = answer(house, QUICK | {"task": task})
    beside = best["baselines"]["task"]
    assert beside["task"] == task
    assert beside["validation"]["mse"] == pytest.approx(0.16, rel=0.05)
    assert beside["test"]["mse"] == pytest.approx(0.16, rel=0.05)
    assert beside["validation"]["psnr"] > 5
    assert beside["gain_validation"] == pytest.approx(
        beside["validation"]["mse"] - best["metrics"]["validation"]["mse"]
    )
    assert 0 < beside["ratio_test"] < 0.5
    assert best["baselines"]["pca"] is None
    assert best["baselines"]["gap_closed"]["validation"] > 0
    assert "worse-than-nothing" not in [notice.code for notice in study.warnings]


def test_a_cost_that_stands_first_hides_no_comparison_with_doing_nothing(house: House) -> None:
    """Of the metric of worth, and a winner that is worse than its input is warned of."""
    wild = {"learning_rate": 1e-5, "hidden_width": {"type": "categorical", "choices": [4, 8]}}
    study, best = answer(
        house,
        QUICK
        | {
            "task": {"kind": "denoise", "noise": "gaussian", "level": 0.01},
            "space": wild,
            "training": {"epochs": 1},
            "objective": [{"metric": "parameters"}, {"metric": "mse"}],
        },
    )
    beside = best["baselines"]["task"]
    assert beside["metric"] == "mse"
    assert beside["gain_validation"] < 0 and beside["gain_test"] < 0
    (said,) = [each.message for each in study.warnings if each.code == "worse-than-nothing"]
    assert "won with mse" in said


def test_an_inpainting_study_is_ranked_by_the_hole(house: House) -> None:
    _, best = answer(house, QUICK | HOLES)
    validation = best["metrics"]["validation"]
    assert best["objective"] == {"metric": "hole_mse", "value": validation["hole_mse"]}
    assert best["metrics"]["test"]["hole_mse"] > 0
    beside = best["baselines"]["task"]
    assert beside["validation"]["known_mse"] == 0
    assert 0 < beside["ratio_validation"] < 1


def test_a_winner_worse_than_its_input_is_warned_of(house: House) -> None:
    weak = QUICK | {
        "task": {"kind": "denoise", "level": 0.01},
        "training": {"epochs": 1},
    }
    study, best = answer(house, weak)
    assert best["baselines"]["task"]["gain_validation"] < 0
    assert "worse-than-nothing" in [notice.code for notice in study.warnings]


def test_reconstruction_has_no_such_rival(house: House) -> None:
    _, best = answer(house, QUICK | {"training": {"epochs": 1}})
    with house.database.read() as session:
        assert AnalysisRepository(session).get("s", DOING_NOTHING) is None
    assert best["baselines"]["task"] is None
    assert DOING_NOTHING not in best["selection"]
