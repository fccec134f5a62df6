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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from sqlalchemy import create_engine, make_url, text

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
POSTGRESQL = "optuna, PostgreSQL"


def main() -> None:
    """Run the arms and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="32 trials, 5 seeds, no scaling")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--many", type=int, default=10_000, help="trials of the scaling row")
    parser.add_argument("--postgresql", help="URL of a server where databases may be made")
    chosen = parser.parse_args()
    trials, seeds = (32, 5) if chosen.quick else (chosen.trials, chosen.seeds)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), trials, list(range(seeds)))
        parts = [bench.compare_on_sqlite(), bench.phases()]
        if chosen.postgresql:
            parts.append(bench.compare_on_postgresql(chosen.postgresql))
        if not chosen.quick:
            parts.append(scale(bench.new_file(), chosen.many))
    body = "\n\n".join(parts)
    write_results(f"Service cost per trial ({trials} trials, {EPOCHS} epochs each)", body)


class Bench:
    """The arms over one folder, number of trials and list of seeds; figures in milliseconds."""

    def __init__(self, folder: Path, trials: int, seeds: list[int]) -> None:
        self.folder = folder
        self.trials = trials
        self.seeds = seeds
        self._phases: dict[str, float] = {}

    def new_file(self) -> str:
        """The URL of a SQLite file that does not exist yet."""
        return f"sqlite:///{self.folder / uuid.uuid4().hex}.db"

    def ours(self, url: str, seed: int, arrays_of: int = 16) -> float:
        """Propose, report and finish a study."""
        study = OurStudy(url, self.trials, seed, arrays_of)
        milliseconds = 1000 * study.run(range(planned_cohorts(study.spec)))
        study.database.close()
        if arrays_of > 1 and url.startswith("sqlite"):
            for phase, seconds in study.seconds.items():
                self._phases[phase] = self._phases.get(phase, 0.0) + 1000 * seconds
        return milliseconds

    def optuna(self, url: str | None, seed: int) -> float:
        """Ask, report and tell the same study."""
        return 1000 * run_optuna(self.trials, seed, url)

    def compare_on_sqlite(self) -> str:
        """All arms, interleaved."""
        arms: dict[str, Arm] = {
            OURS: lambda seed: self.ours(self.new_file(), seed),
            ALONE: lambda seed: self.ours(self.new_file(), seed, arrays_of=1),
            ENGINE: lambda seed: 1000 * engine_seconds_per_trial(self.folder, self.trials, seed),
            SQLITE: lambda seed: self.optuna(self.new_file(), seed),
            MEMORY: lambda seed: self.optuna(None, seed),
        }
        figures = interleave(arms, self.seeds)
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
            + "\n\nTargets: at most 0.1 against SQLite, at most 1.5 against memory. Ratios: median "
            f"of {len(self.seeds)} paired seeds, bootstrap 95 % interval. `no fusion`: 16 arrays "
            "of one trial instead of one of 16. `whole engine`: supervisor, conductor, composition "
            "by signature, verdicts and live stream included, workers that do not train."
        )

    def phases(self) -> str:
        """Where our time goes."""
        trials = self.trials * len(self.seeds)
        rows = [[name, f"{spent / trials:.2f}"] for name, spent in self._phases.items()]
        return f"Where `{OURS}` spends it:\n\n" + table(["phase", "ms a trial"], rows)

    def compare_on_postgresql(self, server: str) -> str:
        """Ours and Optuna's, each run in a database of its own on one server."""

        def arm(run: Callable[[str, int], float]) -> Arm:
            def measure(seed: int) -> float:
                with new_database(server) as url:
                    return run(url, seed)

            return measure

        arms = {OURS: arm(self.ours), POSTGRESQL: arm(self.optuna)}
        figures = interleave(arms, self.seeds)
        rows = [[n, spread(figures[n]), ratio(figures[n], figures[POSTGRESQL])] for n in arms]
        return table(["arm", "ms a trial (range)", "against Optuna on PostgreSQL"], rows)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """A database that lasts as long as the block; yields its URL for SQLAlchemy."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def run_optuna(trials: int, seed: int, storage: str | None) -> float:
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
            "hidden_width": trial.suggest_categorical("hidden_width", [32, 64, 128, 256]),
            "batch_size": trial.suggest_categorical("batch_size", [64, 128]),
        }
        for epoch in range(1, EPOCHS + 1):
            trial.report(validation_mse(params, epoch), epoch)
        study.tell(trial, validation_mse(params, EPOCHS))
    return (time.perf_counter() - start) / trials


def scale(url: str, many: int) -> str:
    """Our cost per trial behind `many` earlier trials against that behind 100."""
    study = OurStudy(url, many + 160, seed=0, arrays_of=16)
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
