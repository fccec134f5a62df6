"""What every family promises, at each of its tasks, kinds of data and architectures.

Parametrised from the registry: a new family is tested without writing a test.
"""

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import Tensor

from tests.trainers.cases import CASES, SMALL, Case, main_kind
from tests.trainers.test_families import assert_same_end, finished, first_step
from trainers.base import Batch, FitPlan, ModelArray, Slot, Step
from trainers.evaluation import evaluation_samples, load_twin, score
from trainers.intervals import SampleFigures
from trainers.loop import ArrayRun
from trainers.plain.given import Given
from trainers.portable import write_model_zip
from trainers.registry import catalog, find_family

BATCH = 24
QUIET: dict[str, Any] = {"dropout": 0.0, "word_dropout": 0.0}
"""What the twin draws for itself in training is turned off where the two are compared."""

each_case = pytest.mark.parametrize("case", CASES, ids=str)


def plan_of(case: Case, epochs: int) -> FitPlan:
    return FitPlan(epochs, 1, None, case.metric, "minimize", case.task)


def batch_for(case: Case, array: ModelArray, step: Step) -> Batch:
    count = len(array.slots)
    rows = torch.arange(count * BATCH) % len(case.few.train)
    target = torch.from_numpy(case.few.train)[rows].view(count, BATCH, -1)
    fill = torch.from_numpy(case.few.mean)
    return Batch(target, array.training_given(target, step, fill))


def twin_of(case: Case, array: ModelArray, row: int) -> Any:
    """The plain twin of a row, in training mode."""
    twin: Any = array.plain_twin(array.slots[row].config, array.problem)
    state = array.export(row, array.weights, array.state)
    state |= {"offset": torch.zeros(1), "scale": torch.ones(1)}
    if array.problem.masked:
        state["fill"] = torch.from_numpy(case.few.mean)
    load_twin(twin, state)
    return twin.train()


class Drawn:
    """What an array has drawn from its noise, by site, for the twins to use."""

    def __init__(self, array: ModelArray) -> None:
        self.found: dict[str, Tensor] = {}
        normal = array.noise.normal

        def keep(site: str, *rest: Any) -> Tensor:
            self.found[site] = normal(site, *rest)
            return self.found[site]

        array.noise.normal = keep  # type: ignore[method-assign]

    def of(self, row: int) -> dict[str, Tensor]:
        return {site: draws[row] for site, draws in self.found.items()}


def twin_loss(
    case: Case, twin: Any, player: str, target: Tensor, given: Given, draws: dict[str, Tensor]
) -> Tensor:
    """A twin's loss with the array's draws."""
    if case.kind == "text":
        noise = {"noise": draws["z"]} if find_family(case.family).likelihood else {}
        loss: Tensor = twin.training_loss(target, given, **noise)
        return loss
    found: Tensor = twin.player_loss(player, target, given, draws=draws)
    return found


def row_of(given: Given, row: int) -> Given:
    return given.map(lambda part: part[row])


@each_case
@pytest.mark.parametrize("count", [1, 3])
def test_a_step_equals_the_plain_twins(case: Case, count: int) -> None:
    array = case.build(count, **QUIET)
    step = first_step(array)
    batch = batch_for(case, array, step)
    drawn = Drawn(array)
    for player in array.players:
        twins = [twin_of(case, array, row) for row in range(count)]
        loss = array.training_loss(batch, step, player.name)
        (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
        for row, twin in enumerate(twins):
            expected = twin_loss(
                case, twin, player.name, batch.target[row], row_of(batch.given, row), drawn.of(row)
            )
            assert loss[row].item() == pytest.approx(expected.item(), rel=1e-5)
            ours = array.layout.export(gradient[row])
            (stepped,) = [each for each in twin.players() if each.name == player.name]
            names = {parameter: name for name, parameter in twin.named_parameters()}
            theirs = torch.autograd.grad(expected, stepped.parameters)
            for parameter, wanted in zip(stepped.parameters, theirs, strict=True):
                size = max(1.0, wanted.abs().max().item())
                torch.testing.assert_close(
                    ours[names[parameter]], wanted, rtol=1e-4, atol=1e-5 * size
                )


def move(array: ModelArray, distance: float) -> None:
    """Add to every weight that is used."""
    with torch.no_grad():
        for row in range(len(array.slots)):
            moved = array.layout.export(array.weights[row])
            array.layout.load(array.weights[row], {n: t + distance for n, t in moved.items()})


@each_case
def test_gradients_reach_every_parameter(case: Case) -> None:
    array = case.build(2)
    if len(array.players) > 1:  # a fresh critic is where the slopes of some losses cancel out
        move(array, 0.2)
    step = first_step(array)
    batch = batch_for(case, array, step)
    reached = torch.zeros_like(array.weights)
    for player in array.players:
        loss = array.training_loss(batch, step, player.name)
        (found,) = torch.autograd.grad(loss.sum(), array.weights)
        reached[:, player.columns] = found[:, player.columns]
    for row in range(2):
        for name, tensor in array.layout.export(reached[row]).items():
            assert tensor.isfinite().all() and tensor.abs().max() > 0, name


@each_case
def test_a_poisoned_slot_does_not_touch_the_others(case: Case) -> None:
    healthy, poisoned = (
        ArrayRun(case.family, case.slots(3), case.few, plan_of(case, 1)) for _ in range(2)
    )
    with torch.no_grad():
        poisoned._model.weights[1] = float("nan")
    _, expected = finished(healthy)
    _, ends = finished(poisoned)
    by_trial = {end.trial: end for end in ends}
    assert by_trial[1].state == "DIVERGED"
    for end in expected:
        if end.trial != 1:
            assert_same_end(by_trial[end.trial], end)


@each_case
def test_checkpoint_and_portable_model_give_the_recorded_value(case: Case, tmp_path: Path) -> None:
    (slot,) = case.slots(1)
    _, (end,) = finished(ArrayRun(case.family, [slot], case.few, plan_of(case, 1)))
    assert end.weights is not None and end.value is not None and end.validation is not None
    path = tmp_path / "weights.safetensors"
    save_file(end.weights, path)
    part, mean, figures = case.few.validation, case.few.mean, SampleFigures()
    found = score(case.family, slot.config, path, part, slot.seed, case.problem, mean, figures)
    assert found[case.metric] == pytest.approx(end.value, rel=1e-5)
    assert_intervals(found, figures)
    assert portable_error(case, slot, end.weights, tmp_path) == pytest.approx(
        replayed_error(case, end.validation), rel=1e-4
    )


def assert_intervals(metrics: dict[str, float], figures: SampleFigures) -> None:
    """All that is a mean has one, and what the samples give is what the meters say."""
    named = {name: value for name, value in figures.estimates().items() if name in metrics}
    assert named == pytest.approx({name: metrics[name] for name in named}, rel=1e-6, abs=1e-9)
    found = figures.intervals(metrics, 0)
    assert set(found) == set(named)
    assert all(low <= metrics[name] <= high for name, (low, high) in found.items())
    spread = {name for name in metrics if f"{name}_se" in metrics}
    assert spread <= set(found), "what has a standard error has an interval"
    for name in spread - {"perplexity"}:
        error = metrics[f"{name}_se"]
        low, high = found[name]
        assert (high - low) / 3.92 == pytest.approx(error, rel=0.35, abs=1e-9), name


def replayed_error(case: Case, metrics: dict[str, float]) -> float:
    return metrics["token_cross_entropy" if case.kind == "text" else "mse"]


def portable_error(case: Case, slot: Slot, weights: dict[str, Tensor], folder: Path) -> float:
    """The same by the take-away files alone, in this process for speed."""
    out = io.BytesIO()
    write_model_zip(
        out,
        family=case.family,
        problem=case.problem.to_json(),
        config=slot.config,
        weights=save(weights),
        metadata={},
    )
    with zipfile.ZipFile(out) as archive:
        archive.extractall(folder / "model")
    samples = evaluation_samples(
        case.problem, torch.from_numpy(case.few.validation), torch.from_numpy(case.few.mean)
    )
    modules, path = dict(sys.modules), list(sys.path)
    sys.path.insert(0, str(folder / "model"))
    try:
        from model import load  # type: ignore[import-not-found]

        model = load(folder / "model")
        given = sys.modules["given"].Given(*samples.given)
        with torch.no_grad():
            if case.kind == "text":
                nats = model.nats(samples.target, model.encode(given)).sum()
                return float(nats / (samples.target != 0).sum())
            return float((model.estimate(given) - samples.target).square().mean())
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - set(modules):
            del sys.modules[name]


FIRST = [
    case
    for case in CASES
    if case.task.kind == find_family(case.family).tasks[0] and case.kind == main_kind(case.family)
]


@pytest.mark.parametrize("corner", ["low", "high", "drawn"])
@pytest.mark.parametrize("case", FIRST, ids=str)
def test_default_ranges_give_models_that_train(case: Case, corner: str) -> None:
    (slot,) = case.slots(1, **corner_of(case, corner))
    reports, (end,) = finished(ArrayRun(case.family, [slot], case.few, plan_of(case, 2)))
    assert end.state == "COMPLETE", end.message
    assert end.value is not None
    assert all(np.isfinite(report.gradient_norm or 0.0) for report in reports)


def corner_of(case: Case, corner: str) -> dict[str, Any]:
    """Values of everything that is searched by default: the lowest, the highest, or drawn."""
    stream = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for name, entry in catalog().families[case.family].parameters.items():
        searched = entry.default_range
        if searched is None or name in SMALL.get(case.family, {}):
            continue
        if searched.type == "categorical":
            places = {"low": 0, "high": -1, "drawn": int(stream.integers(len(searched.choices)))}
            found[name] = searched.choices[places[corner]]
            continue
        share = {"low": 0.0, "high": 1.0, "drawn": float(stream.uniform())}[corner]
        low, high = searched.low, searched.high
        value = low * (high / low) ** share if searched.log else low + share * (high - low)
        found[name] = round(value) if searched.type == "int" else min(max(value, low), high)
    return found


MOST_EPOCHS = {"image": 60, "vector": 60, "text": 30, "table": 300}
"""A table's epoch has three steps. Most cases need a tenth of it."""
BEATEN = 0.9
"""The share of the baseline's error that is small enough."""


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.architecture != "conv" or case in FIRST],
    ids=str,
)
def test_a_few_seconds_of_training_beat_the_trivial_baseline(case: Case) -> None:
    goal = BEATEN * trivial_error(case)
    epochs = MOST_EPOCHS[case.kind]
    slots = case.slots(1, schedule="constant")
    run = ArrayRun(case.family, slots, case.many, plan_of(case, epochs))
    seen = []
    for _ in range(epochs):
        found = run.run_epoch()
        assert found is not None
        seen.append(found[0][0].validation[case.metric])
        if seen[-1] < goal:
            return
    raise AssertionError(f"after {epochs} epochs {min(seen):.4f}, and not {goal:.4f}")


def trivial_error(case: Case) -> float:
    """Of the mean sample; of doing nothing, where the task takes something away; of letters."""
    data = case.many
    if case.kind == "text":
        share = np.bincount(data.train[data.train > 0].astype(int)) / (data.train > 0).sum()
        return float(-np.log(share[data.validation[data.validation > 0].astype(int)]).mean())
    if case.task.kind == "reconstruct":
        return float(((data.validation - data.mean) ** 2).mean())
    run = ArrayRun(case.family, case.slots(1), data, plan_of(case, 1))
    return run.doing_nothing()[1][case.metric]
