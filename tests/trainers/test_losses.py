"""Losses, sigma, effective beta, KL, schedules."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Laplace,
    Normal,
    kl_divergence,
)

from trainers.losses import CONSTANTS, IMAGE_LOSSES, Reconstruction, check_range, soft_clip
from trainers.metrics import Meter, Outputs, kl_per_dimension
from trainers.plain.continuous_bernoulli import log_normaliser, logit_mean, logit_variance
from trainers.plain.losses import CHARBONNIER_EPSILON, ReconstructionLoss
from trainers.problem import Problem
from trainers.schedules import kl_share, learning_rate_share

CPU = torch.device("cpu")
GENERATOR = torch.Generator().manual_seed(0)
OUTPUT = torch.randn(2, 30, 12, generator=GENERATOR)
TARGET = torch.rand(2, 30, 12, generator=GENERATOR)


IMAGE = Problem("image", (4, 3))
LOSSES = [*CONSTANTS, *IMAGE_LOSSES]


def loss_of(name: str, *sigmas: float | str) -> Reconstruction:
    return Reconstruction(name, sigmas or (1.0, 1.0), 12, CPU, IMAGE, [0.3] * 2)


@pytest.mark.parametrize(
    ("name", "density"),
    [
        ("mse", lambda x: Normal(x, 1.0)),
        ("l1", lambda x: Laplace(x, 1.0)),
        ("gaussian", lambda x: Normal(x, 1.0)),
        ("bce", lambda x: Bernoulli(logits=x, validate_args=False)),
        ("continuous_bernoulli", lambda x: ContinuousBernoulli(logits=x)),
    ],
)
def test_a_loss_and_its_constant_are_a_negative_log_likelihood(name: str, density: object) -> None:
    expected = -density(OUTPUT).log_prob(TARGET).sum(2).mean(1)  # type: ignore[operator]
    ours = loss_of(name).training(OUTPUT, TARGET) + CONSTANTS[name] * 12
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("logit", [-1000.0, -100.0, -89.0, 0.0, 89.0, 100.0, 1000.0])
def test_bce_far_from_zero_has_torchs_value_and_gradient(logit: float) -> None:
    output = torch.full((1, 4, 12), logit, requires_grad=True)
    target = TARGET[:1, :4]
    loss = loss_of("bce", 1.0).training(output, target)[0]
    expected = F.binary_cross_entropy_with_logits(output, target, reduction="sum") / 4
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad(loss, output)
    (wanted,) = torch.autograd.grad(expected, output)
    torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-6)


def test_the_soft_clip_of_sigma_overflows_nowhere() -> None:
    log_sigma = torch.tensor([-1000.0, -100.0, 100.0, 1000.0], requires_grad=True)
    clipped = soft_clip(log_sigma)
    (gradient,) = torch.autograd.grad(clipped.sum(), log_sigma)
    assert clipped.tolist() == [-6, -6, 100, 1000]
    assert gradient.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("name", ["huber", "charbonnier"])
def test_a_density_of_its_own_integrates_to_one(name: str) -> None:
    grid = torch.linspace(-40, 40, 800_001, dtype=torch.float64)
    loss = Reconstruction(name, [1.0], 1, CPU)
    points = grid[None, :, None]
    terms = loss.of_samples(points, torch.zeros_like(points), torch.zeros(1))[0]
    mass = torch.trapezoid(torch.exp(-terms - CONSTANTS[name]), grid)
    assert mass.item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("logit", [-300.0, -20.0, -0.51, -0.49, -1e-4, 0.0, 0.3, 0.5, 4.0, 90.0])
def test_the_continuous_bernoulli_is_a_density_with_its_mean_and_variance(logit: float) -> None:
    # Points crowd at both ends, where the density of large logits is.
    grid = 0.5 - 0.5 * torch.linspace(0, math.pi, 400_001, dtype=torch.float64).cos()
    value = torch.full((), logit, dtype=torch.float64)
    density = torch.exp(value * grid - log_normaliser(value))
    mean = torch.trapezoid(density * grid, grid)
    variance = torch.trapezoid(density * (grid - mean).square(), grid)
    assert torch.trapezoid(density, grid).item() == pytest.approx(1, rel=1e-7)
    single = value.float()
    assert logit_mean(single).item() == pytest.approx(mean.item(), rel=1e-4, abs=1e-6)
    assert logit_variance(single).item() == pytest.approx(variance.item(), rel=1e-4)


def test_the_normaliser_of_the_continuous_bernoulli_has_its_mean_as_gradient() -> None:
    logits = torch.cat([torch.linspace(-3, 3, 601), torch.tensor([-1e4, -100.0, 100.0, 1e4])])
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(log_normaliser(logits).sum(), logits)
    torch.testing.assert_close(gradient, logit_mean(logits.detach()), rtol=0, atol=2e-6)
    (curvature,) = torch.autograd.grad(logit_mean(logits).sum(), logits)
    torch.testing.assert_close(curvature, logit_variance(logits.detach()), rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_training_and_evaluation_agree_on_a_batch(name: str) -> None:
    loss = loss_of(name, 0.5, 0.5)
    log_sigma = torch.full((2,), math.log(0.5))
    total = loss.total(OUTPUT, TARGET, log_sigma) / 30
    torch.testing.assert_close(loss.training(OUTPUT, TARGET).double(), total, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_the_plain_loss_is_that_of_each_slot(name: str) -> None:
    config = {"loss": name, "sigma": 0.5, "ssim_weight": 0.3}
    plain = ReconstructionLoss(config, IMAGE.to_json())
    loss = loss_of(name, 0.5, 0.5)
    for row, value in enumerate(loss.training(OUTPUT, TARGET)):
        torch.testing.assert_close(plain(OUTPUT[row], TARGET[row]), value, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(plain.predict(OUTPUT[row]), loss.predict(OUTPUT)[row])


@pytest.mark.parametrize("name", ["bce", "continuous_bernoulli"])
def test_a_loss_of_probabilities_is_refused_outside_of_0_to_1(name: str) -> None:
    check_range(name, Problem("vector", (3,), low=0.2, high=1 + 1e-7))
    for low, high in ((-0.01, 1.0), (0.0, 1.01)):
        with pytest.raises(ValueError, match="needs data in"):
            check_range(name, Problem("vector", (3,), low=low, high=high))


@pytest.mark.parametrize("name", IMAGE_LOSSES)
def test_an_ssim_mix_of_what_is_no_image_is_refused(name: str) -> None:
    for problem in (None, Problem("vector", (12,)), Problem("image", (2, 6))):
        with pytest.raises(ValueError, match="compares images"):
            Reconstruction(name, [1.0], 12, CPU, problem, [0.5])


def test_the_ssim_mix_goes_from_half_the_squares_to_the_dissimilarity() -> None:
    images = Problem("image", (12, 12))
    output, target = torch.rand(2, 2, 5, 144, generator=GENERATOR)
    loss = Reconstruction("ssim_mix", [1.0] * 2, 144, CPU, images, [0.0, 1.0])
    same = Reconstruction("mse", [1.0] * 2, 144, CPU)
    values = loss.training(output, target)
    torch.testing.assert_close(values[0], same.training(output, target)[0])
    assert 0 < values[1] <= 144
    assert loss.training(target, target)[1].item() == pytest.approx(0, abs=1e-4)


def test_a_learned_sigma_is_the_root_of_the_mse_and_is_frozen_over_the_epoch() -> None:
    loss = loss_of("gaussian", "learned", 0.5)
    squares = (OUTPUT - TARGET).square()
    expected = Normal(OUTPUT[0], squares[0].mean().sqrt()).log_prob(TARGET[0]).sum(1).mean()
    assert loss.training(OUTPUT, TARGET)[0].item() == pytest.approx(-expected.item(), rel=1e-3)
    loss.training(OUTPUT[:, :10] * 2, TARGET[:, :10])
    more = (OUTPUT[0, :10] * 2 - TARGET[0, :10]).square().sum()
    mean = ((squares[0].sum() + more) / (40 * 12)).item()
    log_sigma = loss.epoch_log_sigma()
    assert log_sigma[0].item() == pytest.approx(0.5 * math.log(mean), abs=0.01)
    assert log_sigma[1].item() == pytest.approx(math.log(0.5))
    loss.begin_epoch()
    loss.training(OUTPUT, OUTPUT)
    assert loss.epoch_log_sigma()[0].item() == pytest.approx(-6, abs=0.01)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", 1.0),
        ("gaussian", 0.25),
        *[(name, None) for name in LOSSES if name not in ("mse", "gaussian")],
    ],
)
def test_the_equivalent_variance_is_what_makes_the_pulls_equal(
    name: str, expected: float | None
) -> None:
    loss = loss_of(name, 0.5, 0.5)
    log_sigma = torch.full((2,), math.log(0.5))
    meter = Meter(loss, log_sigma, torch.ones(1), torch.ones(2), torch.zeros(2))
    prediction = loss.predict(OUTPUT)
    meter.add(TARGET[0], Outputs(prediction, OUTPUT, torch.zeros(2, 30, 3), torch.zeros(2, 30, 3)))
    error = prediction - TARGET[0]
    if expected is None:
        pull = {
            "l1": error.abs(),
            "huber": error * error.clamp(-1, 1),
            "bce": error.square() / (prediction * (1 - prediction)).mean((1, 2), keepdim=True),
            "charbonnier": error.square() / (error.square() + CHARBONNIER_EPSILON**2).sqrt(),
            "continuous_bernoulli": error.square()
            / logit_variance(OUTPUT).mean((1, 2), keepdim=True),
        }.get(name)
        if pull is None:
            prediction.requires_grad_()
            value = loss.training(prediction, TARGET[:1].expand(2, -1, -1)).sum() * 30
            pull = torch.autograd.grad(value, prediction)[0] * error
        wanted = error.square().sum((1, 2)) / pull.sum((1, 2))
    else:
        wanted = torch.full((2,), expected)
    rounded = 1e-3 if name in IMAGE_LOSSES else 1e-4
    found = meter.equivalent_variance().float()
    torch.testing.assert_close(found, wanted.detach(), rtol=rounded, atol=0)


def test_the_kl_is_the_analytic_one() -> None:
    mean, log_variance = torch.randn(2, 9, 4), torch.randn(2, 9, 4)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(posterior, Normal(torch.zeros(()), torch.ones(()))).sum(1)
    torch.testing.assert_close(kl_per_dimension(mean, log_variance), expected)


@pytest.mark.parametrize("name", CONSTANTS)
def test_standard_errors_are_those_over_samples(name: str) -> None:
    loss, log_sigma = loss_of(name, 0.5, 0.5), torch.full((2,), math.log(0.5))
    mean, log_variance = torch.randn(2, 30, 4), torch.randn(2, 30, 4)
    prediction = loss.predict(OUTPUT)
    target = TARGET[0].expand(2, -1, -1)
    meter = Meter(loss, log_sigma, torch.full((1,), 16.0), torch.ones(2), torch.zeros(2))
    meter.add(TARGET[0], Outputs(prediction, OUTPUT, mean, log_variance))
    results = meter.results()

    one_by_one = [loss.total(OUTPUT[:, [i]], target[:, [i]], log_sigma) for i in range(30)]
    kl = kl_divergence(
        Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros(()), torch.ones(()))
    ).sum(2)
    by_sample = {
        "mse": (prediction - target).square().mean(2).double(),
        "mae": (prediction - target).abs().mean(2).double(),
        "elbo": -(torch.stack(one_by_one, 1) + CONSTANTS[name] * 12 + kl),
        "kl": kl.double(),
    }
    bits = -by_sample["elbo"] / (12 * math.log(2))
    by_sample["bits_per_dimension"] = bits if name == "bce" else bits + math.log2(16)
    for metric, values in by_sample.items():
        torch.testing.assert_close(values.mean(1), results[metric], rtol=1e-5, atol=0)
        wanted = values.std(1) / 30**0.5
        torch.testing.assert_close(wanted, results[f"{metric}_se"], rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", IMAGE_LOSSES)
def test_a_loss_that_is_no_density_has_no_elbo(name: str) -> None:
    meter = Meter(loss_of(name), torch.zeros(2), torch.ones(1), torch.ones(2), torch.zeros(2))
    meter.add(TARGET[0], Outputs(OUTPUT, OUTPUT, torch.zeros(2, 30, 3), torch.zeros(2, 30, 3)))
    assert {"elbo", "bits_per_dimension"}.isdisjoint(meter.results())


def test_a_single_sample_has_no_standard_error() -> None:
    meter = Meter(loss_of("mse"), torch.zeros(2), torch.ones(1))
    meter.add(TARGET[0, :1], Outputs(OUTPUT[:, :1], OUTPUT[:, :1]))
    assert not [name for name in meter.results() if name.endswith("_se")]


def test_the_meter_adds_up_over_chunks() -> None:
    loss = loss_of("mse")
    outputs = Outputs(OUTPUT, OUTPUT, torch.randn(2, 30, 4), torch.randn(2, 30, 4))
    scale = torch.full((12,), 2.0)
    whole, parts = (
        Meter(loss, torch.zeros(2), scale, torch.full((2,), 0.5), torch.full((2,), 9.0))
        for _ in range(2)
    )
    assert outputs.mean is not None
    assert outputs.log_variance is not None
    whole.add(TARGET[0], outputs)
    for rows in (slice(0, 13), slice(13, 30)):
        part = Outputs(
            OUTPUT[:, rows], OUTPUT[:, rows], outputs.mean[:, rows], outputs.log_variance[:, rows]
        )
        parts.add(TARGET[0, rows], part)
    one, other = whole.results(), parts.results()
    for name, values in one.items():
        torch.testing.assert_close(values, other[name], rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(one["mse_raw"], one["mse"] * 4)
    torch.testing.assert_close(one["mae_raw"], one["mae"] * 2)
    # Free bits: every dimension is charged at least 9 nats, whatever its KL.
    assert (one["loss"] >= one["reconstruction"] + 0.5 * 4 * 9).all()
    nll = one["reconstruction"] + 12 * 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(one["elbo"], -(nll + one["kl"]))


def test_the_warm_up_rises_to_one_at_its_end_and_stays() -> None:
    shares = [kl_share(0.3, step, 100) for step in range(100)]
    assert shares[0] == pytest.approx(1 / 30)
    assert shares == sorted(shares)
    assert shares[28] < 1
    assert set(shares[29:]) == {1.0}
    assert kl_share(0.0, 0, 100) == 1.0


def test_the_cosine_falls_from_one_towards_zero() -> None:
    shares = [learning_rate_share("cosine", step, 100) for step in range(100)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] < 0.001
    assert learning_rate_share("constant", 99, 100) == 1
    with pytest.raises(ValueError, match="no schedule"):
        learning_rate_share("step", 0, 1)


@pytest.mark.parametrize("name", ["ssim_mix", "ms_ssim_mix"])
def test_dissimilarity_does_not_depend_on_where_values_begin(name: str) -> None:
    target = torch.rand(3, 144, generator=torch.Generator().manual_seed(0))
    output = (target + 0.2).clamp(max=1)
    config = {"loss": name, "sigma": 1.0, "ssim_weight": 1.0}
    found = []
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        problem = Problem("image", (12, 12), low=low, high=high)
        values = [low + (high - low) * each for each in (output, target)]
        loss = Reconstruction.of([config], problem, torch.device("cpu"))
        found.append(loss.training(values[0][None], values[1][None])[0])
        found.append(ReconstructionLoss(config, problem.to_json())(*values))
    torch.testing.assert_close(torch.stack(found), found[0].expand(4), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["bce", "continuous_bernoulli"])
def test_a_loss_of_probabilities_takes_what_lies_outside_for_0_and_1(name: str) -> None:
    target = torch.tensor([[1.3, -0.2, 0.5, 7.0]])
    loss = Reconstruction(name, [1.0], 4, CPU)
    zero = torch.zeros(1)
    for scale in (1.0, 60.0):  # the surer, the lower it would get without a bound
        output = scale * torch.tensor([[1.0, -1.0, 0.0, 1.0]])
        found = loss.total(output[None], target[None], zero)
        assert found.item() == pytest.approx(
            loss.total(output[None], target.clamp(0, 1)[None], zero).item()
        )
        plain = ReconstructionLoss({"loss": name, "sigma": 1.0})(output, target)
        assert plain.item() == pytest.approx(found.item(), rel=1e-5, abs=1e-5)
        if name == "bce":
            assert found.item() > 0
