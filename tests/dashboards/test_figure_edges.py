"""Figures at the edges: nothing finite, nothing there, images that are too large, other scales."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from dashboards.figures import FIGURES
from dashboards.figures.figure import Waiting
from dashboards.figures.gap_against_parameters import prepare_gaps
from dashboards.figures.gap_panels import REGULARISERS
from service.domain.states import TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_evidence, make_spec, make_study
from trainers.registry import catalog

PAIR = [{"metric": "mse"}, {"metric": "kl"}]


def rescored(study: SyntheticStudy, metric: str, pairs: list[tuple[float, float]]) -> None:
    """Give the first trials these values of train and validation, and end them."""
    for number, (train, validation) in enumerate(pairs):
        trial = study.trials[number]
        metrics = study.trials[0].metrics
        assert metrics is not None
        metrics = metrics.model_copy(
            update={
                "train": metrics.train | {metric: train},
                "validation": metrics.validation | {metric: validation},
            }
        )
        update = {"metrics": metrics, "state": TrialState.COMPLETE, "value": validation}
        study.trials[number] = trial.model_copy(update=update)


@pytest.mark.parametrize("log", [True, False])
def test_a_parameter_that_no_trial_has_yet_is_an_empty_panel(log: bool) -> None:
    space = {
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": log},
        "dropout": {"type": "float", "low": 0.0, "high": 0.3},
    }
    study = make_study(count=8, spec=make_spec(trials=8, space=space))
    study.trials = [
        trial.model_copy(update={"params": {"dropout": trial.params["dropout"]}})
        for trial in study.trials
    ]
    for name in ("slice", "gap_against_parameters"):
        assert not FIGURES[name].render(study.frame()).waiting


def diverged_at_once() -> SyntheticStudy:
    study = make_study(count=1)
    report = study.reports[0][0]
    nothing = {"train": dict.fromkeys(report.train), "validation": dict.fromkeys(report.validation)}
    study.reports[0] = [report.model_copy(update=nothing)]
    trial = study.trials[0]
    study.trials[0] = trial.model_copy(update={"state": TrialState.DIVERGED, "metrics": None})
    return study


@pytest.mark.parametrize("name", [name for name, entry in FIGURES.items() if entry.of_trial])
def test_a_trial_that_diverged_in_its_first_epoch_has_every_figure(name: str) -> None:
    assert FIGURES[name].render(diverged_at_once().frame(trial=0)).summary.endswith(".")


def test_divergence_is_named_where_no_term_is_finite() -> None:
    plot = FIGURES["loss_terms"].render(diverged_at_once().frame(trial=0))
    assert plot.waiting and "diverged" in plot.summary


def with_terms(*names: str) -> SyntheticStudy:
    study = make_study(count=1)
    study.reports[0] = [
        report.model_copy(update={"train": dict.fromkeys(names, 0.5), "validation": {}})
        for report in study.reports[0]
    ]
    return study


def test_what_is_trained_by_is_drawn_first_and_what_is_not_drawn_is_named() -> None:
    metrics = [name for name in catalog().metrics if name != "mse"]
    study = with_terms(*metrics, "mae_raw", "loss", "real_score", "fake_score")
    plot = FIGURES["loss_terms"].render(study.frame(trial=0))
    titles = [plot.figure.layout[axis].title.text for axis in ("yaxis", "yaxis2", "yaxis3")]
    assert titles[0] == "loss (as trained)"
    shown = [plot.figure.layout[f"yaxis{i or ''}"].title.text for i in (0, *range(2, 13))]
    assert {"real_score", "fake_score"} <= set(shown)
    left_out = len(metrics) + 4 - 12
    assert f"{left_out} more are not drawn: " in plot.summary
    assert plot.summary.endswith("mae_raw.")


@pytest.mark.parametrize("name", ["psnr", "hole_mse", "numeric_mse", "bits_per_dimension", "kl"])
def test_the_units_of_terms_are_those_of_the_catalog(name: str) -> None:
    plot = FIGURES["loss_terms"].render(with_terms(name).frame(trial=0))
    assert plot.figure.layout.yaxis.title.text == f"{name} ({catalog().metrics[name].unit})"


@pytest.mark.parametrize("shape", [(200, 150), (200, 150, 3), (3, 200, 150)])
def test_a_large_error_map_keeps_its_peaks_and_its_pixels(shape: tuple[int, ...]) -> None:
    study = make_study(count=1)
    errors = np.zeros(shape)
    row, column = 131, 77
    place: Any = (slice(None), row, column) if shape[0] == 3 else (row, column)
    errors[place] = 9.0
    evidence = make_evidence(np.random.default_rng(0), shape)
    study.evidence = dataclasses.replace(evidence, arrays={"error_map/best": errors})

    plot = FIGURES["error_map"].render(study.frame(trial=0))

    trace = plot.figure.data[0]
    grid = np.array(trace.z)
    assert max(grid.shape) <= 96
    assert (trace.x[0], trace.x[-1]) == (1.0, 148.5 if len(trace.x) == 75 else 148.0)
    found = np.unravel_index(grid.argmax(), grid.shape)
    assert grid.max() == pytest.approx(9.0 / 9)
    assert abs(trace.y[found[0]] - row) <= 1
    assert abs(trace.x[found[1]] - column) <= 1
    assert f"row {row}, column {column}" in plot.summary or shape[0] == 3
    assert "mean of 3 x 3 pixels" in plot.summary


def test_the_sentence_under_the_curves_is_of_the_curves() -> None:
    study = make_study(count=12, spec=make_spec(trials=12, objective=PAIR))
    frame = study.frame()
    assert frame.best is not None
    number, epoch = frame.trials.number[frame.best], frame.trials.best_epoch[frame.best]
    assert epoch is not None
    loss = study.reports[number][epoch - 1].validation["loss"]
    summary = FIGURES["learning_curves"].render(frame).summary
    assert f"best, trial {number}, reaches loss {loss:.4g} at epoch {epoch} of" in summary


def test_a_metric_without_zero_has_differences_and_no_percent() -> None:
    study = make_study(count=6, spec=make_spec(trials=6, objective=PAIR))
    rescored(study, "loss", [(-3.0, -2.0), (-1.0, 0.5), (2.0, 4.0), (1.0, 3.5), (0.0, 1.0),
                             (5.0, 5.5)])  # fmt: skip
    gaps = prepare_gaps(study.frame())
    assert not isinstance(gaps, Waiting)
    assert (gaps.trials, gaps.left_out) == (6, 0)
    assert gaps.median == pytest.approx(1.25)
    for name in ("gap_against_parameters", "train_against_validation"):
        plot = FIGURES[name].render(study.frame())
        assert "%" not in plot.summary
        assert "%" not in plot.figure.layout.yaxis.title.text


def test_trials_without_a_share_are_counted() -> None:
    study = make_study(count=4)
    rescored(study, "mse", [(0.0, 0.1), (0.1, 0.11), (0.1, 0.12), (0.1, 0.14)])
    summary = FIGURES["gap_against_parameters"].render(study.frame()).summary
    assert "is 20 % of train (1 left out: train is not above 0)" in summary


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ([0.10, 0.20], "is 15 % of train"),
        ([-0.002, -0.002], "is less than 1 % better on validation"),
        ([-0.1, -0.2], "is 15 % better on validation"),
    ],
)
def test_the_median_gap_is_that_of_both_middle_trials(gaps: list[float], said: str) -> None:
    study = make_study(count=2)
    rescored(study, "mse", [(0.1, 0.1 * (1 + gap)) for gap in gaps])
    assert said in FIGURES["gap_against_parameters"].render(study.frame()).summary


def test_regularisers_are_parameters_of_the_catalog() -> None:
    known = {name for family in catalog().families.values() for name in family.parameters}
    assert set(REGULARISERS) <= known
    weights = {name for name in known if name.endswith(("_weight", "_penalty"))}
    assert weights - set(REGULARISERS) == {
        "adversarial_weight", "reconstruction_weight", "ssim_weight"
    }  # fmt: skip


def test_every_name_under_a_narrow_panel_is_shown() -> None:
    families = ["autoencoder", "denoising_autoencoder", "vae", "linear_autoencoder"]
    study = make_study(count=6, spec=make_spec(trials=6))
    entry = study.study.resolved.space["activation"]
    named = entry.model_copy(update={"choices": families})  # type: ignore[union-attr]
    space = {**study.study.resolved.space, "activation": named}
    resolved = study.study.resolved.model_copy(update={"space": space})
    study.study = study.study.model_copy(update={"resolved": resolved})
    figure = FIGURES["gap_against_parameters"].render(study.frame()).figure
    axes = [axis for axis in figure.select_xaxes() if axis.title.text.startswith("activation")]
    assert list(axes[0].ticktext) == families and axes[0].tickangle


@pytest.mark.parametrize("shape", [(8, 8), (12,)])
def test_what_the_model_was_given_is_drawn_where_it_is_not_the_target(
    shape: tuple[int, ...],
) -> None:
    from tests.dashboards.synthetic import make_pictures

    study = make_study(count=1)
    study.pictures = make_pictures(np.random.default_rng(0), shape)

    def drawn() -> str:
        return str(FIGURES["reconstructions"].render(study.frame(trial=0)).figure.to_plotly_json())

    pictures = study.pictures
    plain = {"given": pictures.input, "worst_given": pictures.worst_input}
    study.pictures = dataclasses.replace(pictures, **plain)
    assert "given" not in drawn().lower()
    noisy = {"given": pictures.input + 0.5, "worst_given": pictures.worst_best}
    study.pictures = dataclasses.replace(pictures, **noisy)
    assert "given" in drawn().lower() and "target" in drawn().lower()
