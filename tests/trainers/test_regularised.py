"""The penalties of WAE, RAE, sparse and contractive autoencoders."""

import gc
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainers.conftest import DIGITS, ArrayData, config_of, slots_of
from tests.trainers.test_families import assert_same_end, finished, first_step, twin_of
from trainers.base import Batch, FitPlan
from trainers.draws import FrozenDraws
from trainers.loop import ArrayRun
from trainers.plain.given import Given
from trainers.plain.kernels import MOST, SCALES, maximum_mean_discrepancy
from trainers.plain.regularised import squared_slope
from trainers.plain.sparsity import mean_activity_divergence
from trainers.registry import catalog, load_family

PLAN = FitPlan(4, 1, None, "mse", "minimize")
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("wae_mmd", {}),
    ("rae", {"decoder_penalty": "gradient", "decoder_weight": 0.1}),
    ("rae", {"decoder_penalty": "gradient", "norm": "layer", "depth": 2, "activation": "silu"}),
    ("sparse_autoencoder", {"sparsity": "kl", "sparsity_target": 0.1}),
    ("contractive_autoencoder", {"depth": 2, "activation": "tanh"}),
]
CONVOLUTIONS = [
    ("rae", {"decoder_penalty": "gradient", "architecture": "conv", "channels": 8}),
    ("contractive_autoencoder", {"architecture": "conv", "channels": 8}),
]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("family", "changes"), [*VARIANTS, *CONVOLUTIONS], ids=str)
def test_a_step_of_every_variant_equals_the_plain_twins(
    family: str, changes: dict[str, Any], few_digits: ArrayData
) -> None:
    array = load_family(family)(slots_of(family, 2, **changes), DIGITS)
    batch = torch.from_numpy(few_digits.train[:40]).view(2, 20, 64)
    loss = array.training_loss(Batch(batch, Given(batch)), first_step(array), "model")
    (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
    widths = {"prior": array.latent_dim, "projection": 64}  # type: ignore[attr-defined]
    if family == "contractive_autoencoder":
        widths["projection"] = array.latent_dim  # type: ignore[attr-defined]
    for row in range(2):
        twin = twin_of(array, family, row)
        draws = {site: array.noise.normal(site, 0, 20, size)[row] for site, size in widths.items()}
        expected = twin.player_loss("model", batch[row], Given(batch[row]), draws=draws)
        expected.backward()
        assert loss[row].item() == pytest.approx(expected.item(), rel=1e-5)
        ours = array.layout.export(gradient[row])
        for name, parameter in twin.named_parameters():
            scale = max(1.0, parameter.grad.abs().max().item())
            torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(("family", "changes"), VARIANTS, ids=str)
def test_every_variant_is_the_same_bits_alone_and_in_company(
    family: str, changes: dict[str, Any], few_digits: ArrayData
) -> None:
    plan = replace(PLAN, epochs=1)
    slots = slots_of(family, 5, hidden_width=37, **changes)
    _, many = finished(ArrayRun(family, slots, few_digits, plan))
    _, alone = finished(ArrayRun(family, slots[3:4], few_digits, plan))
    assert_same_end(alone[0], many[3])


def test_the_loss_in_evaluation_is_reconstruction_and_penalty(few_digits: ArrayData) -> None:
    slots = slots_of("rae", 1, code_weight=0.5)
    reports, _ = finished(ArrayRun("rae", slots, few_digits, replace(PLAN, epochs=1)))
    figures = reports[0].validation
    assert figures["penalty"] > 0
    assert figures["loss"] == pytest.approx(figures["reconstruction"] + figures["penalty"])


def test_the_mmd_is_the_unbiased_one_of_its_kernel() -> None:
    code, prior = normal(7, 3) * 2 + 1, normal(7, 3, seed=1)

    def kernel(one: Tensor, other: Tensor) -> float:
        distance = float((one - other).square().sum())
        return sum(6 * scale / (6 * scale + distance) for scale in SCALES)

    pairs = [(i, j) for i in range(7) for j in range(7)]
    within = sum(kernel(code[i], code[j]) + kernel(prior[i], prior[j]) for i, j in pairs if i != j)
    across = sum(kernel(code[i], prior[j]) for i, j in pairs)
    expected = within / 42 - 2 * across / 49
    both = torch.stack([code, prior.flip(0)])
    found = maximum_mean_discrepancy(both, prior.expand(2, -1, -1))
    assert found[0].item() == pytest.approx(expected, rel=1e-5)


def test_draws_of_one_distribution_are_at_distance_zero_on_average() -> None:
    codes, priors = normal(200, 64, 8), normal(200, 64, 8, seed=1)
    distances = maximum_mean_discrepancy(codes, priors)
    error = distances.std() / 200**0.5
    assert abs(distances.mean()) < 4 * error
    assert (maximum_mean_discrepancy(codes * 0.5, priors) > 5 * distances.std()).all()


def test_one_code_has_no_pairs_and_equal_codes_have_a_finite_slope() -> None:
    single = normal(1, 4).requires_grad_()
    assert maximum_mean_discrepancy(single, normal(1, 4)).item() == 0
    same = torch.zeros(5, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(maximum_mean_discrepancy(same, normal(5, 4)), same)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def test_only_so_many_codes_are_compared() -> None:
    code, prior = normal(MOST + 5, 2), normal(MOST + 5, 2, seed=1)
    whole = maximum_mean_discrepancy(code, prior)
    assert whole.item() == maximum_mean_discrepancy(code[:MOST], prior[:MOST]).item()


def test_the_estimated_slope_is_that_of_the_jacobian_on_average() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
    points = normal(3, 6)
    jacobian = torch.autograd.functional.jacobian(lambda x: layer(x).sum(0), points)  # [4, 3, 6]
    exact = jacobian.square().sum((0, 2)).mean()
    start = points.repeat(4000, 1).requires_grad_()
    estimate = squared_slope(layer(start), start, normal(12_000, 4))
    assert estimate.item() == pytest.approx(exact.item(), rel=0.05)


def test_the_charge_of_activities_is_a_divergence_of_coins() -> None:
    activity = torch.tensor([[0.05, 0.2, 0.7], [0.0, 1.0, 0.5]])
    target = torch.tensor([0.05, 0.3])
    coins = torch.distributions.Bernoulli
    expected = torch.distributions.kl_divergence(
        coins(target[:, None].expand(2, 3)), coins(activity.clamp(1e-6, 1 - 1e-6))
    ).sum(1)
    torch.testing.assert_close(mean_activity_divergence(activity, target), expected)
    assert mean_activity_divergence(torch.full((4,), 0.05), 0.05).abs() < 1e-6


def trained(family: str, data: ArrayData, **changes: Any) -> Any:
    """A plain twin after a short training."""
    slots = slots_of(family, 1, batch_size=32, **changes)
    _, (end,) = finished(ArrayRun(family, slots, data, replace(PLAN, epochs=25)))
    twin = load_family(family).plain_twin(config_of(family, **changes), DIGITS)
    assert end.weights is not None
    twin.offset, twin.scale = end.weights["offset"], end.weights["scale"]
    twin.load_state_dict(end.weights)
    return twin.eval()


@pytest.mark.parametrize(
    ("family", "weight", "changes", "figure"),
    [
        ("wae_mmd", "mmd_weight", {}, "distance"),
        ("rae", "code_weight", {}, "length"),
        ("sparse_autoencoder", "sparsity_weight", {"sparsity": "l1"}, "activity"),
        ("contractive_autoencoder", "contraction_weight", {}, "slope"),
    ],
)
def test_a_weight_does_what_it_is_for(
    family: str, weight: str, changes: dict[str, Any], figure: str, few_digits: ArrayData
) -> None:
    given = Given(torch.from_numpy(few_digits.validation))

    def measure(twin: Any) -> Any:
        start = given.start.clone().requires_grad_()
        code = twin.encode(Given(start))
        if figure == "distance":
            return maximum_mean_discrepancy(code, normal(*code.shape)).item()
        if figure == "slope":
            return squared_slope(code, start, normal(*code.shape)).item()
        if figure == "length":
            return code.square().sum(1).mean().item()
        return (code > 0.01).float().mean().item()

    loose = trained(family, few_digits, **{weight: 0.0}, **changes)
    strong = {"mmd_weight": 30.0, "code_weight": 1.0, "sparsity_weight": 0.3}
    tight = trained(family, few_digits, **{weight: strong.get(weight, 1.0)}, **changes)
    assert measure(tight) < 0.7 * measure(loose)


def test_the_prior_of_a_wae_gives_samples() -> None:
    twin = load_family("wae_mmd").plain_twin(config_of("wae_mmd"), DIGITS)
    samples = twin.prior_samples(5, torch.Generator().manual_seed(0))
    assert samples is not None
    assert samples.shape == (5, 64)


def chunk_of_maps(family: str, changes: dict[str, Any]) -> tuple[Any, Given]:
    array = load_family(family)(slots_of(family, 2, architecture="conv", **changes), DIGITS)
    return array, Given(torch.rand(400, 64, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(("family", "changes"), [*CONVOLUTIONS[:1], *VARIANTS[-1:]], ids=str)
def test_slopes_of_maps_are_those_of_the_whole_chunk(family: str, changes: dict[str, Any]) -> None:
    array, given = chunk_of_maps(family, {k: v for k, v in changes.items() if k != "architecture"})
    outputs = array.outputs(given, given.start, 3)
    draws = FrozenDraws(array.noise, 3, 400)
    with torch.enable_grad():
        output, penalty = array.penalised(array.evaluation_pass(), given.expand(2), draws)
    torch.testing.assert_close(outputs.likelihood, output.detach())
    torch.testing.assert_close(outputs.penalty, penalty.detach() * 400)


@pytest.mark.parametrize("family", ["contractive_autoencoder", "wae_mmd"])
def test_evaluation_keeps_no_graph_of_more_than_a_piece(family: str) -> None:
    array, given = chunk_of_maps(family, {})
    config = array.slots[0].config
    alive = most = 0

    class Kept:
        def __init__(self, tensor: Tensor) -> None:
            nonlocal alive, most
            self.tensor = tensor
            alive += tensor.numel()
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= self.tensor.numel()

    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        array.outputs(given, given.start, 0)
    gc.collect()
    assert alive == 0
    piece = catalog().count_activations(family, {**config, "batch_size": 128}, DIGITS.to_json())
    assert most < 2 * 1.5 * piece
