"""What a trained model costs to use: parameters, multiply-accumulates, time for one sample."""

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Problem

WARM_UPS = 3
REPEATS = 30
MOST_SECONDS = 0.5
"""A slow model is timed less often, but at least three times."""
FIRST_TOKEN = 4


@torch.no_grad()
def measure_complexity(twin: PlainModel, problem: Problem) -> dict[str, float]:
    """`parameters`, `macs`, `latency_seconds` of one model; leaves it in eval mode.

    - parameters: weights of the model in use, a codebook among them, a discriminator not.
    - macs: multiply-accumulates of one `estimate` of one sample, what its task gives included:
      the matrix products and convolutions that run, half of what torch's FlopCounterMode counts.
      Element-wise work (activations, norms, sampling) is not in it.
    - latency_seconds: shortest wall-clock of such an estimate of a single sample, eval mode, one
      thread, on the CPU. It depends on the machine and on what else runs there.
    """
    given = one_sample(problem)
    twin.eval()
    return {
        "parameters": float(twin.count_used()),
        "macs": float(_count_macs(twin, given)),
        "latency_seconds": _time_estimate(twin, given),
    }


def one_sample(problem: Problem) -> Given:
    """What a model is given of one made-up sample: constant numbers, or the first real token."""
    value = float(FIRST_TOKEN) if problem.kind == "text" else 0.5 * sum(problem.bounds)
    start = torch.full((1, problem.features), value)
    known = torch.ones_like(start) if problem.masked else None
    low = None
    if problem.task.kind == "super_resolve":
        low = torch.full((1, problem.low_features), value)
    return Given(start, known, low)


def _count_macs(twin: PlainModel, given: Given) -> int:
    with FlopCounterMode(display=False) as counter:
        twin.estimate(given)
    total: int = counter.get_total_flops()
    return total // 2


def _time_estimate(twin: PlainModel, given: Given) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(WARM_UPS):
            twin.estimate(given)
        seconds: list[float] = []
        while len(seconds) < REPEATS and (len(seconds) < WARM_UPS or sum(seconds) < MOST_SECONDS):
            start = time.perf_counter()
            twin.estimate(given)
            seconds.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return min(seconds)  # what else runs only adds to it
