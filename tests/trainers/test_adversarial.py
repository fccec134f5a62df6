"""What only adversarial families have: spectral norm, R1, players, and terms that say who wins."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainers.conftest import DIGITS, ArrayData, config_of, slots_of
from tests.trainers.test_families import assert_same_end, finished
from trainers.base import FitPlan, Slot
from trainers.critic import Critic
from trainers.layers import Layout, Pass
from trainers.loop import ArrayRun
from trainers.noise import Noise
from trainers.plain.critic import Critic as PlainCritic
from trainers.registry import load_family

PLAN = FitPlan(2, 1, None, "mse", "minimize")
ADVERSARIAL = ["aae", "vae_gan", "bigan"]


def critics(r1: float, **changes: Any) -> tuple[Critic, Layout, Layout, Pass]:
    layout, buffers = Layout(), Layout()
    settings = {"inputs": 7, "width": 5, "depth": 2, "spectral": False, "kind": "hinge"}
    critic = Critic(layout, buffers, r1=r1, **{**settings, **changes})
    noise = Noise([0, 1], torch.device("cpu"))
    weights = layout.initial(noise)
    state = buffers.constants(2, torch.device("cpu"))
    return critic, layout, buffers, Pass(layout.split(weights), buffers.split(state), noise)


def samples(seed: int, count: int = 2) -> Tensor:
    return torch.randn(count, 11, 7, generator=torch.Generator().manual_seed(seed))


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    critic, layout, _, run = critics(0.0, spectral=True)
    for seed in range(60):
        critic.loss(run, samples(seed), samples(seed + 100))
    for row in range(2):
        matrices = layout.export(torch.cat([w.flatten(1) for w in run.weights], dim=1)[row])
        plain = PlainCritic(7, {
            "adversarial_loss": "hinge", "r1": 0.0, "discriminator_width": 5,
            "discriminator_depth": 2, "spectral_norm": False,
        })  # fmt: skip
        with torch.no_grad():
            for name, parameter in plain.named_parameters():
                matrix = matrices[f"critic.{name}"]
                largest = torch.linalg.matrix_norm(matrix, 2) if matrix.ndim == 2 else 1.0
                parameter.copy_(matrix / largest)
        x = samples(7)[row]
        torch.testing.assert_close(
            critic.scores(run, samples(7))[row], plain(x), rtol=1e-3, atol=1e-4
        )


def test_r1_charges_the_slope_at_real_samples() -> None:
    critic, _, _, run = critics(4.0)
    bare, _, _, bare_run = critics(0.0)
    real, fake = samples(1), samples(2)
    charged = critic.loss(run, real, fake)[0] - bare.loss(bare_run, real, fake)[0]
    x = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(bare.scores(bare_run, x).sum(), x)
    penalty = 0.5 * 4.0 * slope.square().sum(2).mean(1)
    assert charged.tolist() == pytest.approx(penalty.tolist(), rel=1e-5)


@pytest.mark.parametrize("family", ADVERSARIAL)
def test_players_divide_the_weights_between_them(family: str) -> None:
    array = load_family(family)(slots_of(family, 2, rate_ratio=0.5), DIGITS)
    owned = torch.zeros(array.layout.size)
    for player in array.players:
        owned[player.columns] += 1
    assert (owned == 1).all()
    assert array.players[0].rates == (0.5, 0.5)


@pytest.mark.parametrize("family", ADVERSARIAL)
def test_a_slots_rate_and_weights_are_its_own(family: str, few_digits: ArrayData) -> None:
    weight = "reconstruction_weight" if family == "bigan" else "adversarial_weight"
    changes = [{}, {weight: 0.0, "rate_ratio": 3.0}, {weight: 0.5, "warm_up": 0.9}]
    slots = [Slot(i, 10 + i, config_of(family, **each)) for i, each in enumerate(changes)]
    _, ends = finished(ArrayRun(family, slots, few_digits, PLAN))
    for slot, end in zip(slots, ends, strict=True):
        _, (alone,) = finished(ArrayRun(family, [slot], few_digits, PLAN))
        assert_same_end(alone, end)


@pytest.mark.parametrize("family", ADVERSARIAL)
def test_a_discriminator_that_wins_is_seen_in_the_terms(family: str, digits: ArrayData) -> None:
    free = {"spectral_norm": False, "r1": 0.0, "warm_up": 0.0, "adversarial_loss": "non_saturating"}
    # The model hardly moves: nothing keeps the first discriminator from winning, and the
    # second one hardly moves either.
    changes = [{"learning_rate": 1e-4, "rate_ratio": ratio, **free} for ratio in (50.0, 0.1)]
    slots = [Slot(trial, 1, config_of(family, **each)) for trial, each in enumerate(changes)]
    reports, _ = finished(ArrayRun(family, slots, digits, FitPlan(4, 1, None, "mse", "minimize")))
    winner, other = (report for report in reports if report.epoch == 4)
    assert {"discriminator_loss", "adversarial_loss", "real_score", "fake_score"} <= set(
        winner.train
    )
    assert "discriminator_accuracy" not in winner.validation
    assert winner.train["discriminator_accuracy"] > 0.95
    assert other.train["discriminator_accuracy"] < 0.9


@pytest.mark.parametrize("family", ADVERSARIAL)
def test_saved_and_taken_up_again_every_player_goes_on(
    family: str, few_digits: ArrayData, tmp_path: Any
) -> None:
    slots = slots_of(family, 2)
    _, ends = finished(ArrayRun(family, slots, few_digits, PLAN))
    run = ArrayRun(family, slots, few_digits, PLAN)
    run.run_epoch()
    run.save(tmp_path / "state.safetensors")
    again = ArrayRun.load(tmp_path / "state.safetensors", family, slots[1:], few_digits, PLAN)
    _, (rest,) = finished(again)
    assert_same_end(rest, ends[1])
