"""What the service costs per trial, without any training: propose, 20 epochs, finish.

    python -m benchmarks.service_cost [--quick] [--trials 200] [--seeds 6]

All arms search the same five parameters with TPE and report the same 20 values a trial. Optuna's
arms are what its users write: `ask`, 20 x `report`, `tell`. HiFiTune proposes by cohort and writes
whole epoch reports (4 metrics on either split), an array's epoch in one transaction with
`synchronous=FULL`: when the next epoch begins, the last one is on disk.
"""

import argparse
import tempfile
import time
import uuid
from pathlib import Path

import optuna

from benchmarks.measuring import Arm, interleave, ratio, spread, table, write_results
from benchmarks.our_study import EPOCHS, OurStudy, study_specs, validation_mse
from benchmarks.untrained import engine_seconds_per_trial
from service.domain.space import Params
from service.engine.cohorts import planned_cohorts

OURS = "hifitune"
ALONE = "hifitune, no fusion"
ENGINE = "hifitune, whole engine"
SQLITE = "optuna, SQLite"
MEMORY = "optuna, memory"


def main() -> None:
    """Run the arms and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="32 trials, 5 seeds, no scaling")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--many", type=int, default=10_000, help="trials of the scaling row")
    chosen = parser.parse_args()
    trials, seeds = (32, 5) if chosen.quick else (chosen.trials, chosen.seeds)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phases: dict[str, float] = {}
        body = compare(folder, trials, range(seeds), phases)
        body += "\n\n" + _phases(phases, trials * seeds)
        if not chosen.quick:
            body += "\n\n" + scale(folder, chosen.many)
    write_results(f"Service cost per trial ({trials} trials, {EPOCHS} epochs each)", body)


def compare(folder: Path, trials: int, seeds: range, phases: dict[str, float]) -> str:
    """All arms, interleaved; `phases` collects where our time goes."""

    def ours(seed: int) -> float:
        study = OurStudy(folder, trials, seed, arrays_of=16)
        seconds = study.run(range(planned_cohorts(study.spec)))
        for phase, spent in study.seconds.items():
            phases[phase] = phases.get(phase, 0.0) + spent
        return 1000 * seconds

    def alone(seed: int) -> float:
        study = OurStudy(folder, trials, seed, arrays_of=1)
        return 1000 * study.run(range(planned_cohorts(study.spec)))

    arms: dict[str, Arm] = {
        OURS: ours,
        ALONE: alone,
        ENGINE: lambda seed: 1000 * engine_seconds_per_trial(folder, trials, seed),
        SQLITE: lambda seed: 1000 * _optuna(trials, seed, f"sqlite:///{folder / uuid.uuid4().hex}"),
        MEMORY: lambda seed: 1000 * _optuna(trials, seed, None),
    }
    figures = interleave(arms, list(seeds))
    rows = [
        [
            name,
            spread(figures[name]),
            ratio(figures[name], figures[SQLITE]),
            ratio(figures[name], figures[MEMORY]),
        ]
        for name in arms
    ]
    head = ["arm", "ms a trial (range)", "against Optuna on SQLite", "against Optuna in memory"]
    return (
        table(head, rows)
        + "\n\nTargets: at most 0.1 against SQLite, at most 1.5 against memory. Ratios: median of "
        f"{len(seeds)} paired seeds, bootstrap 95 % interval. `no fusion`: 16 arrays of one trial "
        "instead of one of 16. `whole engine`: supervisor, conductor, verdicts and live stream "
        "included, workers that do not train."
    )


def _optuna(trials: int, seed: int, storage: str | None) -> float:
    """Seconds per trial of the loop that Optuna's users write."""
    study = optuna.create_study(
        storage=storage,
        sampler=optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=10, multivariate=True, constant_liar=True
        ),
        direction="minimize",
    )
    start = time.perf_counter()
    for _ in range(trials):
        trial = study.ask()
        params: Params = {
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-4, 0.3, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.3),
            "hidden_width": trial.suggest_int("hidden_width", 32, 256, log=True),
            "batch_size": trial.suggest_categorical("batch_size", [64, 128]),
        }
        for epoch in range(1, EPOCHS + 1):
            trial.report(validation_mse(params, epoch), epoch)
        study.tell(trial, validation_mse(params, EPOCHS))
    return (time.perf_counter() - start) / trials


def _phases(phases: dict[str, float], trials: int) -> str:
    rows = [[name, f"{1000 * seconds / trials:.2f}"] for name, seconds in phases.items()]
    return "Where `hifitune` spends it:\n\n" + table(["phase", "ms a trial"], rows)


def scale(folder: Path, many: int) -> str:
    """Our cost per trial behind `many` earlier trials against that behind 100."""
    study = OurStudy(folder, many + 160, seed=0, arrays_of=16)
    size = study.spec.cohort_size
    measured = 5
    few_at = 100 // size
    study.run(range(few_at))
    few = [1000 * study.run([few_at + i]) for i in range(measured)]
    tpe = study.spec
    study.spec = study_specs(many + 160, 0, "random")[1]
    study.run(range(few_at + measured, many // size))
    study.spec = tpe
    large = [1000 * study.run([many // size + i]) for i in range(measured)]
    return (
        f"Cost per trial behind {many:,} earlier trials: {spread(large)} ms; behind 100: "
        f"{spread(few)} ms; ratio {ratio(large, few)} (target: at most 3)."
    )


if __name__ == "__main__":
    main()
