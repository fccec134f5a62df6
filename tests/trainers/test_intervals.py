"""Bootstrap intervals of test values: how often they are right, and what they cost."""

import math
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainers.intervals import BUNDLES, RESAMPLES, SampleFigures, resampled_sums

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


def row(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))[None]


def interval(above: Any, below: Any = None, *, seed: int = 0, curve: Any = None) -> Any:
    figures = SampleFigures()
    figures.add("x", row(above), None if below is None else row(below), curve)
    return figures.intervals(figures.estimates(), seed).get("x")


def covered(found: tuple[float, float], truth: float) -> bool:
    return found[0] <= truth <= found[1]


def test_about_95_of_100_intervals_of_a_mean_hold_the_true_one() -> None:
    generator = np.random.default_rng(5)
    tries = generator.normal(3.0, 2.0, (200, 100))
    held = sum(covered(interval(values, seed=n), 3.0) for n, values in enumerate(tries))
    assert 180 <= held <= 197


def test_about_95_of_100_intervals_of_a_ratio_hold_the_true_one() -> None:
    """Nats per token of texts of very different lengths: every text has a difficulty of its own."""
    generator = np.random.default_rng(6)
    held = 0
    for n in range(200):
        tokens = generator.integers(1, 40, 150)
        nats = tokens * generator.normal(2.0, 0.5, 150)
        held += covered(interval(nats, tokens, seed=n), 2.0)
    assert 180 <= held <= 197


def test_it_is_as_wide_as_the_standard_error_says() -> None:
    values = np.random.default_rng(1).normal(size=2000)
    low, high = interval(values)
    wide = 2 * 1.96 * values.std(ddof=1) / math.sqrt(2000)
    assert high - low == pytest.approx(wide, rel=0.06)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.1 * wide)


def test_bundles_of_many_samples_vary_as_much_as_the_samples() -> None:
    count = 3 * BUNDLES + 1234
    values = np.random.default_rng(2).exponential(size=count)
    low, high = interval(values)
    wide = 2 * 1.96 * values.std(ddof=1) / math.sqrt(count)
    assert high - low == pytest.approx(wide, rel=0.06)
    assert low < values.mean() < high


def test_what_is_kept_does_not_grow_with_the_samples() -> None:
    figures, chunk = SampleFigures(), row(np.arange(1024.0))
    for _ in range(20):
        figures.add("x", chunk)
    tracemalloc.start()
    for _ in range(80):
        figures.add("x", chunk)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 100_000
    assert figures.estimates()["x"] == pytest.approx(511.5)


@given(st.lists(FINITE, min_size=2, max_size=12), st.integers(0, 2**63 - 1))
def test_the_value_itself_lies_inside(values: list[float], seed: int) -> None:
    figures = SampleFigures()
    figures.add("x", row(values))
    metrics = figures.estimates()
    assert metrics["x"] == pytest.approx(float(np.mean(values)), rel=1e-9, abs=1e-6)
    low, high = figures.intervals(metrics, seed)["x"]
    assert low <= metrics["x"] <= high
    assert min(values) - 1e-6 <= low <= high <= max(values) + 1e-6


def test_a_monotone_function_of_a_mean_has_the_ends_of_the_mean() -> None:
    generator = np.random.default_rng(3)
    nats, tokens = generator.gamma(2.0, 3.0, 300), generator.integers(1, 20, 300)
    low, high = interval(nats, tokens)
    above = interval(nats, tokens, curve=np.exp)
    assert above == pytest.approx((math.exp(low), math.exp(high)), rel=1e-3)


def test_the_seed_alone_decides_the_draws() -> None:
    values = np.random.default_rng(4).normal(size=50)
    assert interval(values, seed=1) == interval(values, seed=1)
    assert interval(values, seed=1) != interval(values, seed=2)


def test_metrics_are_taken_on_the_same_draws_and_chunks_make_no_difference() -> None:
    values = np.random.default_rng(4).normal(size=90)
    whole, pieces = SampleFigures(), SampleFigures()
    whole.add("x", row(values))
    for part in np.split(values, [20, 70]):
        pieces.add("x", row(part))
        pieces.add("twice", row(2 * part))
    assert pieces.estimates()["x"] == whole.estimates()["x"]
    found = pieces.intervals(pieces.estimates(), 7)
    assert found["x"] == pytest.approx(whole.intervals(whole.estimates(), 7)["x"])
    assert found["twice"] == pytest.approx(tuple(2 * end for end in found["x"]))


def test_what_has_no_spread_or_no_value_has_no_interval() -> None:
    figures = SampleFigures()
    figures.add("one", row([3.0]))
    figures.add("endless", row([1.0, math.inf, 2.0]))
    figures.add("nothing", row([1.0, 2.0]), row([0.0, 0.0]))
    figures.add("unknown", row([1.0, 2.0]))
    figures.add("fine", row([1.0, 2.0]))
    metrics = {"one": 3.0, "endless": 1.5, "nothing": 0.0, "fine": 1.5, "mse": math.nan}
    assert list(figures.intervals(metrics, 0)) == ["fine"]


def test_draws_that_have_nothing_to_divide_by_are_left_out() -> None:
    low, high = interval([0.0, 4.0, 6.0], [0.0, 2.0, 2.0])
    assert (low, high) == (2.0, 3.0)


def test_every_draw_takes_as_many_rows_as_there_are() -> None:
    table: NDArray[np.float64] = np.stack([np.ones(500), np.arange(500.0)], axis=1)
    sums = resampled_sums(table, 0)
    assert sums.shape == (RESAMPLES, 2)
    assert (sums[:, 0] == 500).all()
    assert sums[:, 1].mean() == pytest.approx(499 * 250, rel=0.01)


def test_ten_metrics_of_ten_thousand_samples_take_little_time_and_memory() -> None:
    figures, generator = SampleFigures(), np.random.default_rng(0)
    for number in range(10):
        figures.add(f"m{number}", row(generator.normal(size=10_000)))
    metrics = figures.estimates()
    started = time.process_time()
    assert len(figures.intervals(metrics, 0)) == 10
    assert time.process_time() - started < 3  # 0.5 s where nothing else runs
    tracemalloc.start()
    figures.intervals(metrics, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
