"""What is written down of a trial that ends."""

from math import hypot
from pathlib import Path

import pytest

from service.api.best import compare
from service.domain.records import BestMetrics, Verdict
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.migration import migrate
from tests.engine.harness import SMALL, House


def test_the_difficulty_offset_is_that_of_the_samples_that_are_evaluated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(tmp_path, database)
    house.submit("s", SMALL | {"budget": {"trials": 1}})
    study = house.run("s", InProcessExecutor(1))
    with database.read() as session:
        dataset = DatasetRepository(session).get(study.data_hash or "")
    [trial] = house.trials("s")
    database.close()

    assert dataset is not None
    assert trial.verdict is not None
    baselines = dataset.baselines
    assert baselines.evaluated_mean_validation is not None
    assert baselines.evaluated_mean_train is not None
    offset = baselines.evaluated_mean_validation / baselines.evaluated_mean_train - 1
    assert trial.verdict.numbers["difficulty_offset"] == pytest.approx(offset)
    errors = (
        (baselines.evaluated_mean_train_se or 0) / baselines.evaluated_mean_train,
        (baselines.evaluated_mean_validation_se or 0) / baselines.evaluated_mean_validation,
    )
    assert 0.01 < min(errors) <= max(errors) < 0.1
    assert trial.verdict.numbers["difficulty_error"] == pytest.approx(hypot(*errors) * (1 + offset))
    assert offset != pytest.approx(baselines.mean_validation / baselines.mean_train - 1, abs=1e-6)
    # Measured over the samples, not the rule of thumb.
    assert trial.metrics is not None
    errors = [trial.metrics.train["mse_se"], trial.metrics.validation["mse_se"]]
    squares = sum(error**2 for error in errors if error is not None)
    assert trial.verdict.numbers["gap_se"] == pytest.approx(squares**0.5)


MEMORISER = {
    "name": "memoriser",
    "dataset": {"name": "digits"},
    "family": "autoencoder",
    "split": {"train": 50, "validation": 200, "test": 200},
    "space": {"hidden_width": 128, "latent_dim": 32, "batch_size": 32, "learning_rate": 0.003},
    "training": {"epochs": 40},
    "budget": {"trials": 1},
}
OBJECTIVES = {
    "single": {"metric": "mse"},
    "pareto": [{"metric": "mse"}, {"metric": "parameters"}],
    "costs first": [{"metric": "parameters"}, {"metric": "mse"}],
    "bound": {"metric": "parameters", "subject_to": [{"metric": "mse", "at_most": 1}]},
    "at the best epoch alone": [
        {"metric": "ssim", "direction": "maximize"},
        {"metric": "parameters"},
    ],
}


def test_the_verdict_is_on_what_says_how_good_a_model_is(tmp_path: Path) -> None:
    """Not on the training loss, which ranks the epochs under several objectives or a cost.

    SSIM is not measured at every epoch there: mse stands in.
    """
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(tmp_path, database)
    verdicts: dict[str, Verdict] = {}
    for index, (name, objective) in enumerate(OBJECTIVES.items()):
        house.submit(f"s{index}", MEMORISER | {"objective": objective})
        house.run(f"s{index}", InProcessExecutor(1))
        [trial] = house.trials(f"s{index}")
        assert trial.verdict is not None
        verdicts[name] = trial.verdict
    database.close()

    assert verdicts["single"].kind == "large_gap"
    for name, verdict in verdicts.items():
        assert verdict.kind == "large_gap", name
        assert "mse is" in verdict.sentence
        assert verdict.numbers["pca"] == verdicts["single"].numbers["pca"]
        assert verdict.numbers["difficulty_offset"] is not None


@pytest.mark.parametrize("latent", [4, 6, 8])
def test_pca_as_wide_as_the_data_is_no_rival(tmp_path: Path, latent: int) -> None:
    """Iris is encoded as 7 numbers of rank 6: PCA with six components gives them back."""
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    house = House(tmp_path, database)
    house.submit(
        "s",
        {
            "name": "wide",
            "dataset": {"name": "iris"},
            "family": "tabular_autoencoder",
            "space": {"latent_dim": latent, "hidden_width": 16, "learning_rate": 0.01},
            "objective": {"metric": "mse"},
            "training": {"epochs": 3},
            "budget": {"trials": 1},
        },
    )
    study = house.run("s", InProcessExecutor(1))
    with database.read() as session:
        dataset = DatasetRepository(session).get(study.data_hash or "")
    [trial] = house.trials("s")
    database.close()

    assert dataset is not None
    assert trial.verdict is not None
    assert trial.metrics is not None
    assert any(entry.latent_dim == latent for entry in dataset.baselines.pca)
    metrics = BestMetrics(train=trial.metrics.train, validation=trial.metrics.validation, test=None)
    compared = compare(dataset.baselines, metrics, {"latent_dim": latent})
    if latent < 6:
        assert trial.verdict.numbers["pca"] is not None
        assert compared["mse_over_pca"]["validation"] > 0
    else:
        assert trial.verdict.numbers["pca"] is None
        assert "PCA" not in trial.verdict.sentence
        assert compared["pca"] is None
        assert compared["mse_over_pca"]["validation"] is None
