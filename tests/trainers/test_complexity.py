"""Parameters, multiply-accumulates and latency of known models."""

import pytest
import torch
from torch import nn

from tests.trainers.conftest import config_of
from trainers.complexity import measure_complexity, one_sample
from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Problem
from trainers.registry import load_family
from trainers.tasks import Task


@pytest.mark.parametrize("family", ["autoencoder", "vae"])
def test_a_multiply_accumulate_is_a_weight_that_a_sample_passes(family: str) -> None:
    problem = Problem("image", (8, 8))
    config = config_of(family, hidden_width=10, latent_dim=4, norm="layer")
    measured = measure_complexity(load_family(family).plain_twin(config, problem), problem)
    code = 4 * (2 if family == "vae" else 1)
    macs = 64 * 10 + 10 * code + 4 * 10 + 10 * 64
    biases, norms = 10 + code + 10 + 64, 2 * 2 * 10
    assert measured["macs"] == macs
    assert measured["parameters"] == macs + biases + norms
    assert 0 < measured["latency_seconds"] < 1


class Convolution(PlainModel):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.to_json(), {})
        self.layer = nn.Conv2d(1, 3, 5, padding=2)
        self.frozen = nn.Parameter(torch.zeros(1000), requires_grad=False)

    def estimate(self, given: Given) -> torch.Tensor:
        image = given.start.view(-1, 1, *self.shape)
        return self.layer(image).mean(1).flatten(1)


def test_a_convolution_counts_its_kernel_at_every_pixel() -> None:
    problem = Problem("image", (12, 10))
    measured = measure_complexity(Convolution(problem), problem)
    assert measured["macs"] == 12 * 10 * 25 * 3
    assert measured["parameters"] == 25 * 3 + 3


@pytest.mark.parametrize("family", ["aae", "vae_gan", "bigan"])
def test_a_discriminator_is_no_part_of_what_a_model_costs(family: str) -> None:
    problem = Problem("image", (8, 8))
    plain = "vae" if family == "vae_gan" else "autoencoder"
    bare = load_family(plain).plain_twin(config_of(plain), problem)
    wanted = measure_complexity(bare, problem)["parameters"]
    for width in (8, 256):
        twin = load_family(family).plain_twin(config_of(family, discriminator_width=width), problem)
        assert measure_complexity(twin, problem)["parameters"] == wanted


def test_the_vectors_of_a_codebook_are_weights() -> None:
    problem = Problem("image", (8, 8))
    few, many = (
        measure_complexity(
            load_family("vq_vae").plain_twin(config_of("vq_vae", codes=codes, code_dim=8), problem),
            problem,
        )["parameters"]
        for codes in (2, 4096)
    )
    assert many - few == 4094 * 8


def test_the_sample_is_what_the_task_gives() -> None:
    hidden = one_sample(Problem("image", (8, 6), Task("inpaint", mask="random", share=0.25)))
    assert hidden.known is not None
    assert hidden.known.shape == (1, 48)
    small = one_sample(Problem("image", (8, 6), Task("super_resolve", factor=2)))
    assert small.low is not None
    assert (small.start.shape, small.low.shape) == ((1, 48), (1, 12))


def test_measuring_gives_the_threads_back() -> None:
    problem = Problem("vector", (6,))
    torch.set_num_threads(2)
    measure_complexity(
        load_family("autoencoder").plain_twin(config_of("autoencoder"), problem), problem
    )
    assert torch.get_num_threads() == 2
