"""What a warm start brings on a related task, and what it costs on an unrelated one.

    python -m benchmarks.warm_start [--seeds N] [--trials N]

Made-up tasks whose loss is known for every config: 0.01 plus a bowl round an optimum. An earlier
study searches one of them; then the same search begins cold, or with the best configs of the
earlier study (as `warm_start: {studies: [...]}` takes them): on the same task, on one whose optimum
lies near, and on one whose optimum lies anywhere. Cohorts are proposed as in a study.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import mean
from typing import Any

from benchmarks.our_study import SPACE
from service.domain.records import DataHeader
from service.domain.resolve import resolve
from service.domain.space import FAMILY, Scalar
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TrialState
from service.domain.warm_start import Earlier, warmed
from service.engine.proposals import Told, propose
from trainers.registry import catalog

HEADER = DataHeader(samples=1000, shape=[8, 8], dtype="uint8", bytes=64_000)
Point = tuple[float, ...]


def spec_of(seed: int, trials: int, sampler: str, warm: bool) -> ResolvedSpec:
    """The study, cold or asking for the earlier one."""
    wish = {
        "name": "warm-start", "dataset": {"name": "digits"}, "family": "autoencoder",
        "space": SPACE, "sampler": {"type": sampler}, "budget": {"trials": trials}, "seed": seed,
        "warm_start": {"studies": ["earlier"]} if warm else None,
    }  # fmt: skip
    return resolve(StudySpec.model_validate(wish), catalog(), HEADER)


def position(params: Mapping[str, Scalar]) -> Point:
    """A config as a point of the unit cube."""
    rate, decay = float(params["learning_rate"]), float(params["weight_decay"])
    return (
        (math.log10(rate) + 4) / 2,
        (math.log10(decay) + 4) / (4 + math.log10(0.3)),
        float(params["dropout"]) / 0.3,
        (math.log2(float(params["hidden_width"])) - 5) / 3,
        (math.log2(float(params["batch_size"])) - 6) / 1,
    )


def loss(params: Mapping[str, Scalar], optimum: Point, weights: Point) -> float:
    """0.01 at the optimum; some directions matter more."""
    here = position(params)
    far = (w * (x - o) ** 2 for x, o, w in zip(here, optimum, weights, strict=True))
    return 0.01 * (1 + sum(far))


def search(spec: ResolvedSpec, optimum: Point, weights: Point) -> list[Told]:
    """The trials of a whole study, cohort by cohort."""
    told: list[Told] = []
    cohort = 0
    while proposals := propose(spec, told, cohort):
        told += [
            Told(each.number, cohort, each.params, TrialState.COMPLETE,
                 loss(each.params, optimum, weights))
            for each in proposals
        ]  # fmt: skip
        cohort += 1
    return told


def best(told: Sequence[Told], trials: int | None = None) -> float:
    """The best value of the first trials."""
    return min(each.value for each in told[:trials] if each.value is not None)


def compare(sampler: str, seeds: int, trials: int) -> list[dict[str, Any]]:
    """Warm over cold, for each kind of task."""
    rows = []
    for kind, spread in (("the same task", 0.0), ("optimum near", 0.1), ("unrelated", None)):
        found: dict[str, list[float]] = {"cold": [], "warm": [], "cold half": [], "warm half": []}
        for seed in range(seeds):
            stream = Random(f"{kind} {seed}")
            weights = tuple(10 ** stream.uniform(-1, 1) for _ in range(5))
            before = tuple(stream.random() for _ in range(5))
            now = tuple(
                stream.random() if spread is None else min(1, max(0, x + stream.gauss(0, spread)))
                for x in before
            )
            if spread is None:
                weights_now = tuple(10 ** stream.uniform(-1, 1) for _ in range(5))
            else:
                weights_now = weights
            earlier = search(spec_of(1000 + seed, trials, sampler, False), before, weights)
            ranked = sorted(earlier, key=lambda each: each.value or 0.0)
            configs = [{FAMILY: "autoencoder", **each.params} for each in ranked[:20]]
            wish = spec_of(seed, trials, sampler, True)
            warm_spec, _ = warmed(wish, catalog(), [Earlier("earlier", configs)])
            cold = search(spec_of(seed, trials, sampler, False), now, weights_now)
            warm = search(warm_spec, now, weights_now)
            for name, told in (("cold", cold), ("warm", warm)):
                found[name].append(best(told))
                found[f"{name} half"].append(best(told, trials // 2))
        rows.append(
            {
                "task": kind,
                "cold": mean(found["cold"]),
                "warm": mean(found["warm"]),
                "end": mean(found["warm"]) / mean(found["cold"]) - 1,
                "half": mean(found["warm half"]) / mean(found["cold half"]) - 1,
            }
        )
    return rows


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--trials", type=int, default=40)
    options = parser.parse_args()
    print("| sampler | task | cold | warm | warm over cold | after half the trials |")
    print("|---|---|---|---|---|---|")
    for sampler in ("tpe", "random"):
        for row in compare(sampler, options.seeds, options.trials):
            print(
                f"| {sampler} | {row['task']} | {row['cold']:.5f} | {row['warm']:.5f} | "
                f"{row['end']:+.1%} | {row['half']:+.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
