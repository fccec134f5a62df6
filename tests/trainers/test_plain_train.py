"""The loop that travels with a model: the same configuration gives as good a model."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tests.trainers.conftest import DIGITS, ArrayData, config_of, slots_of
from tests.trainers.test_families import finished
from trainers import best_epoch
from trainers.base import FitPlan, Slot
from trainers.evaluation import load_twin, score
from trainers.loop import ArrayRun
from trainers.noise import Noise
from trainers.plain.train import MAX_GRADIENT_NORM, BestEpoch, measure, train
from trainers.registry import find_family
from trainers.stepping import MAX_GRADIENT_NORM as LOOPS_MAX_GRADIENT_NORM


# One of each kind of loop: plain, with a likelihood, with two players.
@pytest.mark.parametrize("family", ["autoencoder", "vae", "aae"])
def test_the_plain_loop_lands_where_the_array_does(family: str, digits: ArrayData) -> None:
    config = config_of(family, dropout=0.05, hidden_width=64)
    plan = FitPlan(12, 1, None, "mse", "minimize")
    _, ends = finished(
        ArrayRun(family, slots_of(family, 6, dropout=0.05, hidden_width=64), digits, plan)
    )
    values = [end.value for end in ends if end.value is not None]
    torch.manual_seed(0)
    model: Any = import_module(find_family(family).plain).build(DIGITS.to_json(), config)
    training = {"epochs": 12, "early_stopping": None, "first_eligible_epoch": 1}
    data = [torch.from_numpy(part) for part in (digits.train, digits.validation)]
    train(model, data[0], data[1], training, show=False)
    found = measure(model, data[1])["mse"]
    mean, spread = float(np.mean(values)), float(np.std(values))
    assert abs(found - mean) < max(4 * spread, 0.1 * mean)


@pytest.mark.parametrize("family", ["autoencoder", "denoising_autoencoder", "vae"])
def test_an_active_clip_gives_the_plain_loop_the_arrays_steps(
    family: str, digits: ArrayData, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = replace(digits, train=digits.train[:200] * 240, validation=digits.validation[:100] * 240)
    changes = {"optimizer": "sgd", "learning_rate": 1e-5, "batch_size": 200, "loss": "mse"}
    config = config_of(family, dropout=0.0, norm="none", schedule="constant", **changes)
    if "noise_level" in config:  # noise is the one thing that differs: leave no room for it
        config["noise_level"] = 0.0
    if "reset_after" in config:  # and where idle codes move
        config["reset_after"] = 0
    if find_family(family).likelihood:
        monkeypatch.setattr("torch.randn_like", torch.zeros_like)
        monkeypatch.setattr("trainers.noise.Noise.normal", zero_noise)
    run = ArrayRun(family, [Slot(0, 7, config)], raw, FitPlan(3, 1, None, "mse", "minimize"))
    if "codes" in config:
        fill_codebook(run)
    model: Any = import_module(find_family(family).plain).build(DIGITS.to_json(), config)
    load_twin(model, run._export(0, run._snapshot))
    reports, ends = finished(run)
    assert min(report.gradient_norm or 0 for report in reports) > 2 * MAX_GRADIENT_NORM
    training = {"epochs": 3, "early_stopping": None, "first_eligible_epoch": 1}
    data = [torch.from_numpy(part) for part in (raw.train, raw.validation)]
    chosen = train(model, data[0], data[1], training, show=False)
    assert ends[0].weights is not None
    assert chosen == ends[0].best_epoch
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.detach(), ends[0].weights[name], rtol=1e-3, atol=1e-5)


def fill_codebook(run: ArrayRun) -> None:
    """What a first batch would do, by the order of its samples."""
    model: Any = run._model
    vectors = torch.randn(1, 500, model.code_dim, generator=torch.Generator().manual_seed(5))
    model.codebook.fill(model.evaluation_pass(), vectors, torch.arange(500.0)[None])
    run._snapshot = run._copy()


def zero_noise(noise: Any, site: str, step: int, samples: int, size: int) -> torch.Tensor:
    return torch.zeros(len(noise.seeds), samples, size)


def test_both_loops_clip_at_the_same_norm() -> None:
    assert MAX_GRADIENT_NORM == LOOPS_MAX_GRADIENT_NORM


def test_a_training_that_diverges_says_so(digits: ArrayData) -> None:
    changes = {"learning_rate": 1e6, "optimizer": "sgd", "norm": "none"}
    config = config_of("autoencoder", loss="mse") | changes
    model = import_module("trainers.plain.autoencoder").build(DIGITS.to_json(), config)
    training = {"epochs": 9, "early_stopping": None, "first_eligible_epoch": 1}
    few = torch.from_numpy(digits.train[:100])
    with pytest.raises(SystemExit, match="diverged in epoch"):
        train(model, few, few, training, show=False)


@given(st.lists(st.integers(0, 6).map(float), min_size=1, max_size=20))
def test_the_plain_loop_chooses_the_epoch_that_the_array_does(values: list[float]) -> None:
    ours, plain = best_epoch.BestEpoch(1, 1.0), BestEpoch()
    weight = torch.zeros(())
    for epoch, value in enumerate(values, start=1):
        ours.add(epoch, value)
        plain.add(epoch, value, {"weight": weight.fill_(epoch)})
    plain.finish()
    choice = ours.current()
    assert choice is not None
    assert plain.chosen is not None
    assert plain.chosen[1:] == (choice.value, choice.epoch)
    assert plain.state["weight"] == choice.epoch


@pytest.mark.parametrize(("metric", "values", "first", "epochs", "wanted"), [
    ("mse", [9, 8, 1, 8, 5, 4.5, 4.6, 5], 1, 8, 6),
    ("mae", [1, 1, 9, 5, 4, 5], 3, 6, 5),
    ("elbo", [-9, -1, -9, -5, -4, -5], 1, 6, 5),
    ("mse", [5, 4, 3, 9, 9, 9, 1, 1], 1, 8, 3),
    ("mse", [3, 2], 5, 2, 2),
])  # fmt: skip
def test_the_best_eligible_epoch_by_the_objective_is_restored(
    metric: str, values: list[float], first: int, epochs: int, wanted: int,
    digits: ArrayData, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    seen: list[torch.Tensor] = []

    def scripted(model: Any, data: torch.Tensor) -> dict[str, float]:
        seen.append(model.decoder.head.bias.detach().clone())
        return {"mse": 1 / len(seen), metric: values[len(seen) - 1]}

    monkeypatch.setattr("trainers.plain.train.measure", scripted)
    model: Any = import_module("trainers.plain.vae").build(DIGITS.to_json(), config_of("vae"))
    stopping = {"patience": 3, "min_delta": 0.0, "min_epochs": 1} if values[0] == 5 else None
    training = {"epochs": epochs, "early_stopping": stopping, "first_eligible_epoch": first}
    few = torch.from_numpy(digits.train[:100])
    assert train(model, few, few, training, metric=metric, show=False) == wanted
    assert torch.equal(model.decoder.head.bias, seen[wanted - 1])
    assert len(seen) == (6 if stopping else len(values))  # patience counts raw values


def test_an_unknown_objective_is_refused(digits: ArrayData) -> None:
    model: Any = import_module("trainers.plain.autoencoder").build(
        DIGITS.to_json(), config_of("autoencoder")
    )
    training = {"epochs": 1, "early_stopping": None, "first_eligible_epoch": 1}
    few = torch.from_numpy(digits.train[:100])
    with pytest.raises(SystemExit, match="no metric 'elbo': it has mse, mae"):
        train(model, few, few, training, metric="elbo", show=False)


@pytest.mark.parametrize("loss", ["mse", "bce", "l1", "huber", "gaussian"])
@pytest.mark.parametrize("beta", [1.0, 0.2])
def test_the_plain_metrics_are_the_studys(
    loss: str, beta: float, digits: ArrayData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = slots_of("vae", 1, loss=loss, beta=beta, hidden_width=32)
    _, ends = finished(ArrayRun("vae", slots, digits, FitPlan(2, 1, None, "elbo", "maximize")))
    assert ends[0].weights is not None
    save_file(ends[0].weights, tmp_path / "weights.safetensors")
    recorded = score(
        "vae",
        slots[0].config,
        tmp_path / "weights.safetensors",
        digits.validation,
        slots[0].seed,
        DIGITS,
    )
    model: Any = import_module("trainers.plain.vae").build(DIGITS.to_json(), slots[0].config)
    load_twin(model, ends[0].weights)
    noise = Noise([slots[0].seed], torch.device("cpu"))

    def draws(samples: int, size: int, generator: torch.Generator) -> torch.Tensor:
        return noise.frozen_normal("evaluation/z", 0, samples, size)[0]

    monkeypatch.setattr("torch.randn", draws)
    found = measure(model, torch.from_numpy(digits.validation))
    assert found == pytest.approx({name: recorded[name] for name in found}, rel=1e-4)
    assert {"elbo", "bits_per_dimension", "kl", "psnr", "ssim", "bce_excess"} <= set(found)


def test_a_loss_that_is_no_density_has_no_elbo_in_the_plain_loop(few_digits: ArrayData) -> None:
    build = import_module("trainers.plain.vae").build
    model: Any = build(DIGITS.to_json(), config_of("vae", loss="ssim_mix"))
    found = measure(model, torch.from_numpy(few_digits.validation))
    assert "kl" in found
    assert {"elbo", "bits_per_dimension"}.isdisjoint(found)


def test_the_plain_loop_can_go_by_a_metric_that_is_better_when_higher(
    few_digits: ArrayData, capsys: Any
) -> None:
    build = import_module("trainers.plain.autoencoder").build
    model: Any = build(DIGITS.to_json(), config_of("autoencoder", learning_rate=0.01))
    data = [torch.from_numpy(part) for part in (few_digits.train, few_digits.validation)]
    training = {"epochs": 6, "early_stopping": None, "first_eligible_epoch": 1}
    best = train(model, data[0], data[1], training, metric="ssim")
    values = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert best >= 4  # it still learns
    assert measure(model, data[1])["ssim"] == pytest.approx(values[best - 1], abs=1e-5)


def test_early_stopping_ends_the_plain_loop(digits: ArrayData, capsys: Any) -> None:
    model = import_module("trainers.plain.autoencoder").build(
        DIGITS.to_json(), config_of("autoencoder", learning_rate=1e-7)
    )
    stopping = {"patience": 2, "min_delta": 0.01, "min_epochs": 1}
    training = {"epochs": 9, "early_stopping": stopping, "first_eligible_epoch": 2}
    few = torch.from_numpy(digits.train[:100])
    train(model, few, few, training)
    assert len(capsys.readouterr().out.splitlines()) == 4
