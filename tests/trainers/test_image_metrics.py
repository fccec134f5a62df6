"""PSNR, SSIM, MS-SSIM and the excess of the BCE against closed forms and torchmetrics."""

import math

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from trainers.image_metrics import (
    CLOSE_SAMPLES,
    Looks,
    similarities,
)
from trainers.plain.figures import (
    HIGHEST_PSNR,
    cross_entropy_excess,
    image_figures,
    peak_signal_to_noise,
)
from trainers.plain.similarity import (
    SCALE_WEIGHTS,
    SIGMA_PER_PIXEL,
    scales_of,
    structural_similarity,
    window_of,
)
from trainers.problem import Problem

SHAPES = [(3, 7), (8, 8), (10, 9), (11, 11), (28, 28), (31, 24, 3), (45, 50, 3), (178, 176)]


def images(shape: tuple[int, ...], count: int = 4, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    """Smooth pictures and noisy versions of them, [n, F] each, within [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    height, width, channels = (*shape, 1, 1)[:3]
    rows = torch.linspace(0, 3, height)[:, None, None]
    columns = torch.linspace(0, 2, width)[None, :, None]
    phases = torch.rand(count, 1, 1, channels, generator=generator) * 6
    target = 0.5 + 0.5 * (rows + columns * columns + phases).sin()
    noisy = target + noise * torch.randn(target.shape, generator=generator)
    return noisy.clamp(0, 1).flatten(1), target.flatten(1)


def channels_first(flat: Tensor, shape: tuple[int, ...]) -> Tensor:
    return flat.view(len(flat), *(*shape, 1, 1)[:3]).movedim(3, 1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ssim_is_that_of_torchmetrics(shape: tuple[int, ...]) -> None:
    output, target = images(shape)
    expected = structural_similarity_index_measure(
        channels_first(output, shape),
        channels_first(target, shape),
        sigma=SIGMA_PER_PIXEL * window_of(*shape[:2]),
        data_range=1.0,
        reduction="none",
    )
    found = structural_similarity(output, target, shape, 1.0)
    assert isinstance(expected, Tensor)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if scales_of(*shape[:2]) > 1], ids=str)
def test_ms_ssim_is_that_of_torchmetrics_at_the_scales_there_is_room_for(
    shape: tuple[int, ...],
) -> None:
    output, target = images(shape)
    scales = scales_of(*shape[:2])
    weights = SCALE_WEIGHTS[:scales]
    expected = multiscale_structural_similarity_index_measure(
        channels_first(output, shape),
        channels_first(target, shape),
        data_range=1.0,
        betas=tuple(weight / sum(weights) for weight in weights),
        normalize="relu",
        reduction="none",
    )
    found = structural_similarity(output, target, shape, 1.0, scales)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(
    ("side", "window", "scales"),
    [
        (3, 3, 1),
        (8, 7, 1),
        (11, 11, 1),
        (21, 11, 1),
        (22, 11, 2),
        (28, 11, 2),
        (64, 11, 3),
        (175, 11, 4),
        (176, 11, 5),
        (500, 11, 5),
    ],
)
def test_small_images_get_a_smaller_window_and_fewer_scales(
    side: int, window: int, scales: int
) -> None:
    assert window_of(side, side + 9) == window
    assert scales_of(side + 9, side) == scales


@pytest.mark.parametrize("scales", [1, 2])
def test_an_image_is_most_similar_to_itself(scales: int) -> None:
    output, target = images((28, 28))
    same = structural_similarity(target, target, (28, 28), 1.0, scales)
    torch.testing.assert_close(same, torch.ones(4), rtol=0, atol=1e-6)
    assert (structural_similarity(output, target, (28, 28), 1.0, scales) < 0.9).all()


def test_psnr_is_the_mean_over_images_clipped_to_the_data_range() -> None:
    output, target = images((8, 8), noise=0.1)
    wild = output + torch.where(target > 0.9, 5.0, 0.0)  # clipped to 1 again
    for bounds, scale in (((0.0, 1.0), 1.0), ((-3.0, 5.0), 8.0)):
        low = bounds[0]
        found = peak_signal_to_noise(wild[None] * scale + low, target * scale + low, bounds)[0]
        expected = [
            peak_signal_noise_ratio(one, other, data_range=1.0)
            for one, other in zip(wild.clamp(0, 1), target, strict=True)
        ]
        torch.testing.assert_close(found.float(), torch.stack(expected), rtol=1e-4, atol=0)
        of_mean = -10 * (wild.clamp(0, 1) - target).square().mean().log10()
        assert found.mean() > of_mean  # Jensen: the other figure is always lower


def test_psnr_without_an_error_is_finite() -> None:
    target = images((8, 8))[1]
    assert peak_signal_to_noise(target[None], target, (0.0, 1.0)).tolist() == [[HIGHEST_PSNR] * 4]


def test_the_excess_of_the_bce_is_a_kl_divergence_and_zero_at_the_target() -> None:
    output, target = images((8, 8))
    guess = output.clamp(0.01, 0.99)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Bernoulli(target.double()),
        torch.distributions.Bernoulli(guess.double()),
    ).sum(1)
    found = cross_entropy_excess(guess[None], target)[0]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert cross_entropy_excess(target[None], target).abs().max() < 1e-3
    assert cross_entropy_excess(output[None] - 1, target).isfinite().all()


def looked_at(problem: Problem, count: int, close: bool, parts: int = 1) -> dict[str, Tensor]:
    """Results for two slots: noisy pictures, and the pictures themselves."""
    output, target = images(problem.shape, count)
    looks = Looks(problem, count, close=close)
    prediction = torch.stack([output, target])
    for rows in torch.arange(count).chunk(parts):
        looks.add(prediction[:, rows], target[rows])
    return looks.results()


def test_a_closer_look_is_at_evenly_spaced_samples_only() -> None:
    problem, count = Problem("image", (6, 5)), CLOSE_SAMPLES * 2 + 176
    output, target = (part[::3] for part in images(problem.shape, count))
    assert len(target) == 400 <= CLOSE_SAMPLES
    for parts in (1, 7):
        results = looked_at(problem, count, close=True, parts=parts)
        ssim = structural_similarity(output, target, (6, 5), 1.0).double()
        excess = cross_entropy_excess(output[None], target)[0]
        for name, values in (("ssim", ssim), ("ms_ssim", ssim), ("bce_excess", excess)):
            assert results[name][0].item() == pytest.approx(values.mean().item(), rel=1e-6)
            error = values.std().item() / math.sqrt(len(target))
            assert results[f"{name}_se"][0].item() == pytest.approx(error, rel=1e-5)
        assert results["ssim"][1].item() == pytest.approx(1, abs=1e-6)


def test_psnr_is_of_all_samples_and_comes_without_a_closer_look() -> None:
    problem = Problem("image", (6, 5))
    output, target = images(problem.shape, 40)
    results = looked_at(problem, 40, close=False, parts=3)
    expected = peak_signal_to_noise(output[None], target, (0.0, 1.0))[0]
    assert results["psnr"][0].item() == pytest.approx(expected.mean().item())
    assert results["psnr_se"][0].item() == pytest.approx(expected.std().item() / math.sqrt(40))
    assert {"ssim", "ms_ssim", "bce_excess"}.isdisjoint(results)


@pytest.mark.parametrize(
    ("problem", "names"),
    [
        (Problem("image", (6, 5)), {"psnr", "ssim", "ms_ssim", "bce_excess"}),
        (Problem("image", (2, 15)), {"psnr", "bce_excess"}),
        (Problem("image", (6, 5), low=-1.0), {"psnr", "ssim", "ms_ssim"}),
        (Problem("vector", (30,)), {"bce_excess"}),
        (Problem("vector", (30,), high=1.5), set()),
        (Problem("table", (30,)), set()),
    ],
    ids=["image", "thin image", "image below 0", "vector", "vector above 1", "table"],
)
def test_what_is_measured_follows_from_the_kind_and_range_of_the_data(
    problem: Problem, names: set[str]
) -> None:
    looks = {"psnr", "ssim", "ms_ssim", "bce_excess"}
    assert looks & set(looked_at(problem, 5, close=True)) == names


def test_a_take_away_model_has_the_same_figures() -> None:
    for problem in (Problem("image", (6, 5)), Problem("image", (6, 5), low=-1.0, high=3.0)):
        output, target = images(problem.shape, 20)
        found = image_figures(output, target, problem.to_json())
        looks = Looks(problem, 20, close=True)
        looks.add(output[None], target)
        expected = looks.results()
        assert set(found) == {name for name in expected if not name.endswith("_se")}
        for name, values in found.items():
            assert values.mean().item() == pytest.approx(expected[name].item()), name


def test_a_slots_ssim_does_not_depend_on_its_company() -> None:
    problem = Problem("image", (28, 28))
    output, target = images(problem.shape, 300)
    company = torch.stack([output, target, output * 0.5, 1 - output])
    together = similarities(company, target, problem)
    for row in range(4):
        alone = similarities(company[row : row + 1], target, problem)
        for name, values in alone.items():
            assert torch.equal(values[0], together[name][row]), name


@pytest.mark.parametrize("shape", [(28, 28), (31, 24, 3)], ids=str)
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.4, 2.9)])
def test_similarity_does_not_depend_on_where_values_begin(
    shape: tuple[int, ...], low: float, high: float
) -> None:
    output, target = images(shape)
    unit = similarities(output[None], target, Problem("image", shape))
    moved = [low + (high - low) * values for values in (output, target)]
    problem = Problem("image", shape, low=low, high=high)
    found = similarities(moved[0][None], moved[1], problem)
    figures = image_figures(moved[0], moved[1], problem.to_json())
    for name in ("ssim", "ms_ssim"):
        torch.testing.assert_close(found[name], unit[name], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(figures[name], unit[name][0], rtol=1e-3, atol=1e-4)
