"""The loop: ends, early stopping, eligibility, compaction, saving and taking up again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.conftest import ArrayData, config_of, families_of, slots_of
from tests.trainers.test_families import assert_same_end, finished
from trainers.base import EarlyStopping, FitPlan, Slot, SlotEnd
from trainers.loop import ArrayRun

PLAN = FitPlan(6, 1, None, "mse", "minimize")
FAMILIES = families_of("image")


def run_epochs(run: ArrayRun, count: int) -> list[SlotEnd]:
    ends: list[SlotEnd] = []
    for _ in range(count):
        result = run.run_epoch()
        assert result is not None
        ends += result[1]
    return ends


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_run_that_was_saved_and_taken_up_again_is_the_same_bits(
    family: str, norm: str, few_digits: ArrayData, tmp_path: Path
) -> None:
    slots = slots_of(family, 3, dropout=0.1, norm=norm)
    plan = replace(PLAN, early_stopping=EarlyStopping(3, 0.0, 3))
    reports, ends = finished(ArrayRun(family, slots, few_digits, plan))
    first = ArrayRun(family, slots, few_digits, plan)
    run_epochs(first, 3)
    first.save(tmp_path / "deep" / "state.safetensors")
    second = ArrayRun.load(tmp_path / "deep" / "state.safetensors", family, slots, few_digits, plan)
    assert second.epoch == 3
    assert second.live == [0, 1, 2]
    assert second.best_values() == first.best_values()
    rest, rest_ends = finished(second)
    expected = [report for report in reports if report.epoch > 3]
    assert [replace(r, seconds=0) for r in rest] == [replace(r, seconds=0) for r in expected]
    for one, other in zip(rest_ends, ends, strict=True):
        assert_same_end(one, other)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize("family", FAMILIES)
def test_survivors_of_a_compaction_go_on_bit_for_bit(
    family: str, few_digits: ArrayData, tmp_path: Path
) -> None:
    slots = slots_of(family, 5, dropout=0.1)
    _, ends = finished(ArrayRun(family, slots, few_digits, PLAN))
    run = ArrayRun(family, slots, few_digits, PLAN)
    run_epochs(run, 2)
    run.save(tmp_path / "state.safetensors")
    survivors = [slots[0], slots[3], slots[4]]
    some = ArrayRun.load(tmp_path / "state.safetensors", family, survivors, few_digits, PLAN)
    assert some.live == [0, 3, 4]
    _, rest = finished(some)
    for end in rest:
        assert_same_end(end, ends[end.trial])


def test_a_saved_state_of_something_else_is_refused(few_digits: ArrayData, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    slots = slots_of("autoencoder", 2)
    ArrayRun("autoencoder", slots[:1], few_digits, PLAN).save(path)
    with pytest.raises(ValueError, match="does not hold trials"):
        ArrayRun.load(path, "autoencoder", slots, few_digits, PLAN)
    with pytest.raises(ValueError, match="not a saved vae"):
        ArrayRun.load(path, "vae", slots_of("vae", 1), few_digits, PLAN)


def test_slots_stop_early_one_by_one_and_the_rest_goes_on(few_digits: ArrayData) -> None:
    # A learning rate near 0 stands still: only the second slot improves by more than min_delta.
    slots = [
        Slot(0, 1, config_of("autoencoder", learning_rate=1e-7)),
        Slot(1, 2, config_of("autoencoder", learning_rate=3e-3)),
    ]
    plan = replace(PLAN, early_stopping=EarlyStopping(2, 1e-4, 1))
    _, ends = finished(ArrayRun("autoencoder", slots, few_digits, plan))
    by_trial = {end.trial: end for end in ends}
    assert [end.trial for end in ends] == [0, 1]
    assert by_trial[0].stopped_early
    assert by_trial[0].epochs == 3
    assert not by_trial[1].stopped_early
    assert by_trial[1].epochs == 6
    assert {end.state for end in ends} == {"COMPLETE"}


def test_what_costs_much_is_measured_at_every_epoch_only_where_it_ranks_them(
    few_digits: ArrayData,
) -> None:
    plan = replace(PLAN, epochs=3, metric="ssim", direction="maximize")
    reports, ends = finished(ArrayRun("vae", slots_of("vae", 2), few_digits, plan))
    for end in ends:
        at_best = next(r for r in reports if (r.trial, r.epoch) == (end.trial, end.best_epoch))
        assert end.value == at_best.validation["ssim"]
        assert (end.train, end.validation) == (at_best.train, at_best.validation)
    cheap, _ = finished(ArrayRun("vae", slots_of("vae", 1), few_digits, replace(PLAN, epochs=1)))
    assert "psnr" in cheap[0].validation
    assert {"ssim", "ms_ssim", "bce_excess"}.isdisjoint(cheap[0].validation)


def test_the_value_is_the_validation_metric_at_the_best_epoch(few_digits: ArrayData) -> None:
    slots = slots_of("autoencoder", 2, learning_rate=0.03)
    reports, ends = finished(
        ArrayRun("autoencoder", slots, few_digits, replace(PLAN, metric="mae"))
    )
    for end in ends:
        at_best = next(r for r in reports if (r.trial, r.epoch) == (end.trial, end.best_epoch))
        assert end.value == at_best.validation["mae"]
        looked = set(end.validation or {}) - set(at_best.validation)
        assert {name.removesuffix("_se") for name in looked} == {"ssim", "ms_ssim", "bce_excess"}
        assert {**(end.validation or {}), **at_best.validation} == end.validation
        assert {**(end.train or {}), **at_best.train} == end.train


def test_a_worse_end_restores_the_weights_of_the_best_epoch(few_digits: ArrayData) -> None:
    # The highest error counts as best here: that is an early epoch for certain.
    slots = slots_of("autoencoder", 1)
    plan = replace(PLAN, direction="maximize", first_eligible_epoch=2)
    _, ends = finished(ArrayRun("autoencoder", slots, few_digits, plan))
    best = ends[0].best_epoch
    assert best == 2
    shorter = ArrayRun("autoencoder", slots, few_digits, plan)
    run_epochs(shorter, best)
    weights = shorter._model.export(0, shorter._model.weights, shorter._model.state)
    assert ends[0].weights is not None
    for name, tensor in weights.items():
        assert np.array_equal(tensor.numpy(), ends[0].weights[name].numpy()), name


def test_no_epoch_of_the_warm_up_is_eligible(few_digits: ArrayData) -> None:
    slots = slots_of("vae", 1, warm_up=0.5, beta=4.0, sigma=0.3)
    plan = replace(PLAN, first_eligible_epoch=4, early_stopping=EarlyStopping(1, 0.0, 1))
    run = ArrayRun("vae", slots, few_digits, plan)
    reports = []
    for _ in range(3):
        result = run.run_epoch()
        assert result is not None
        reports += result[0]
        assert result[1] == []
        assert run.best_values() == {0: None}
    rest, ends = finished(run)
    assert ends[0].best_epoch is not None
    assert ends[0].best_epoch >= 4
    betas = [report.effective_beta for report in [*reports, *rest]]
    assert betas[0] == pytest.approx(4.0 * 0.09 / 3, rel=1e-6)
    assert betas[2:] == pytest.approx([4.0 * 0.09] * len(betas[2:]), rel=1e-6)


def test_a_run_without_an_eligible_epoch_has_no_value(few_digits: ArrayData) -> None:
    plan = replace(PLAN, epochs=2, first_eligible_epoch=5)
    _, ends = finished(ArrayRun("vae", slots_of("vae", 1), few_digits, plan))
    assert (ends[0].value, ends[0].best_epoch, ends[0].weights) == (None, None, None)
    assert ends[0].validation is None


def test_stopping_ends_every_slot_with_its_best_so_far(few_digits: ArrayData) -> None:
    run = ArrayRun("autoencoder", slots_of("autoencoder", 2), few_digits, PLAN)
    run_epochs(run, 2)
    best = run.best_values()
    calls = iter([False, True])
    assert run.run_epoch(lambda: next(calls)) is None
    assert run.epoch == 2
    ends = run.stop()
    assert {end.trial: end.value for end in ends} == best
    assert {end.state for end in ends} == {"STOPPED"}
    assert {end.epochs for end in ends} == {2}
    assert all(end.weights is not None for end in ends)
    assert run.live == []


def test_stopping_before_the_first_epoch_gives_no_value(few_digits: ArrayData) -> None:
    run = ArrayRun("autoencoder", slots_of("autoencoder", 1), few_digits, PLAN)
    assert run.run_epoch(lambda: True) is None
    (end,) = run.stop()
    assert (end.state, end.value, end.epochs) == ("STOPPED", None, 0)


def test_a_trial_that_blows_up_is_diverged_and_ends_alone(few_digits: ArrayData) -> None:
    deep = {"optimizer": "sgd", "activation": "elu", "depth": 6}
    slots = [
        Slot(0, 1, config_of("autoencoder", learning_rate=10.0, **deep)),
        Slot(1, 2, config_of("autoencoder", learning_rate=1e-3, **deep)),
    ]
    reports, ends = finished(ArrayRun("autoencoder", slots, few_digits, PLAN))
    assert [(end.trial, end.state) for end in ends] == [(0, "DIVERGED"), (1, "COMPLETE")]
    assert len([report for report in reports if report.trial == 0]) == ends[0].epochs


def test_the_best_epoch_can_be_ranked_by_the_elbo(few_digits: ArrayData) -> None:
    plan = replace(PLAN, metric="elbo", direction="maximize")
    reports, ends = finished(ArrayRun("vae", slots_of("vae", 1), few_digits, plan))
    values = [report.validation["elbo"] for report in reports]
    assert values[-1] > values[0]
    assert ends[0].value is not None
    assert ends[0].value >= values[-2]


def test_bce_on_data_outside_zero_and_one_is_refused(odd_table: ArrayData) -> None:
    with pytest.raises(ValueError, match=r"bce needs data in \[0, 1\]"):
        ArrayRun("autoencoder", slots_of("autoencoder", 1, loss="bce"), odd_table, PLAN)


def test_a_last_batch_of_one_sample_is_left_out(few_digits: ArrayData) -> None:
    data = replace(few_digits, train=few_digits.train[:129])
    run = ArrayRun("autoencoder", slots_of("autoencoder", 1, norm="batch"), data, PLAN)
    assert run.steps_per_epoch == 2
    tiny = replace(few_digits, train=few_digits.train[:1])
    run = ArrayRun("vae", slots_of("vae", 2), tiny, replace(PLAN, epochs=1))
    assert run.steps_per_epoch == 1
    _, ends = finished(run)
    assert {end.state for end in ends} == {"COMPLETE"}


def test_every_sample_is_seen_once_in_an_epoch(few_digits: ArrayData) -> None:
    run = ArrayRun("autoencoder", slots_of("autoencoder", 3), few_digits, PLAN)
    order = run._model.noise.permutations(2, 201)
    assert (order.sort(dim=1).values == np.arange(201)).all()
    assert not (order[0] == order[1]).all()
    assert not (order == run._model.noise.permutations(3, 201)).all()
