"""Convolutional networks of K models: against torch, against their plain twins, and alone."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.trainers.conftest import ArrayData, config_of, slots_of
from tests.trainers.test_families import first_step, gradient_of, twin_loss, twin_of
from trainers.base import Batch, FitPlan, ModelArray
from trainers.convolution import GROUPED_POSITIONS, convolve, convolve_grouped, convolve_looped
from trainers.counts import image_stages
from trainers.loop import ArrayRun
from trainers.plain.given import Given
from trainers.plain.stages import stage_sides
from trainers.problem import Problem
from trainers.registry import count_parameters, families, load_family
from trainers.tasks import Task

FAMILIES = [name for name, each in families().items() if "architecture" in each.params.knobs()]
SHAPES = [(8, 8), (7, 9), (13, 10, 3), (28, 28)]
NETWORKS: list[dict[str, Any]] = [
    {},
    {"norm": "batch", "stages": 1, "activation": "relu"},
    {"norm": "layer", "stages": 4, "channels": 8, "activation": "silu", "loss": "bce"},
]


def build(family: str, shape: tuple[int, ...], count: int, **changes: Any) -> ModelArray:
    slots = slots_of(family, count, architecture="conv", **changes)
    return load_family(family)(slots, Problem("image", shape))


def images(shape: tuple[int, ...], slots: int, samples: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    features = Problem("image", shape).features
    return torch.rand(slots, samples, features, generator=generator)


@pytest.mark.parametrize("way", [convolve_looped, convolve_grouped, convolve])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [7, 12])
def test_a_convolution_of_slots_equals_torchs_one_by_one(way: Any, stride: int, side: int) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 4, side, side + 1, 5, generator=generator)
    weight = torch.randn(3, 6, 5, 3, 3, generator=generator)
    bias = torch.randn(3, 6, generator=generator)
    y = way(x, weight, bias, stride)
    for row in range(3):
        expected = F.conv2d(x[row].permute(0, 3, 1, 2), weight[row], bias[row], stride, 1)
        torch.testing.assert_close(y[row], expected.permute(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


def test_the_rule_goes_by_the_size_of_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("convolve_looped", "convolve_grouped"):
        monkeypatch.setattr(
            f"trainers.convolution.{name}", lambda *_, name=name: asked.append(name)
        )
    side = int(GROUPED_POSITIONS**0.5)
    for slots, width in ((1, side), (2, side), (2, side + 1)):
        x = torch.zeros(slots, 1, side, width, 1)
        convolve(x, torch.zeros(slots, 1, 1, 3, 3), torch.zeros(slots, 1))
    assert asked == ["convolve_looped", "convolve_grouped", "convolve_looped"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_training_step_equals_the_plain_twins(
    family: str, shape: tuple[int, ...], network: dict[str, Any]
) -> None:
    array = build(family, shape, 2, **network)
    batch = images(shape, 2, 12)
    step = first_step(array)
    player = array.players[-1].name
    twins = [twin_of(array, family, row) for row in range(2)]
    loss = array.training_loss(Batch(batch, Given(batch)), step, player)
    (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
    for row, twin in enumerate(twins):
        expected = twin_loss(twin, array, row, batch[row], player)
        assert loss[row].item() == pytest.approx(expected.item(), rel=2e-5)
        ours = array.layout.export(gradient[row])
        (steps,) = [each for each in twin.players() if each.name == player]
        names = {parameter: name for name, parameter in twin.named_parameters()}
        theirs = torch.autograd.grad(expected, steps.parameters)
        # A bias before a batch norm has no gradient but the rounding of the others'.
        scale = max(wanted.abs().max().item() for wanted in theirs)
        for parameter, wanted in zip(steps.parameters, theirs, strict=True):
            torch.testing.assert_close(
                ours[names[parameter]], wanted, rtol=1e-4, atol=1e-5 * max(1.0, scale)
            )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_counts_the_parameters_that_the_catalog_says(family: str) -> None:
    for shape in SHAPES:
        for network in NETWORKS:
            problem = Problem("image", shape)
            config = config_of(family, architecture="conv", **network)
            twin: Any = load_family(family).plain_twin(config, problem)
            counted = sum(parameter.numel() for parameter in twin.parameters())
            assert counted == count_parameters(family, config, problem.to_json())


def test_gradients_reach_every_parameter() -> None:
    array = build("autoencoder", (13, 10, 3), 2, stages=3, norm="layer", dropout=0.1)
    gradient = gradient_of(array, images((13, 10, 3), 2, 32))
    for row in range(2):
        for name, tensor in array.layout.export(gradient[row]).items():
            assert tensor.abs().max() > 0, name


@pytest.mark.parametrize("family", ["autoencoder", "vae", "vq_vae"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_a_step_alone_agrees_with_one_in_company(family: str, norm: str) -> None:
    batch = images((8, 8), 3, 20)
    company = build(family, (8, 8), 3, norm=norm, dropout=0.1)
    alone = build(family, (8, 8), 3, norm=norm, dropout=0.1).select([1])
    together = gradient_of(company, batch)
    apart = gradient_of(alone, batch[1:2])
    scale = max(1.0, together[1].abs().max().item())
    torch.testing.assert_close(apart[0], together[1], rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("family", ["autoencoder", "vae", "vq_vae"])
@pytest.mark.parametrize("shape", [(8, 8), (28, 28)], ids=str)
def test_a_slot_poisoned_with_nan_leaves_the_others_alone(
    family: str, shape: tuple[int, ...]
) -> None:
    batch = images(shape, 3, 6)
    healthy, poisoned = build(family, shape, 3), build(family, shape, 3)
    with torch.no_grad():
        poisoned.weights[1, ::97] = float("nan")
    expected, found = gradient_of(healthy, batch), gradient_of(poisoned, batch)
    assert not found[1].isfinite().all()
    for row in (0, 2):
        assert torch.equal(found[row], expected[row])


def test_dropout_takes_whole_channels_of_the_maps() -> None:
    array = build("autoencoder", (8, 8), 1, dropout=0.5)
    run = array.training_pass(first_step(array))
    encoder: Any = array.encoder
    block = encoder._stages[0]
    maps = block(run, images((8, 8), 1, 16).view(1, 16, 8, 8, 1))
    dropped = (maps == 0).all(dim=(2, 3))
    assert 0.3 < dropped.float().mean() < 0.7
    assert (maps.flatten(2, 3).permute(0, 1, 3, 2)[~dropped] != 0).all()


def test_many_samples_are_evaluated_in_pieces_with_the_same_result() -> None:
    array = build("autoencoder", (8, 8), 2)
    batch = images((8, 8), 1, 300)[0]
    whole = array.outputs(Given(batch), batch, 0).prediction
    part = array.outputs(Given(batch[200:]), batch[200:], 0).prediction
    torch.testing.assert_close(whole[:, 200:], part, rtol=1e-5, atol=1e-6)


def test_sides_are_halved_while_there_is_room() -> None:
    assert stage_sides(28, 28, 4) == [(28, 28), (14, 14), (7, 7), (4, 4), (2, 2)]
    assert stage_sides(8, 100, 4) == [(8, 100), (4, 50), (2, 25)]


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (Problem("image", (3, 100)), "at least 4 x 4 pixels, and these have 3 x 100"),
        (Problem("vector", (64,)), "needs images"),
    ],
    ids=["strip", "vector"],
)
def test_what_cannot_be_halved_is_refused_by_name(problem: Problem, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        image_stages(problem, 16, 2)
    with pytest.raises(ValueError, match=why):
        load_family("autoencoder")(slots_of("autoencoder", 1, architecture="conv"), problem)


def test_convolutions_beat_the_mean_image_by_far(digits: ArrayData) -> None:
    slots = slots_of("autoencoder", 1, architecture="conv", batch_size=32)
    run = ArrayRun("autoencoder", slots, digits, FitPlan(4, 1, None, "mse", "minimize"))
    while run.live:
        result = run.run_epoch()
        assert result is not None
    mean = float(((digits.validation - digits.mean) ** 2).mean())
    assert result[0][0].validation["mse"] < 0.5 * mean


def test_an_inpainting_encoder_sees_the_mask_as_channels() -> None:
    problem = Problem("image", (8, 8), Task("inpaint", mask="random", share=0.25))
    slots = slots_of("autoencoder", 1, architecture="conv")
    array = load_family("autoencoder")(slots, problem)
    twin: Any = array.plain_twin(slots[0].config, problem)
    twin.load_state_dict(array.export(0, array.weights, array.state), strict=False)
    twin.train()
    batch = images((8, 8), 1, 5)
    known = (batch > 0.3).float()
    loss = array.training_loss(Batch(batch, Given(batch, known)), first_step(array), "model")
    expected = twin.training_loss(batch[0], Given(batch[0], known[0]))
    assert loss[0].item() == pytest.approx(expected.item(), rel=1e-5)
    config = slots[0].config
    counted = sum(parameter.numel() for parameter in twin.parameters())
    assert counted == count_parameters("autoencoder", config, problem.to_json())
