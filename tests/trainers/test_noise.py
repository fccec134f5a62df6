"""Keyed noise: right distributions, and nothing but the key matters."""

import pytest
import torch

from trainers.noise import Noise

CPU = torch.device("cpu")


def noise_of(*seeds: int, epoch: int = 1, steps: int = 100) -> Noise:
    noise = Noise(seeds, CPU)
    noise.begin_epoch(epoch, steps)
    return noise


def test_normal_draws_have_the_moments_of_a_standard_normal() -> None:
    draws = noise_of(1, 2).normal("z", 0, 500, 400).double()
    assert abs(draws.mean()) < 0.01
    assert abs(draws.var() - 1) < 0.01
    assert abs(draws.pow(3).mean()) < 0.03
    assert abs(draws.pow(4).mean() - 3) < 0.06
    assert torch.isfinite(draws).all()
    assert 4 < draws.abs().max() < 5.5


def test_fractions_are_uniform_and_never_zero_or_one() -> None:
    noise = noise_of(1, 2)
    for draws in (noise.fractions("u", 0, 500, 400), noise.frozen_fractions("u", 0, 500, 400)):
        assert 0 < draws.min() < 1e-4
        assert 1 - 1e-4 < draws.max() < 1
        assert abs(draws.double().mean() - 0.5) < 0.002
        assert abs(draws.double().var() - 1 / 12) < 0.002


def test_neighbours_are_uncorrelated_over_elements_steps_slots_and_sites() -> None:
    noise = noise_of(1, 2)
    one = noise.normal("z", 0, 100, 400).flatten(1)
    later = noise.normal("z", 1, 100, 400).flatten(1)
    elsewhere = noise.normal("other", 0, 100, 400).flatten(1)
    next_epoch = noise_of(1, 2, epoch=2).normal("z", 0, 100, 400).flatten(1)
    pairs = [
        (one[0, 1:], one[0, :-1]),
        (one[0], one[1]),
        (one[0], later[0]),
        (one[0], elsewhere[0]),
        (one[0], next_epoch[0]),
    ]
    for left, right in pairs:
        assert abs((left * right).mean()) < 0.02


def test_a_slots_draws_depend_on_its_seed_alone() -> None:
    many, alone = noise_of(3, 4, 5), noise_of(4)
    for step in (0, 1, 63, 99):
        assert torch.equal(many.normal("z", step, 64, 7)[1], alone.normal("z", step, 64, 7)[0])
        assert torch.equal(many.fractions("z", step, 9, 7)[1], alone.fractions("z", step, 9, 7)[0])
    assert torch.equal(many.uniform("w", 33)[1], alone.uniform("w", 33)[0])
    assert torch.equal(many.permutations(3, 50)[1], alone.permutations(3, 50)[0])
    assert torch.equal(many.frozen_normal("e", 2, 9, 5)[1], alone.frozen_normal("e", 2, 9, 5)[0])


def test_draws_made_at_once_are_those_made_step_by_step() -> None:
    ahead, single = noise_of(1, 2, steps=10), noise_of(1, 2, steps=0)
    for step in range(10):
        assert torch.equal(ahead.normal("z", step, 16, 8), single.normal("z", step, 16, 8))


def test_a_step_can_be_drawn_again() -> None:
    noise = noise_of(1)
    first = noise.normal("z", 5, 16, 8).clone()
    noise.normal("z", 50, 16, 8)
    assert torch.equal(noise.normal("z", 5, 16, 8), first)


def test_uniform_draws_fill_the_open_interval_evenly() -> None:
    draws = noise_of(7).uniform("w", 200_000)[0]
    assert -1 < draws.min() < -0.999
    assert 0.999 < draws.max() < 1
    assert abs(draws.double().mean()) < 0.01
    assert draws.double().var() == pytest.approx(1 / 3, rel=0.02)


def test_dropout_keeps_each_slots_own_share_and_the_mean() -> None:
    rates = torch.tensor([0.0, 0.1, 0.5])
    masks = noise_of(1, 2, 3).keep_masks("drop", 0, 300, 301, rates)
    assert (masks[0] == 1).all()
    for row, rate in ((1, 0.1), (2, 0.5)):
        assert (masks[row] == 0).float().mean() == pytest.approx(rate, abs=0.01)
        assert masks[row].mean() == pytest.approx(1, abs=0.01)
        assert masks[row].max() == pytest.approx(1 / (1 - rate))


def test_a_rate_of_one_drops_everything_and_one_of_zero_nothing() -> None:
    """The ends of what word_dropout may be, and what a float rounds to an end."""
    rates = torch.tensor([0.0, 1e-7, 1 - 2**-16, 1 - 1e-7, 1.0])
    masks = noise_of(1, 2, 3, 4, 5).keep_masks("drop", 0, 300, 301, rates)
    assert torch.isfinite(masks).all()
    assert (masks[:2] - 1).abs().max() < 1e-6
    assert (masks[2] > 0).float().mean() < 1e-3
    assert (masks[3:] == 0).all()


def test_frozen_draws_are_the_same_in_every_epoch() -> None:
    assert torch.equal(
        noise_of(1, epoch=1).frozen_normal("e", 0, 8, 4),
        noise_of(1, epoch=9).frozen_normal("e", 0, 8, 4),
    )
