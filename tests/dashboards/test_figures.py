"""Every figure of the registry keeps the same contract, at every size of study."""

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from dashboards.figures import FIGURES
from dashboards.figures.decimation import MAX_POINTS, choose_points
from dashboards.figures.figure import MAX_ROWS, as_json
from dashboards.figures.frame import StudyFrame
from service.domain.states import TrialState
from tests.dashboards.synthetic import make_pictures, make_spec, make_study

PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    "%{customdata[0]} & <b>bold</b>",
    "'\"><svg onload=alert(1)>",
]


@cache
def frame_of(size: str) -> StudyFrame:
    if size == "empty":
        return make_study(count=0, planned=24).frame()
    if size == "queued":
        return make_study(count=0, running=2, epochs=3).frame(trial=0)
    if size == "one":
        return make_study(count=1).frame(trial=0)
    if size == "every state":
        study = make_study(count=14, planned=30)
        kinds = ["overfit", "large_gap", "underfit", "converged", "censored", "diverged", None]
        study.trials = [
            trial.model_copy(
                update={
                    "state": list(TrialState)[trial.number % 7],
                    "verdict": trial.verdict
                    and kinds[trial.number % 7]
                    and trial.verdict.model_copy(update={"kind": kinds[trial.number % 7]}),
                }
            )
            for trial in study.trials
        ]
        return study.frame(trial=0)
    if size == "huge":
        return make_study(count=10_000, epochs=2).frame(trial=0)
    return make_study(count=24, running=4).frame(trial=3)


PAIR = [{"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 10}]}, {"metric": "kl"}]


@cache
def pareto_frame_of(size: str) -> StudyFrame:
    """For the figure that only studies with several objectives or bounds have."""
    counts = {"empty": 0, "queued": 0, "one": 1, "every state": 14, "huge": 10_000}
    count = counts.get(size, 24)
    spec = make_spec(trials=max(count, 28), objective=PAIR)
    study = make_study(count=count, running=0 if size == "empty" else 2, spec=spec, epochs=2)
    return study.frame()


@cache
def answer_of(name: str, size: str) -> dict[str, Any]:
    return as_answer(name, pareto_frame_of(size) if name == "pareto" else frame_of(size))


def as_answer(name: str, frame: StudyFrame) -> dict[str, Any]:
    entry = FIGURES[name]
    return as_json(name, entry, entry.render(frame))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


each_figure = pytest.mark.parametrize("name", FIGURES)
each_size = pytest.mark.parametrize(
    "size", ["empty", "queued", "one", "every state", "normal", "huge"]
)


@each_figure
@each_size
def test_a_figure_renders_as_strict_json_at_every_size(name: str, size: str) -> None:
    answer = answer_of(name, size)
    assert json.loads(json.dumps(answer, allow_nan=False))["name"] == name


@each_figure
@each_size
def test_a_figure_has_a_title_and_one_sentence(name: str, size: str) -> None:
    answer = answer_of(name, size)
    assert answer["title"] and answer["figure"]["layout"]["title"]["text"] == answer["title"]
    assert answer["summary"].endswith(".")
    assert "None" not in answer["summary"] and "nan" not in answer["summary"]


@each_figure
@each_size
def test_no_trace_has_more_than_2000_points(name: str, size: str) -> None:
    for trace in answer_of(name, size)["figure"]["data"]:
        assert len(trace.get("x") or []) <= MAX_POINTS
        assert len(trace.get("y") or []) <= MAX_POINTS


@each_figure
def test_the_axes_of_a_figure_have_titles(name: str) -> None:
    answer = answer_of(name, "normal")
    assert not answer["waiting"]
    layout = answer["figure"]["layout"]
    axes = [layout[key] for key in layout if key.startswith(("xaxis", "yaxis"))]
    assert all(axis.get("visible") is False or axis["title"]["text"] for axis in axes)


@each_figure
def test_a_figure_says_what_it_waits_for_when_nothing_is_there(name: str) -> None:
    answer = answer_of(name, "empty")
    assert answer["waiting"]
    assert answer["figure"]["layout"]["annotations"][0]["text"] == answer["summary"]


@each_figure
def test_the_table_of_a_figure_is_rectangular_and_bounded(name: str) -> None:
    table = answer_of(name, "huge")["table"]
    assert 0 < len(table["rows"]) <= MAX_ROWS
    assert all(len(row) == len(table["columns"]) for row in table["rows"])


@each_figure
def test_a_figure_of_10000_trials_is_small_and_quick(name: str) -> None:
    frame = frame_of("huge")
    started = time.perf_counter()
    text = json.dumps(as_answer(name, frame))
    assert time.perf_counter() - started < 3.0  # half a second alone on one core
    assert len(text) < 700_000


@each_figure
@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_users_cannot_reach_a_figure_as_markup(name: str, payload: str) -> None:
    space = {
        "activation": {"type": "categorical", "choices": ["relu", "gelu"]},
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    }
    study = make_study(count=8, spec=make_spec(trials=8, space=space))
    entry = study.study.resolved.space["activation"]
    space_with_payload = {
        **study.study.resolved.space,
        "activation": entry.model_copy(update={"choices": [payload, "gelu"]}),  # type: ignore[union-attr]
    }
    resolved = study.study.resolved.model_copy(update={"space": space_with_payload})
    study.study = study.study.model_copy(update={"resolved": resolved, "name": payload})
    study.trials = [
        trial.model_copy(update={"params": {**trial.params, "activation": payload}})
        for trial in study.trials
    ]
    study.reports = {
        number: [
            report.model_copy(update={"train": {**report.train, payload: 1.0}})
            for report in reports
        ]
        for number, reports in study.reports.items()
    }
    study.analyses = [
        analysis.model_copy(update={"data": {"values": {payload: 1.0}, "trials": 8}})
        for analysis in study.analyses
    ]
    figure = as_answer(name, study.frame(trial=0))["figure"]
    assert not [text for text in texts(figure) if payload in text]


def test_best_so_far_ignores_pruned_and_diverged_trials() -> None:
    study = make_study(count=24)
    first = study.trials[0]
    cheat = first.model_copy(update={"number": 1, "state": TrialState.PRUNED, "value": 1e-9})
    study.trials[1] = cheat
    summary = as_answer("best_so_far", study.frame())["summary"]
    assert "1e-09" not in summary


def test_best_so_far_turns_round_for_a_metric_to_maximise() -> None:
    spec = make_spec(trials=4, objective={"metric": "elbo", "direction": "maximize"})
    study = make_study(count=4, spec=spec)
    study.trials = [
        trial.model_copy(update={"state": TrialState.COMPLETE, "value": -100.0 + trial.number})
        for trial in study.trials
    ]
    answer = as_answer("best_so_far", study.frame())
    assert "trial 3 with -97" in answer["summary"]
    assert "nats" in answer["figure"]["layout"]["yaxis"]["title"]["text"]


def test_learning_curves_keep_the_best_trial_of_10000() -> None:
    frame = frame_of("huge")
    assert frame.best is not None
    number = frame.trials.number[frame.best]
    answer = as_answer("learning_curves", frame)
    assert f"best, trial {number}," in answer["summary"]
    assert len(json.dumps(answer)) < 500_000


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (3, 40, 30), (200, 150, 3), (12,), (1, 8, 8)])
def test_reconstructions_draw_samples_of_any_shape(shape: tuple[int, ...]) -> None:
    study = make_study(count=1)
    study.pictures = make_pictures(np.random.default_rng(0), shape)
    answer = as_answer("reconstructions", study.frame(trial=0))
    kinds = {trace["type"] for trace in answer["figure"]["data"]}
    assert kinds == ({"scatter"} if shape == (12,) else {"image", "scatter"})
    assert "mean MSE" in answer["summary"]


def test_a_last_epoch_that_is_the_best_is_drawn_once() -> None:
    study = make_study(count=1)
    assert study.pictures is not None
    study.pictures = dataclasses.replace(study.pictures, snapshots=None, snapshot_epochs=())
    twice = len(as_answer("reconstructions", study.frame(trial=0))["figure"]["data"])
    study.pictures = dataclasses.replace(study.pictures, last=study.pictures.best)
    once = len(as_answer("reconstructions", study.frame(trial=0))["figure"]["data"])
    assert twice - once == 4  # a strip of reconstructions and one of errors, with their marks


def test_reconstruction_errors_are_those_of_the_arrays() -> None:
    study = make_study(count=1)
    pictures = study.pictures
    assert pictures is not None
    answer = as_answer("reconstructions", study.frame(trial=0))
    expected = float(((pictures.input[0] - pictures.best[0]) ** 2).mean())
    assert math.isclose(answer["table"]["rows"][0][1], expected, rel_tol=1e-5)


def test_decimation_keeps_the_ends_the_extremes_and_what_it_is_told() -> None:
    values: list[float | None] = [math.sin(i / 50) for i in range(20_000)]
    values[7_777], values[3_333], values[5] = 9.0, -9.0, None
    chosen = choose_points(values, 500, keep=[123])
    assert len(chosen) <= 500
    assert {0, 19_999, 7_777, 3_333, 123} <= set(chosen)
    assert chosen == sorted(chosen)
