"""Training throughput: fused arrays against a hand-written in-memory loop, workload S.

    python -m benchmarks.model_steps [--quick] [--seeds 5]

Digits, a 64-w-8-w-64 autoencoder, batch 64, AdamW with a cosine schedule. The hand-written loop
is plain PyTorch at its tightest: data in memory, `index_select`, `AdamW(fused=True)`, one
evaluation of the validation part an epoch. Ours is `trainers.loop.ArrayRun` as a worker runs it:
with evaluation of both parts, the best epoch kept, and gradient norms. Every arm keeps all cores
busy: one process a core with one thread each; the hand-written loop also in one process with
a thread a core, and its better figure counts.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Arm, interleave, ratio, spread, table, write_results

CORES = os.cpu_count() or 1
BATCH = 64
LATENT = 8
EPOCHS = 30
WIDTHS = (32, 64)
SLOTS = (1, 8, 16)


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits in memory, as trainers.base.TrainingData."""

    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    shape: tuple[int, ...] = (8, 8)
    low: float = 0.0
    high: float = 1.0

    @property
    def offset(self) -> NDArray[np.float32]:
        """Raw = scaled * scale + offset."""
        return np.zeros(1, np.float32)

    @property
    def scale(self) -> NDArray[np.float32]:
        """Digits run to 16."""
        return np.full(1, 16.0, np.float32)


def load_digits() -> Digits:
    """The first 1,257 images train, the next 270 validate."""
    from sklearn.datasets import load_digits as read

    images = (read().data / 16.0).astype(np.float32)
    return Digits(images[:1257], images[1257:1527])


def train_by_hand(width: int, threads: int, seed: int) -> int:
    """A tight plain loop over one model; returns its optimizer steps."""
    import torch
    from torch import nn
    from torch.nn.functional import mse_loss

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    digits = load_digits()
    train, validation = torch.from_numpy(digits.train), torch.from_numpy(digits.validation)
    features = train.shape[1]
    model = nn.Sequential(
        nn.Linear(features, width),
        nn.ReLU(),
        nn.Linear(width, LATENT),
        nn.Linear(LATENT, width),
        nn.ReLU(),
        nn.Linear(width, features),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, fused=True)
    per_epoch = -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * per_epoch)
    best = float("inf")
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(train)).split(BATCH):  # type: ignore[no-untyped-call]
            batch = train.index_select(0, chosen)
            loss = mse_loss(model(batch), batch, reduction="sum") / (2 * len(batch))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            best = min(best, mse_loss(model(validation), validation).item())
    assert best < 0.05, "the hand-written loop does not learn"
    return EPOCHS * per_epoch


def train_array(width: int, slots: int, seed: int) -> int:
    """The same models side by side; returns their optimizer steps, all slots together."""
    import torch

    from trainers.base import FitPlan, Slot
    from trainers.loop import ArrayRun
    from trainers.registry import catalog

    torch.set_num_threads(1)
    defaults = {n: p.default for n, p in catalog().families["autoencoder"].parameters.items()}
    chosen = {"hidden_width": width, "latent_dim": LATENT, "batch_size": BATCH}
    members = [
        Slot(
            trial,
            1000 * seed + trial,
            {**defaults, **chosen, "learning_rate": 2e-3, "weight_decay": 0.01},
        )
        for trial in range(slots)
    ]
    plan = FitPlan(EPOCHS, 1, None, "mse", "minimize")
    run = ArrayRun("autoencoder", members, load_digits(), plan)
    ends = []
    while run.live:
        finished = run.run_epoch()
        assert finished is not None
        ends += finished[1]
    values = [end.value for end in ends if end.value is not None]
    assert len(values) == slots and max(values) < 0.05, "the array does not learn"
    return EPOCHS * run.steps_per_epoch * slots


def main() -> None:
    """Run the arms and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="3 seeds, one width, 8 slots")
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    seeds = range(3 if chosen.quick else chosen.seeds)
    widths, sizes = ((64,), (1, 8)) if chosen.quick else (WIDTHS, SLOTS)
    rows = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(CORES, mp_context=context) as pool:
        for width in widths:
            rows += _compare(pool, width, sizes, list(seeds))
    head = ["arm", "model-steps/s (range)", "against the better hand-written loop"]
    write_results(
        f"Model-steps per second, workload S ({EPOCHS} epochs, batch {BATCH})",
        table(head, rows)
        + "\n\nTargets: at least 6 fused; at least 1/1.1 = 0.91 for K = 1. Ratios: "
        f"median of {len(seeds)} paired seeds, bootstrap 95 % interval. Training alone: no search, "
        "no storage.",
    )


def _compare(
    pool: ProcessPoolExecutor, width: int, sizes: tuple[int, ...], seeds: list[int]
) -> list[list[object]]:
    def everywhere(work: Callable[[int], int]) -> Arm:
        return lambda seed: _throughput(pool, work, [CORES * seed + i for i in range(CORES)])

    by_hand = f"by hand, w={width}, {CORES} processes"
    threaded = f"by hand, w={width}, {CORES} threads"
    arms: dict[str, Arm] = {
        by_hand: everywhere(partial(train_by_hand, width, 1)),
        threaded: lambda seed: _throughput(pool, partial(train_by_hand, width, CORES), [seed]),
    }
    for slots in sizes:
        arms[f"hifitune, w={width}, K={slots}"] = everywhere(partial(train_array, width, slots))
    for arm in arms.values():
        arm(10_000)  # imports and first allocations: once per process, not per trial
    figures = interleave(arms, seeds)
    better = [max(pair) for pair in zip(figures[by_hand], figures[threaded], strict=True)]
    return [[name, spread(figures[name]), ratio(figures[name], better)] for name in arms]


def _throughput(pool: ProcessPoolExecutor, work: Callable[[int], int], seeds: list[int]) -> float:
    start = time.perf_counter()
    steps = sum(pool.map(work, seeds))
    return steps / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
