"""A plain Optuna script's study comes in as warm start and shortens the search on the same task."""

from pathlib import Path

import optuna

from benchmarks.warm_start import loss, search, spec_of
from service.domain.space import FAMILY
from service.domain.spec import WarmStart
from service.domain.warm_start import warmed
from service.engine.import_optuna import read_configs
from service.engine.told import Told
from trainers.registry import catalog

OPTIMUM = (0.7, 0.3, 0.5, 0.6, 0.2)
WEIGHTS = (5.0, 3.0, 2.0, 1.0, 0.5)


def script(file: Path) -> None:
    """What somebody else wrote, with names of their own."""

    def objective(trial: optuna.Trial) -> float:
        params = {
            "learning_rate": trial.suggest_float("lr", 1e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("wd", 1e-4, 0.3, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.3),
            "hidden_width": trial.suggest_categorical("width", [32, 64, 128, 256]),
            "batch_size": trial.suggest_categorical("batch_size", [64, 128]),
        }
        return loss(params, OPTIMUM, WEIGHTS)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{file}", sampler=optuna.samplers.TPESampler(seed=1, multivariate=False)
    )
    study.optimize(objective, n_trials=50)


def trials_until(told: list[Told], value: float) -> int:
    """How many trials it took to get there; one more than there are where it did not."""
    return next(
        (i for i, each in enumerate(told, 1) if each.value is not None and each.value <= value),
        len(told) + 1,
    )


def test_it_gets_there_in_fewer_trials(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    script(file)
    rename = {"lr": "learning_rate", "wd": "weight_decay", "width": "hidden_width"}
    found = read_configs(str(file), None, 3, rename)
    assert found.trials == 50
    configs = [{FAMILY: "autoencoder", **config} for config in found.configs]
    for seed in range(3):
        cold_spec = spec_of(seed, 40, "tpe", False)
        wish = cold_spec.model_copy(update={"warm_start": WarmStart(configs=configs)})
        warm_spec, notices = warmed(wish, catalog(), [])
        assert notices == [] and len(warm_spec.enqueue) == 3
        cold = search(cold_spec, OPTIMUM, WEIGHTS)
        warm = search(warm_spec, OPTIMUM, WEIGHTS)
        goal = min(each.value for each in cold[:20] if each.value is not None)
        assert trials_until(warm, goal) < trials_until(cold, goal)
        assert min(t.value or 1 for t in warm) <= min(t.value or 1 for t in cold) * 1.05
