"""The VQ-VAE: its codebook against a step written by hand, idle codes, and what it is worth."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainers.conftest import DIGITS, ArrayData, slots_of
from tests.trainers.test_families import PLAN, finished, first_step, twin_of
from trainers.base import Batch
from trainers.codebook import Codebook
from trainers.evaluation import load_twin
from trainers.layers import Layout, Pass
from trainers.loop import ArrayRun
from trainers.noise import Noise
from trainers.plain.codebook import SMOOTHING
from trainers.plain.codebook import Codebook as PlainCodebook
from trainers.plain.given import Given
from trainers.problem import Problem
from trainers.registry import load_family

CPU = torch.device("cpu")


def book(codes: int, width: int, decays: list[float]) -> tuple[Codebook, Pass, Layout]:
    """A codebook of one slot for each decay, and a training pass over its buffers."""
    buffers = Layout()
    made = Codebook(buffers, "codebook", codes, width, torch.tensor(decays))
    state = buffers.constants(len(decays), CPU)
    made.begin_epoch(len(decays))
    return made, Pass((), buffers.split(state), Noise(list(range(len(decays))), CPU)), buffers


def rows(slots: int, count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(slots, count, width, generator=torch.Generator().manual_seed(seed))


def exported(buffers: Layout, run: Pass, row: int) -> dict[str, Tensor]:
    matrix = torch.cat([view.flatten(1) for view in run.state], dim=1)
    return buffers.export(matrix[row])


def test_a_step_of_the_codebook_is_the_moving_mean_written_by_hand() -> None:
    codes, decays = 6, [0.9, 0.99]
    array, run, buffers = book(codes, 3, decays)
    array.fill(run, rows(2, 40, 3), rows(2, 40, 1)[..., 0])
    for step in range(3):
        x = rows(2, 40, 3, seed=step + 1)
        before = [exported(buffers, run, row) for row in range(2)]
        index = array.nearest(run, x)
        array.follow(run, x, index)
        for row, decay in enumerate(decays):
            old, new = before[row], exported(buffers, run, row)
            places = old["codebook.vectors"]
            nearest = [int((sample - places).square().sum(1).argmin()) for sample in x[row]]
            counts, sums = [], []
            for code in range(codes):
                mine = [x[row, place] for place, found in enumerate(nearest) if found == code]
                counts.append(decay * old["codebook.counts"][code] + (1 - decay) * len(mine))
                total = torch.stack(mine).sum(0) if mine else torch.zeros(3)
                sums.append(decay * old["codebook.sums"][code] + (1 - decay) * total)
            mass = float(sum(counts))
            for code in range(codes):
                smooth = (counts[code] + SMOOTHING) / (mass + codes * SMOOTHING) * mass
                torch.testing.assert_close(
                    new["codebook.vectors"][code], sums[code] / smooth, rtol=1e-5, atol=1e-5
                )


def test_the_array_codebook_equals_the_plain_one_over_an_epoch() -> None:
    array, run, buffers = book(10, 5, [0.95, 0.99])
    plain = [PlainCodebook(10, 5, decay, reset_after=1) for decay in (0.95, 0.99)]
    order = rows(2, 30, 1)[..., 0]
    for step in range(4):
        x = rows(2, 30, 5, seed=step)
        if array.is_empty(run):
            array.fill(run, x, order)
        index = array.nearest(run, x)
        chosen = array.lookup(run, index)
        array.follow(run, x, index)
        for row in range(2):
            expected = plain[row](x[row], order[row])
            torch.testing.assert_close(chosen[row], expected, rtol=1e-5, atol=1e-6)
    array.move_idle(list(run.state), order, torch.ones(2))
    for row in range(2):
        plain[row].end_epoch(order[row])
        ours = exported(buffers, run, row)
        for name, buffer in plain[row].named_buffers():
            torch.testing.assert_close(ours[f"codebook.{name}"], buffer, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_two_training_steps_leave_the_plain_twins_codebook(
    architecture: str, few_digits: ArrayData
) -> None:
    array = load_family("vq_vae")(
        slots_of("vq_vae", 2, architecture=architecture, codes=32), DIGITS
    )
    twins = [twin_of(array, "vq_vae", row) for row in range(2)]
    step = first_step(array)
    for start in (0, 40):
        batch = torch.from_numpy(few_digits.train[start : start + 40]).view(2, 20, 64)
        array.training_loss(Batch(batch, Given(batch)), step, "model")
        for row, twin in enumerate(twins):
            order = array.noise.normal("codes", 0, 20, twin.positions)[row]
            twin.player_loss("model", batch[row], Given(batch[row]), draws={"codes": order})
    for row, twin in enumerate(twins):
        ours = array.export(row, array.weights, array.state)
        for name, buffer in twin.codebook.named_buffers():
            torch.testing.assert_close(ours[f"codebook.{name}"], buffer, rtol=1e-5, atol=1e-5)


def test_padded_codes_are_never_chosen() -> None:
    array, run, _ = book(5, 3, [0.9])
    far = 100 + rows(1, 50, 3)
    array.fill(run, far, rows(1, 50, 1)[..., 0])
    # Every real code is far from the origin, where the padded ones lie.
    assert array.nearest(run, rows(1, 50, 3)).max() < 5


def test_codes_without_use_come_back_after_as_many_epochs_as_they_may_idle() -> None:
    array, run, buffers = book(8, 2, [0.9, 0.9, 0.9])
    patience = torch.tensor([1.0, 2.0, 0.0])
    x = rows(3, 40, 2)
    array.fill(run, x, rows(3, 40, 1)[..., 0])
    for place in (array._vectors, array._sums):
        run.state[place][:, :2, 3:] = 1000.0
    moved = []
    for epoch in range(2):
        array.begin_epoch(3)
        array.follow(run, x, array.nearest(run, x))
        order = rows(3, 40, 1, seed=epoch)[..., 0]
        moved.append(array.move_idle(list(run.state), order, patience).tolist())
    assert moved[0][0] == 5
    assert [epoch[1] for epoch in moved] == [0, 5]
    assert [epoch[2] for epoch in moved] == [0, 0]
    back = exported(buffers, run, 0)["codebook.vectors"]
    assert (torch.cdist(back, x[0]).min(1).values < 2).all()


def test_where_codes_move_is_keyed_by_the_slots_seed_and_not_by_its_place(
    few_digits: ArrayData,
) -> None:
    slots = slots_of("vq_vae", 3, codes=200, latents=2)
    plan = replace(PLAN, epochs=2)
    reports, together = finished(ArrayRun("vq_vae", slots, few_digits, plan))
    assert any(report.train["codes_moved"] > 0 for report in reports)
    _, alone = finished(ArrayRun("vq_vae", slots[2:], few_digits, plan))
    assert together[2].weights is not None
    assert alone[0].weights is not None
    moved = together[2].weights["codebook.vectors"]
    assert torch.equal(moved, alone[0].weights["codebook.vectors"])


def test_the_gradient_goes_straight_to_the_encoder() -> None:
    problem = Problem("vector", (6,))
    config = {"latents": 2, "code_dim": 3, "codes": 4, "commitment": 0.0, "hidden_width": 8}
    array = load_family("vq_vae")(slots_of("vq_vae", 1, **config), problem)
    twin: Any = twin_of(array, "vq_vae", 0)
    x = torch.rand(5, 6, generator=torch.Generator().manual_seed(2))
    found = twin.encoder(x)
    twin.codebook(found.detach().view(-1, 3), torch.arange(10.0))
    twin.codebook.eval()  # from here on it keeps its place
    code = twin.codebook(found.detach().view(-1, 3)).view_as(found).requires_grad_()
    loss = twin.reconstruction_loss(twin.decoder(code), x)
    (at_code,) = torch.autograd.grad(loss, code)
    (expected,) = torch.autograd.grad(found, twin.encoder.head.weight, at_code)
    (ours,) = torch.autograd.grad(twin.training_loss(x, Given(x)), twin.encoder.head.weight)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_digits_are_worth_their_codes(architecture: str, digits: ArrayData) -> None:
    slots = slots_of("vq_vae", 1, architecture=architecture, codes=64, stages=1, batch_size=32)
    reports, ends = finished(ArrayRun("vq_vae", slots, digits, replace(PLAN, epochs=4)))
    last = reports[-1]
    mean = float(((digits.validation - digits.mean) ** 2).mean())
    assert last.validation["mse"] < 0.5 * mean
    for part in (last.train, last.validation):
        assert part["codes_used"] >= 0.6 * 64
        assert 0.3 * 64 < part["code_perplexity"] <= part["codes_used"]
    assert last.train["training_codes_used"] >= last.train["codes_used"]
    evidence = ends[0].evidence
    assert evidence is not None
    assert evidence["codes/best"].shape == (64,)
    positions = 16
    assert int(evidence["codes/best"].sum()) == 270 * positions


def test_the_loss_on_record_is_reconstruction_and_commitment(few_digits: ArrayData) -> None:
    _, ends = finished(ArrayRun("vq_vae", slots_of("vq_vae", 1), few_digits, PLAN))
    metrics = ends[0].validation
    assert metrics is not None
    assert metrics["penalty"] > 0
    assert metrics["loss"] == pytest.approx(metrics["reconstruction"] + metrics["penalty"])


def test_codes_are_whole_numbers_that_decode_to_the_reconstruction(few_digits: ArrayData) -> None:
    slots = slots_of("vq_vae", 1)
    _, ends = finished(ArrayRun("vq_vae", slots, few_digits, PLAN))
    twin: Any = load_family("vq_vae").plain_twin(slots[0].config, DIGITS)
    assert ends[0].weights is not None
    load_twin(twin, ends[0].weights)
    given = Given(torch.from_numpy(few_digits.validation))
    with torch.no_grad():
        codes = twin.codes(given)
        decoded = twin.decode(twin.codebook.vectors[codes].flatten(1))
        assert torch.equal(decoded, twin.estimate(given))
    assert codes.shape == (60, 16)
    assert int(twin.code_use(given).sum()) == 60 * 16
