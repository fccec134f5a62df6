"""Pictures of the same samples at epochs on the way: when, of whom, and that they cost no bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import trainers.loop
from tests.trainers.cases import CASES, Case
from tests.trainers.conftest import ArrayData, config_of, slots_of
from tests.trainers.test_families import assert_same_end, finished
from tests.trainers.test_loop import run_epochs
from trainers.base import EarlyStopping, FitPlan, Slot, SlotEnd
from trainers.checkpoints import read_tensors, write_tensors
from trainers.evaluation import load_twin
from trainers.loop import ArrayRun
from trainers.snapshots import MOST, MOST_BYTES, snapshot_epochs

PLAN = FitPlan(6, 1, None, "mse", "minimize")
DUE = [1, 2, 6]
SMALL = 8 * 64 * 4
KIB = 1024


def series(end: SlotEnd) -> tuple[list[int], Tensor]:
    assert end.pictures is not None
    return end.pictures["snapshot_epochs"].tolist(), end.pictures["snapshots"]


def assert_same_series(one: SlotEnd, other: SlotEnd) -> None:
    (epochs, pictures), (others, theirs) = series(one), series(other)
    assert epochs == others
    assert torch.equal(pictures, theirs)


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 12, 30, 39, 40, 100, 1000, 100_000])
def test_epochs_are_the_first_the_last_and_ever_rarer_ones_between(epochs: int) -> None:
    due = snapshot_epochs(epochs, SMALL)
    assert due[0] == 1
    assert due[-1] == epochs
    assert len(due) <= min(MOST, 2 + epochs // 4, epochs)
    steps = np.diff(due)
    assert (steps > 0).all()
    # Rounding moves each by half an epoch at most, and the next step by as much.
    assert (np.diff(steps) >= -1).all()


def test_a_schedule_is_what_it_always_was() -> None:
    # Saved states and earlier trials were made with it: pictures are compared across trials.
    assert snapshot_epochs(6, SMALL) == (1, 2, 6)
    assert snapshot_epochs(100, SMALL) == (1, 2, 3, 4, 6, 9, 13, 20, 30, 45, 67, 100)


def test_large_samples_have_fewer_epochs_or_none() -> None:
    assert len(snapshot_epochs(100, 8 * 64 * KIB)) == MOST
    for kib, count in [(65, 11), (128, 6), (384, 2), (385, 0), (4096, 0)]:
        due = snapshot_epochs(100, 8 * kib * KIB)
        assert len(due) == count
        assert count * 8 * kib * KIB <= MOST_BYTES
        assert not due or (due[0], due[-1]) == (1, 100)


MOST_CASES = [case for case in CASES if case.architecture != "conv" or case.family == "vae"]


@pytest.mark.parametrize("case", MOST_CASES, ids=str)
def test_every_family_and_task_has_them_as_its_plain_twin_estimates(case: Case) -> None:
    plan = FitPlan(3, 1, None, case.metric, "minimize", case.task)
    run = ArrayRun(case.family, case.slots(2), case.few, plan)
    expected = []
    for _ in range(2):
        run_epochs(run, 1)
        twin: Any = type(run._model).plain_twin(run._model.slots[1].config, run._data.problem)
        load_twin(twin, run._export(1, run._snapshot))
        with torch.no_grad():
            expected.append(twin.estimate(run._data.validation_part.first(8).given))
    ends = run.stop()
    epochs, pictures = series(ends[1])
    assert epochs == [1]  # the plan is of 3: the next one is the last
    assert pictures.dtype == torch.float32
    assert pictures.shape == (1, 8, *case.few.shape)
    assert torch.equal(pictures[0].flatten(1), expected[0])
    assert not torch.equal(expected[0], expected[1])


def test_the_last_ones_are_the_pictures_of_the_last_epoch(few_digits: ArrayData) -> None:
    _, ends = finished(ArrayRun("vae", slots_of("vae", 2), few_digits, PLAN))
    for end in ends:
        assert end.pictures is not None
        epochs, pictures = series(end)
        assert epochs == DUE
        assert end.pictures["snapshot_epochs"].dtype == torch.int64
        assert torch.equal(pictures[-1], end.pictures["last"])
        assert len({picture.sum().item() for picture in pictures}) == len(DUE)


@pytest.mark.parametrize("family", ["vae", "aae", "rae", "vq_vae"])
def test_they_change_no_bit_of_training(
    family: str, few_digits: ArrayData, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = slots_of(family, 3, dropout=0.1, norm="batch")
    torch.manual_seed(7)
    with_them = ArrayRun(family, slots, few_digits, PLAN)
    run_epochs(with_them, 3)
    drawn = torch.rand(3)
    monkeypatch.setattr(trainers.loop.Snapshots, "take", lambda *_: None)
    torch.manual_seed(7)
    without = ArrayRun(family, slots, few_digits, PLAN)
    run_epochs(without, 3)
    assert torch.equal(drawn, torch.rand(3)), "torch's random numbers are where they would be"
    assert torch.equal(with_them._model.weights, without._model.weights)
    assert torch.equal(with_them._model.state, without._model.state)
    ends, others = with_them.stop(), without.stop()
    assert all("snapshots" not in (end.pictures or {}) for end in others)
    for end, other in zip(ends, others, strict=True):
        kept = {
            name: tensor
            for name, tensor in (end.pictures or {}).items()
            if not name.startswith("snapshot")
        }
        assert_same_end(replace(end, pictures=kept), other)


def test_company_and_compaction_change_nothing(few_digits: ArrayData) -> None:
    # Slots 0 and 2 end early, so that 1 and 3 go on in other rows.
    rates = [1e-7, 3e-3, 1e-7, 1e-3]
    slots = [Slot(n, n, config_of("vae", learning_rate=rate)) for n, rate in enumerate(rates)]
    plan = replace(PLAN, epochs=12, early_stopping=EarlyStopping(2, 1e-3, 1))
    _, ends = finished(ArrayRun("vae", slots, few_digits, plan))
    stopped = {end.trial for end in ends if end.stopped_early}
    assert stopped == {0, 2}
    for end in ends:
        _, (alone,) = finished(ArrayRun("vae", [slots[end.trial]], few_digits, plan))
        assert_same_series(end, alone)
        assert series(end)[0] == [e for e in snapshot_epochs(12, SMALL) if e <= end.epochs]
        assert len(series(end)[0]) == (5 if end.epochs == 12 else 2)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_taken_up_again_with_some_of_its_slots_has_them_all(
    at: int, few_digits: ArrayData, tmp_path: Path
) -> None:
    path, slots = tmp_path / "state.safetensors", slots_of("vae", 4)
    _, ends = finished(ArrayRun("vae", slots, few_digits, PLAN))
    run = ArrayRun("vae", slots, few_digits, PLAN)
    run_epochs(run, at)
    run.save(path)
    survivors = [slots[3], slots[1]]
    _, rest = finished(ArrayRun.load(path, "vae", survivors, few_digits, PLAN))
    for end in rest:
        assert_same_series(end, ends[end.trial])
    pruned = ArrayRun.load(path, "vae", [slots[2]], few_digits, PLAN).stop()
    epochs, pictures = series(pruned[0])
    assert epochs == [epoch for epoch in DUE if epoch <= at]
    assert torch.equal(pictures, series(ends[2])[1][: len(epochs)])


def test_a_state_of_the_version_before_goes_on_without_what_it_lacks(
    few_digits: ArrayData, tmp_path: Path
) -> None:
    path, slots = tmp_path / "state.safetensors", slots_of("vae", 2)
    _, ends = finished(ArrayRun("vae", slots, few_digits, PLAN))
    run = ArrayRun("vae", slots, few_digits, PLAN)
    run_epochs(run, 2)
    run.save(path)
    tensors, state = read_tensors(path)
    del tensors["snapshots"], state["snapshots"]
    write_tensors(path, tensors, state | {"version": 2})
    _, rest = finished(ArrayRun.load(path, "vae", slots, few_digits, PLAN))
    for end, whole in zip(rest, ends, strict=True):
        assert series(end)[0] == [6]
        assert torch.equal(series(end)[1][0], series(whole)[1][-1])
        assert end.value == whole.value
    write_tensors(path, tensors, state | {"version": 1})
    with pytest.raises(ValueError, match="not a saved vae array of this version"):
        ArrayRun.load(path, "vae", slots, few_digits, PLAN)


def test_a_diverged_trial_has_none_and_the_others_have_theirs(few_digits: ArrayData) -> None:
    run, healthy = (ArrayRun("vae", slots_of("vae", 3), few_digits, PLAN) for _ in range(2))
    with torch.no_grad():
        run._model.weights[1] = float("nan")
    _, ends = finished(run)
    _, expected = finished(healthy)
    by_trial = {end.trial: end for end in ends}
    assert by_trial[1].state == "DIVERGED"
    assert by_trial[1].pictures is None
    for trial in (0, 2):
        assert_same_series(by_trial[trial], expected[trial])
        assert series(by_trial[trial])[1].isfinite().all()


def test_samples_that_are_too_large_have_the_other_pictures_alone() -> None:
    rows = np.random.default_rng(0).random((24, 320 * 320), dtype=np.float32)
    data = ArrayData(rows[:16], rows[16:], (320, 320))
    slots = slots_of("autoencoder", 1, hidden_width=4, depth=1, latent_dim=2)
    _, (end,) = finished(ArrayRun("autoencoder", slots, data, replace(PLAN, epochs=1)))
    assert end.pictures is not None
    assert not {"snapshots", "snapshot_epochs"} & set(end.pictures)
    assert end.pictures["best"].shape == (8, 320, 320)
