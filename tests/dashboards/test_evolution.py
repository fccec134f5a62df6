"""How a study goes: distribution of results, timeline of slots, gap over epochs, first overfit."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.figures import FIGURES
from dashboards.figures.edf import Edf, prepare_edf
from dashboards.figures.figure import Waiting
from dashboards.figures.first_overfit_epoch import FirstOverfit, prepare_first_overfit
from dashboards.figures.frame import CurveColumns, StudyFrame, TrialColumns
from dashboards.figures.gap_onset import find_onset
from dashboards.figures.gap_over_epochs import (
    SAMPLE,
    GapOverEpochs,
    choose_gap_trials,
    prepare_gap_over_epochs,
)
from dashboards.figures.timeline import Timeline, busy_slots, prepare_timeline, spent
from service.domain.states import TrialState
from tests.dashboards.synthetic import make_spec, make_study

NAMES = ("edf", "timeline", "gap_over_epochs", "first_overfit_epoch")
PAIR = [{"metric": "mse"}, {"metric": "kl"}]


def columns(values: list[float | None], states: list[str] | None = None, **more: Any) -> StudyFrame:
    """A frame of trials with these values; each runs alone for 10 s."""
    count = len(values)
    plain: dict[str, Any] = {
        "number": list(range(count)),
        "state": states or ["COMPLETE"] * count,
        "value": values,
        "best_epoch": [3] * count,
        "epochs": [0] * count,
        "train": [None] * count,
        "validation": [None] * count,
        "started": [10.0 * i for i in range(count)],
        "finished": [10.0 * i + 10 for i in range(count)],
        "verdict": ["converged"] * count,
        "params": [{}] * count,
        "feasible": [None] * count,
        "first_overfit_epoch": [None] * count,
        "attempt": [1] * count,
        "array": [(0, 0)] * count,
    }
    study = make_study(count=1).frame().study
    return StudyFrame(study=study, trials=TrialColumns(**{**plain, **more}))


def said(name: str, frame: StudyFrame) -> str:
    return FIGURES[name].render(frame).summary


def edf_of(frame: StudyFrame) -> Edf:
    found = prepare_edf(frame)
    assert isinstance(found, Edf)
    return found


def timeline_of(frame: StudyFrame) -> Timeline:
    found = prepare_timeline(frame)
    assert isinstance(found, Timeline)
    return found


def test_a_search_that_moves_says_so_with_both_medians() -> None:
    summary = said("edf", columns([0.02 - 0.0005 * i for i in range(24)]))
    assert "last quarter is 0.00975 against 0.01875 in the first: the search moves to better" in (
        summary
    )


def test_a_search_that_gets_worse_and_one_that_stands_are_told_apart() -> None:
    assert "to worse values" in said("edf", columns([0.01 + 0.001 * i for i in range(24)]))
    assert "may be chance" in said("edf", columns([0.01, 0.02] * 12))


def test_few_results_are_not_compared_and_one_is_no_distribution() -> None:
    assert "too few to compare" in said("edf", columns([0.3, 0.2, 0.1]))
    assert "one trial makes no distribution" in said("edf", columns([0.3]))


def test_pruned_and_infeasible_trials_are_left_out_and_counted() -> None:
    states = ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE"]
    frame = columns([0.3, 0.1, 0.05, 0.2], states, feasible=[True, False, None, True])
    data = edf_of(frame)
    assert data.panels[0].best == (3, 0.2) and data.panels[0].every.trials == 2
    assert "1 pruned and 1 that breaks a constraint" in said("edf", frame)


def test_several_objectives_have_a_panel_each() -> None:
    study = make_study(count=12, spec=make_spec(trials=12, objective=PAIR))
    data = edf_of(study.frame())
    assert [panel.objective.name for panel in data.panels] == ["mse", "kl"]


def test_a_metric_to_maximise_has_its_best_at_the_start() -> None:
    spec = make_spec(trials=2, objective={"metric": "elbo", "direction": "maximize"})
    base = make_study(count=1, spec=spec).frame().study
    frame = dataclasses.replace(columns([-3.0, -1.0, 0.0, -9.0]), study=base)
    every = edf_of(frame).panels[0].every
    assert every.values == [0.0, -1.0, -3.0, -9.0] and edf_of(frame).panels[0].best == (2, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats()), max_size=60))
def test_shares_rise_to_one_and_nothing_infinite_is_shown(values: list[float | None]) -> None:
    data = prepare_edf(columns(values))
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if isinstance(data, Waiting):
        assert not finite
        return
    every = data.panels[0].every
    assert every.shares == sorted(every.shares) and every.shares[-1] == 1
    assert sorted(every.values) == sorted(finite)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), min_size=1, max_size=50))
def test_no_two_trials_share_a_slot_at_once_and_no_time_is_lost(
    spans: list[tuple[int, int]],
) -> None:
    starts = [float(start) for start, _ in spans]
    ends = [float(start + length) for start, length in spans]
    data = timeline_of(columns([0.1] * len(spans), started=starts, finished=ends))
    for bar in data.bars:
        for other in data.bars:
            if bar.trial < other.trial and bar.slot == other.slot:
                assert bar.end <= other.start or other.end <= bar.start
    if data.end:
        width = data.end / 240
        binned = sum(sum(row) for row in busy_slots(data).values()) * width
        assert binned == pytest.approx(sum(spent(data).values()))


def test_the_timeline_says_what_was_busy_lost_and_long() -> None:
    states = ["COMPLETE", "PRUNED", "FAILED", "RUNNING"]
    frame = columns(
        [0.1, None, None, None], states, started=[0.0, 0.0, 30.0, 40.0],
        finished=[40.0, 20.0, 40.0, None], attempt=[1, 1, 2, 1],
    )  # fmt: skip
    assert said("timeline", frame) == (
        "4 trials, at most 2 at once: these slots were busy 88 % of 40 s; the first result came "
        "after 40 s; the longest was trial 0 with 40 s; 43 % of the busy time went into "
        "trials that were pruned or failed; 1 started more than once (drawn from the first start)."
    )


def test_too_many_trials_are_drawn_as_busy_slots_with_nothing_left_out() -> None:
    frame = columns([0.1] * 3000)
    plot = FIGURES["timeline"].render(frame)
    assert "too many for a bar each" in plot.summary
    assert plot.figure.data[0].type == "scatter" and len(plot.figure.data[0].x) == 240
    assert all(value == pytest.approx(1.0) for value in plot.figure.data[0].y)


def with_gaps(gaps: list[list[float]], **more: Any) -> StudyFrame:
    """Trials whose validation is these shares above a train of 1."""
    frame = columns([0.1 + i for i in range(len(gaps))], epochs=[len(row) for row in gaps], **more)
    curves = {
        trial: CurveColumns(range(1, len(row) + 1), [1.0] * len(row), [1 + gap for gap in row])
        for trial, row in enumerate(gaps)
    }
    return dataclasses.replace(frame, curves=curves)


def gaps_of(frame: StudyFrame) -> GapOverEpochs:
    found = prepare_gap_over_epochs(frame)
    assert isinstance(found, GapOverEpochs)
    return found


def test_the_onset_is_where_the_median_starts_to_rise() -> None:
    row = [0.04] * 12 + [0.04 + 0.02 * i for i in range(1, 9)]
    data = gaps_of(with_gaps([row] * 9))
    assert data.onset is not None and 11 <= data.onset.epoch <= 14
    assert f"widens from epoch {data.onset.epoch} on, from" in said(
        "gap_over_epochs", with_gaps([row] * 9)
    )


def test_a_gap_that_stands_has_no_onset_and_few_trials_say_nothing() -> None:
    flat = [0.05, 0.052, 0.049, 0.051, 0.05, 0.05, 0.052, 0.05]
    assert "does not clearly widen" in said("gap_over_epochs", with_gaps([flat] * 6))
    assert "too few" in said("gap_over_epochs", with_gaps([flat] * 4))


def test_trials_that_stop_early_do_not_make_an_onset() -> None:
    """The long ones have a large gap from the start: only who is counted changes."""
    short, long = [0.02] * 10, [0.30] * 20
    assert gaps_of(with_gaps([short] * 9 + [long] * 9)).onset is None


def test_the_band_is_cut_where_fewer_than_five_trials_remain() -> None:
    data = gaps_of(with_gaps([[0.1] * 4] * 6 + [[0.1] * 9] * 3))
    assert [band.trials for band in data.bands] == [9] * 4 + [3] * 5
    assert data.wide[-1].epoch == 4
    row = FIGURES["gap_over_epochs"].render(with_gaps([[0.1] * 9] * 3)).table.rows[0]
    assert row[:3] == [1, 3, None]


def test_a_train_of_zero_has_no_share() -> None:
    frame = with_gaps([[0.1] * 5])
    nothing = CurveColumns([1, 2], [0.0, None], [0.1, 0.2])
    frame = dataclasses.replace(frame, curves={0: nothing})
    assert isinstance(prepare_gap_over_epochs(frame), Waiting)


def test_at_most_200_curves_are_read_with_the_best_among_them() -> None:
    values: list[float | None] = [1.0 + i % 7 for i in range(10_000)]
    values[4_321] = 0.1
    chosen = choose_gap_trials(columns(values, epochs=[5] * 10_000))
    assert 4_321 in chosen and len(chosen) <= SAMPLE
    assert chosen[0] == 0 and chosen[-1] > 9_900


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_noise_alone_seldom_has_an_onset(seed: int) -> None:
    import random

    draw = random.Random(seed)
    gaps = {t: {e: draw.gauss(0.05, 0.01) for e in range(1, 31)} for t in range(30)}
    told, onset = find_onset(gaps, 1, 0.02)
    assert told and onset is None


def test_overfitting_trials_are_parted_from_those_that_never_did() -> None:
    frame = columns(
        [0.1 + i for i in range(8)],
        ["COMPLETE"] * 6 + ["PRUNED", "DIVERGED"],
        verdict=["overfit"] * 3 + ["converged", "underfit", "large_gap", "censored", "diverged"],
        first_overfit_epoch=[5, 9, 14, *[None] * 5],
    )
    data = prepare_first_overfit(frame)
    assert isinstance(data, FirstOverfit)
    assert (data.judged, data.never, data.censored, data.unjudged) == (6, 3, 1, 1)
    assert sum(bin_.trials for bin_ in data.bins) == 3
    assert said("first_overfit_epoch", frame) == (
        "3 of 6 trials never overfit; of the other 3 half had by epoch 9; the best, trial 0, was "
        "chosen at epoch 3 of 20, and overfits after it (not counted: 1 cut short before one "
        "could tell, 1 diverged, failed or not judged)."
    )


def test_no_trial_overfits() -> None:
    assert said("first_overfit_epoch", columns([0.1, 0.2])).startswith("None of 2 trials overfits")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.DIVERGED])
def test_a_study_of_which_nothing_came_is_said_to_be_so(name: str, state: TrialState) -> None:
    study = make_study(count=6)
    gone = {"state": state, "value": None, "metrics": None, "verdict": None, "rungs": {}}
    study.trials = [trial.model_copy(update=gone) for trial in study.trials]
    plot = FIGURES[name].render(study.frame())
    assert plot.summary.endswith(".") and plot.waiting is (name != "timeline")


@pytest.mark.parametrize("name", NAMES[2:])
def test_a_study_of_one_epoch_has_no_place_for_epochs(name: str) -> None:
    from trainers.registry import catalog

    for epochs, expected in ((1, False), (20, True)):
        spec = make_spec(training={"epochs": epochs})
        resolved = make_study(count=1, spec=spec, epochs=epochs).study.resolved
        assert FIGURES[name].applies(resolved, catalog()) is expected
