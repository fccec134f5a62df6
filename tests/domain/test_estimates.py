from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain.estimates import ARRAY_ACTIVATIONS, estimate
from service.domain.records import DataHeader
from service.domain.resolve import resolve
from tests.domain.catalog import CATALOG, DIGITS, count_parameters, spec

MNIST = DataHeader(samples=60_000, shape=[28, 28], dtype="uint8", test_samples=10_000, bytes=1)


def test_the_estimate_counts_trials_cohorts_and_bytes() -> None:
    resolved = resolve(spec(budget={"trials": 30}, space={"hidden_width": 32}), CATALOG, MNIST)
    cost = estimate(resolved, CATALOG, MNIST)
    assert (cost.trials, cost.cohorts) == (30, 10)
    assert cost.data_bytes == 70_000 * 784 * 4
    kept = 3 * int(resolved.defaults["vae"]["batch_size"]) * 784
    assert cost.array_bytes_max == 3 * cost.parameters_max * 4 * 5 + kept * 5


def test_an_array_keeps_no_more_than_its_capacity_or_one_model_does() -> None:
    size = {"batch_size": 4096, "hidden_width": 32}
    resolved = resolve(spec(budget={"trials": 400}, space=size), CATALOG, MNIST)
    assert resolved.cohort_size == 16
    cost = estimate(resolved, CATALOG, MNIST)
    one = 4096 * 784
    assert 16 * one < ARRAY_ACTIVATIONS
    assert cost.array_bytes_max == 16 * cost.parameters_max * 4 * 5 + 16 * one * 5
    large = MNIST.model_copy(update={"shape": [280, 280]})
    weights = 16 * estimate(resolved, CATALOG, large).parameters_max * 4 * 5
    assert estimate(resolved, CATALOG, large).array_bytes_max == weights + 100 * one * 5
    few = MNIST.model_copy(update={"samples": 100})
    weights = 16 * cost.parameters_max * 4 * 5
    assert estimate(resolved, CATALOG, few).array_bytes_max == weights + 16 * 100 * 784 * 5


sizes = st.lists(st.integers(1, 300), min_size=1, max_size=3, unique=True)


@given(sizes, sizes, st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True))
def test_no_corner_of_the_space_is_larger_than_the_estimate(
    widths: list[int], latents: list[int], depths: list[int]
) -> None:
    choices = {"hidden_width": widths, "latent_dim": latents, "depth": depths}
    space: dict[str, Any] = {
        name: {"type": "categorical", "choices": values} for name, values in choices.items()
    }
    resolved = resolve(spec(family="autoencoder", space=space), CATALOG, DIGITS)
    largest = max(
        count_parameters("autoencoder", dict(zip(choices, values, strict=True)), {"shape": [8, 8]})
        for values in product(*choices.values())
    )
    assert estimate(resolved, CATALOG, DIGITS).parameters_max == largest
