"""Array layers against torch.nn, and the padding."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from trainers.layers import (
    ACTIVATIONS,
    BatchNorm,
    Dropout,
    LayerNorm,
    Layout,
    Pass,
    fit,
    padded,
    sigmoid,
    softplus,
)
from trainers.noise import Noise

REFERENCES = {
    "relu": nn.ReLU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "tanh": nn.Tanh(),
    "elu": nn.ELU(),
}


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_equals_torchs_and_maps_zero_to_zero(name: str) -> None:
    x = torch.linspace(-30, 30, 1001)
    torch.testing.assert_close(ACTIVATIONS[name](x), REFERENCES[name](x), rtol=1e-5, atol=1e-6)
    assert ACTIVATIONS[name](torch.zeros(16)).abs().max() == 0


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_gives_the_same_bits_at_every_place(name: str) -> None:
    x = torch.randn(4096, generator=torch.Generator().manual_seed(0)).requires_grad_()
    whole = ACTIVATIONS[name](x)
    (gradient,) = torch.autograd.grad(whole.sum(), x)
    for start in range(0, 4096 - 20, 20):
        piece = x.detach()[start : start + 20].clone().requires_grad_()
        value = ACTIVATIONS[name](piece)
        assert torch.equal(value, whole[start : start + 20])
        (part,) = torch.autograd.grad(value.sum(), piece)
        assert torch.equal(part, gradient[start : start + 20])


EXTREMES = [-1000.0, -100.0, -89.0, -88.0, -50.0, 0.0, 50.0, 88.0, 89.0, 100.0, 1000.0]


@pytest.mark.parametrize("name", [*sorted(ACTIVATIONS), "sigmoid", "softplus"])
def test_gradients_far_from_zero_are_finite_and_torchs(name: str) -> None:
    own = {**ACTIVATIONS, "sigmoid": sigmoid, "softplus": softplus}[name]
    reference = {**REFERENCES, "sigmoid": torch.sigmoid, "softplus": F.softplus}[name]
    x = torch.tensor(EXTREMES, requires_grad=True)
    value, expected = own(x), reference(x)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    (wanted,) = torch.autograd.grad(expected.sum(), x)
    torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-6)


def test_batch_norm_follows_torch_in_training_and_evaluation() -> None:
    layout, buffers = Layout(), Layout()
    layer = BatchNorm(layout, buffers, "norm", 8)
    cpu = torch.device("cpu")
    weights, state = layout.constants(2, cpu), buffers.constants(2, cpu)
    references = [nn.BatchNorm1d(8), nn.BatchNorm1d(8)]
    noise = Noise([1, 2], cpu)
    for step in range(4):
        x = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(step)) * 3 + 1
        run = Pass(layout.split(weights), buffers.split(state), noise)
        expected = torch.stack([r(x[k]) for k, r in enumerate(references)])
        torch.testing.assert_close(layer(run, x), expected.detach(), rtol=1e-4, atol=1e-5)
    for reference in references:
        reference.eval()
    run = Pass(layout.split(weights), buffers.split(state))
    expected = torch.stack([r(x[k]) for k, r in enumerate(references)])
    torch.testing.assert_close(layer(run, x), expected.detach(), rtol=1e-4, atol=1e-5)


def test_layer_norm_looks_at_the_unpadded_features_only() -> None:
    layout = Layout()
    layer = LayerNorm(layout, "norm", 5)
    weights = layout.constants(2, torch.device("cpu"))
    layout.load(weights[0], {"norm.weight": torch.ones(5), "norm.bias": torch.zeros(5)})
    x = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    out = layer(Pass(layout.split(weights), []), fit(x, 8))
    torch.testing.assert_close(out[..., :5], nn.LayerNorm(5)(x).detach(), rtol=1e-4, atol=1e-5)
    assert (out[0, :, 5:] == 0).all()


def test_dropout_is_the_identity_in_evaluation_and_for_a_rate_of_zero() -> None:
    x = torch.randn(2, 6, 8)
    noise = Noise([1, 2], torch.device("cpu"))
    noise.begin_epoch(1, 1)
    layer = Dropout("drop", 8, torch.tensor([0.0, 0.5]))
    assert torch.equal(layer(Pass([], []), x), x)
    dropped = layer(Pass([], [], noise), x)
    assert torch.equal(dropped[0], x[0])
    assert (dropped[1] == 0).any()


def test_what_is_exported_can_be_loaded_again() -> None:
    layout = Layout()
    layout.add("weight", 7, 5, spread=1.0)
    layout.add("bias", 5, spread=1.0)
    matrix = layout.initial(Noise([3, 4], torch.device("cpu")))
    assert matrix.shape == (2, padded(7) * padded(5) + padded(5))
    plain = layout.export(matrix[1])
    assert plain["weight"].shape == (5, 7)
    again = torch.zeros_like(matrix)
    layout.load(again[1], plain)
    assert torch.equal(again[1], matrix[1])


def test_initial_weights_are_those_of_torch_nn_linear_in_distribution() -> None:
    layout = Layout()
    layout.add("weight", 400, 300, spread=1 / 20)
    values = layout.initial(Noise([3], torch.device("cpu")))
    assert values.abs().max() <= 1 / 20
    assert values.std() == pytest.approx(1 / 20 / 3**0.5, rel=0.02)
