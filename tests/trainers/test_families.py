"""The contract of every registered family: its array against its plain twin, and alone."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.trainers.conftest import DIGITS, ArrayData, config_of, families_of, slots_of
from trainers.base import Batch, FitPlan, ModelArray, Slot, SlotEnd, SlotReport, Step
from trainers.data.evaluation_rows import evaluation_rows
from trainers.evaluation import load_twin, score
from trainers.loop import ArrayRun
from trainers.plain.given import Given
from trainers.registry import catalog, find_family, load_family

FAMILIES = families_of("image")
LOSSES = [loss.name for loss in catalog().losses.values()]
PLAN = FitPlan(3, 1, None, "mse", "minimize")

SHAPES: list[dict[str, Any]] = [
    {},
    {"depth": 0, "latent_dim": 8},
    {"hidden_width": 37, "latent_dim": 7},
    {"hidden_width": 5, "latent_dim": 5, "depth": 2, "activation": "silu"},
    {"hidden_width": 32, "depth": 2, "activation": "gelu", "norm": "layer", "dropout": 0.2},
    {"hidden_width": 37, "activation": "elu", "norm": "layer", "loss": "bce"},
    {"hidden_width": 30, "activation": "tanh", "norm": "batch", "dropout": 0.1, "loss": "l1"},
    {"hidden_width": 64, "loss": "huber", "optimizer": "adam", "batch_size": 32},
    {"hidden_width": 7, "loss": "mse", "optimizer": "sgd", "learning_rate": 1e-3},
]


def shape_name(shape: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in shape.items()) or "defaults"


def build(family: str, count: int, **changes: Any) -> ModelArray:
    return load_family(family)(slots_of(family, count, **changes), DIGITS)


def first_step(array: ModelArray) -> Step:
    array.noise.begin_epoch(1, 1)
    array.begin_epoch()
    return Step(1, 0, torch.ones(len(array.slots)))


def gradient_of(array: ModelArray, batch: Tensor) -> Tensor:
    """Every player's gradient of its own weights."""
    step, gradient = first_step(array), torch.zeros_like(array.weights)
    for player in array.players:
        loss = array.training_loss(Batch(batch, Given(batch)), step, player.name)
        (found,) = torch.autograd.grad(loss.sum(), array.weights)
        gradient[:, player.columns] = found[:, player.columns]
    return gradient


def twin_of(array: ModelArray, family: str, row: int) -> Any:
    twin: Any = array.plain_twin(array.slots[row].config, array.problem)
    state = array.export(row, array.weights, array.state)
    load_twin(twin, {**state, "offset": torch.zeros(1), "scale": torch.ones(1)})
    return twin.train()


def twin_loss(twin: Any, array: ModelArray, row: int, batch: Tensor, player: str) -> Tensor:
    """The plain training loss of a player with the array's own draws."""
    size = (len(batch), twin.latent_dim)
    draws = {site: array.noise.normal(site, 0, *size)[row] for site in ("z", "prior", "projection")}
    if hasattr(twin, "positions"):
        draws["codes"] = array.noise.normal("codes", 0, len(batch), twin.positions)[row]
    loss: Tensor = twin.player_loss(player, batch, Given(batch), draws=draws)
    return loss


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=shape_name)
def test_a_training_step_equals_the_plain_twins(
    family: str, count: int, shape: dict[str, Any], few_digits: ArrayData
) -> None:
    array = build(family, count, **{**shape, "dropout": 0.0})
    batch = torch.from_numpy(few_digits.train[: 20 * count]).view(count, 20, 64)
    step = first_step(array)
    for player in array.players:
        twins = [twin_of(array, family, row) for row in range(count)]
        loss = array.training_loss(Batch(batch, Given(batch)), step, player.name)
        (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
        for row, twin in enumerate(twins):
            expected = twin_loss(twin, array, row, batch[row], player.name)
            assert loss[row].item() == pytest.approx(expected.item(), rel=1e-5)
            ours = array.layout.export(gradient[row])
            (steps,) = [each for each in twin.players() if each.name == player.name]
            names = {parameter: name for name, parameter in twin.named_parameters()}
            theirs = torch.autograd.grad(expected, steps.parameters)
            for parameter, wanted in zip(steps.parameters, theirs, strict=True):
                scale = wanted.abs().max().item()
                torch.testing.assert_close(
                    ours[names[parameter]], wanted, rtol=1e-4, atol=1e-5 * max(1.0, scale)
                )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_freshly_built_model_counts_the_parameters_that_the_catalog_says(family: str) -> None:
    for shape in SHAPES:
        config = config_of(family, **shape)
        twin: Any = load_family(family).plain_twin(config, DIGITS)
        counted = sum(parameter.numel() for parameter in twin.parameters())
        assert counted == catalog().count_parameters(family, config, DIGITS.to_json())
        assert twin.count_used() == catalog().count_used(family, config, DIGITS.to_json())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_reach_every_parameter(family: str, loss: str, few_digits: ArrayData) -> None:
    # Inside the margin the slopes of a hinge cancel out for the head's bias.
    smooth: dict[str, Any] = {}
    if "adversarial_loss" in find_family(family).params.knobs():
        smooth = {"adversarial_loss": "non_saturating"}
    array = build(family, 2, **smooth, loss=loss, depth=2, norm="layer", dropout=0.1)
    batch = torch.from_numpy(few_digits.train[:128]).view(2, 64, 64)
    gradient = gradient_of(array, batch)
    for row in range(2):
        for name, tensor in array.layout.export(gradient[row]).items():
            assert tensor.abs().max() > 0, name


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_stays_exactly_zero(family: str, odd_table: ArrayData) -> None:
    shape = {"hidden_width": 5, "latent_dim": 3, "depth": 2}
    for norm in ("none", "batch", "layer"):
        run = ArrayRun(
            family, slots_of(family, 2, norm=norm, dropout=0.3, **shape), odd_table, PLAN
        )
        run.run_epoch()
        model = run._model
        used = torch.zeros_like(model.weights[0])
        marks = {name: torch.ones_like(t) for name, t in model.layout.export(used).items()}
        model.layout.load(used, marks)
        assert 0 < used.sum() < used.numel()
        assert (model.weights.detach()[:, used == 0] == 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_slot_poisoned_with_nan_does_not_touch_the_others(
    family: str, few_digits: ArrayData
) -> None:
    healthy = ArrayRun(family, slots_of(family, 3), few_digits, PLAN)
    poisoned = ArrayRun(family, slots_of(family, 3), few_digits, PLAN)
    with torch.no_grad():
        poisoned._model.weights[1, 7] = float("nan")
    _, ends = finished(poisoned)
    _, expected = finished(healthy)
    by_trial = {end.trial: end for end in ends}
    assert by_trial[1].state == "DIVERGED"
    assert by_trial[1].value is None
    assert by_trial[1].message is not None
    for end in expected:
        if end.trial != 1:
            assert_same_end(by_trial[end.trial], end)


def finished(run: ArrayRun) -> tuple[list[SlotReport], list[SlotEnd]]:
    reports: list[SlotReport] = []
    ends: list[SlotEnd] = []
    while run.live:
        result = run.run_epoch()
        assert result is not None
        reports += result[0]
        ends += result[1]
    return reports, ends


def timeless(end: SlotEnd) -> SlotEnd:
    """An end without its tensors, and without what a clock says."""
    complexity = {n: v for n, v in (end.complexity or {}).items() if n != "latency_seconds"}
    return replace(end, weights=None, pictures=None, evidence=None, complexity=complexity)


def assert_same_end(one: SlotEnd, other: SlotEnd) -> None:
    """Equal bits, the weights included, and the pictures and the evidence."""
    assert timeless(one) == timeless(other)
    assert one.weights is not None
    assert other.weights is not None
    assert one.weights.keys() == other.weights.keys()
    for name, tensor in one.weights.items():
        assert torch.equal(tensor, other.weights[name]), name
    for found, others in ((one.pictures, other.pictures), (one.evidence, other.evidence)):
        assert found is not None and others is not None
        assert found.keys() == others.keys()
        for name, tensor in found.items():
            assert torch.equal(tensor, others[name]), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES, ids=shape_name)
def test_a_trial_is_the_same_bits_alone_and_in_company(
    family: str, shape: dict[str, Any], few_digits: ArrayData
) -> None:
    rates = [1e-3, 3e-3, 1e-2, 2e-3, 5e-4, 4e-3, 1e-3, 2e-3]
    slots = [
        Slot(
            trial,
            trial + 5,
            config_of(
                family,
                **{
                    **shape,
                    "weight_decay": 0.01 * trial,
                    "dropout": (0.0, 0.25)[trial % 2],
                    "learning_rate": rates[trial] * (0.01 if "sgd" in shape.values() else 1),
                },
            ),
        )
        for trial in range(8)
    ]
    plan = replace(PLAN, epochs=2)
    reports, ends = finished(ArrayRun(family, slots, few_digits, plan))
    assert {end.state for end in ends} == {"COMPLETE"}
    for company in (slots[:1], slots[3:4], slots[5:]):
        trials = {slot.trial for slot in company}
        less_reports, less_ends = finished(ArrayRun(family, company, few_digits, plan))
        for one, other in zip(
            less_reports, [report for report in reports if report.trial in trials], strict=True
        ):
            assert replace(one, seconds=0) == replace(other, seconds=0)
        for one_end, other_end in zip(
            less_ends, [end for end in ends if end.trial in trials], strict=True
        ):
            assert_same_end(one_end, other_end)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trial_is_the_same_bits_among_seventeen(family: str, odd_table: ArrayData) -> None:
    plan = replace(PLAN, epochs=1)
    many = finished(ArrayRun(family, slots_of(family, 17), odd_table, plan))[1]
    for trial in (0, 16):
        slot = slots_of(family, 17)[trial]
        alone = finished(ArrayRun(family, [slot], odd_table, plan))[1]
        assert_same_end(alone[0], many[trial])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_checkpoint_replays_every_recorded_value(
    family: str, loss: str, few_digits: ArrayData, tmp_path: Path
) -> None:
    slots = slots_of(family, 2, loss=loss, norm="batch", dropout=0.1, hidden_width=31)
    _, ends = finished(ArrayRun(family, slots, few_digits, PLAN))
    for slot, end in zip(slots, ends, strict=True):
        assert end.weights is not None
        assert end.validation is not None
        path = tmp_path / f"{slot.trial}.safetensors"
        save_file(end.weights, path)
        replayed = score(family, slot.config, path, few_digits.validation, slot.seed, DIGITS)
        assert replayed == pytest.approx(end.validation, rel=1e-4, abs=1e-7)
        assert replayed["mse"] == pytest.approx(end.value, rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_plain_module_reconstructs_raw_units(family: str, digits: ArrayData) -> None:
    module = import_module(find_family(family).plain)
    model = module.build(DIGITS.to_json(), config_of(family))
    model.scale = torch.full((1,), 16.0)
    raw = torch.from_numpy(digits.validation[:5] * 16).view(5, 8, 8)
    model.train()
    reconstructed = model.reconstruct(raw)
    assert reconstructed.shape == raw.shape
    assert model.training
    expected = model.eval().estimate(Given((raw / 16).view(5, 64).float())) * 16
    torch.testing.assert_close(reconstructed.view(5, 64), expected.double())


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_show_the_first_and_the_worst_samples(family: str, digits: ArrayData) -> None:
    _, ends = finished(ArrayRun(family, slots_of(family, 1), digits, replace(PLAN, epochs=1)))
    pictures = ends[0].pictures
    assert pictures is not None
    assert {name: tuple(t.shape) for name, t in pictures.items()} == {
        "input": (8, 8, 8),
        "given": (8, 8, 8),
        "best": (8, 8, 8),
        "last": (8, 8, 8),
        "worst_input": (8, 8, 8),
        "worst_given": (8, 8, 8),
        "worst_best": (8, 8, 8),
        "worst_index": (8,),
        "snapshots": (1, 8, 8, 8),
        "snapshot_epochs": (1,),
    }
    assert np.array_equal(pictures["input"].flatten(1), digits.validation[:8])
    worst = digits.validation[pictures["worst_index"].numpy()]
    assert np.array_equal(pictures["worst_input"].flatten(1), worst)
    errors = (pictures["worst_best"] - pictures["worst_input"]).square().mean((1, 2))
    assert (errors.diff() <= 1e-6).all()


def test_both_parts_are_judged_on_equally_many_samples() -> None:
    rows, others = evaluation_rows(1257, 270)
    assert others.tolist() == list(range(270))
    assert len(rows) == 270
    assert rows[0] == 0
    assert rows[-1] >= 1250
    assert set(np.diff(rows)) <= {4, 5}
