"""What a trial leaves beside its pictures, and the figures that show it."""

import dataclasses

import numpy as np
import pytest
import safetensors.numpy

from dashboards.figures import FIGURES
from dashboards.figures.rank_correlation import spearman
from dashboards.trial_files import read_evidence
from service.domain.data import Column
from tests.dashboards.synthetic import make_dataset, make_evidence, make_study

PIECES = [name for name, entry in FIGURES.items() if entry.shows]


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_that_a_family_does_not_have_is_said_to_be_missing(name: str) -> None:
    study = make_study(count=4)
    assert study.evidence is not None
    wanted = FIGURES[name].shows
    rest = {key: array for key, array in study.evidence.arrays.items() if key != wanted}
    study.evidence = dataclasses.replace(study.evidence, arrays=rest)
    plot = FIGURES[name].render(study.frame(trial=0))
    assert plot.waiting
    assert plot.summary.startswith("It left no ")


@pytest.mark.parametrize("name", PIECES)
def test_a_running_trials_evidence_is_waited_for(name: str) -> None:
    study = make_study(count=0, running=1)
    study.evidence = None
    plot = FIGURES[name].render(study.frame(trial=0))
    assert plot.summary.startswith("Waiting for this trial to end")


@pytest.mark.parametrize("shape", [(12,), (6, 6, 3), (40,)])
@pytest.mark.parametrize("name", PIECES)
def test_samples_of_every_shape_are_drawn(name: str, shape: tuple[int, ...]) -> None:
    study = make_study(count=1)
    study.evidence = make_evidence(np.random.default_rng(0), shape)
    assert not FIGURES[name].render(study.frame(trial=0)).waiting


def test_kl_of_units_is_sorted_and_counted() -> None:
    study = make_study(count=1)
    assert study.evidence is not None
    units = np.array([0.5, 0.0, 2.0, 0.001])
    arrays = {"kl_per_unit/best": units, "kl_per_unit/last": units}
    study.evidence = dataclasses.replace(study.evidence, arrays=arrays)
    plot = FIGURES["latent_units"].render(study.frame(trial=0))
    assert plot.summary.startswith("2 of 4 latent units of trial 0 say more than 0.01 nats, 2.501")
    assert [row[0] for row in plot.table.rows] == [2, 0, 3, 1]


def test_a_codebook_with_equal_use_has_the_perplexity_of_its_size() -> None:
    study = make_study(count=1)
    assert study.evidence is not None
    codes = np.array([5.0, 0.0, 5.0, 5.0, 5.0])
    study.evidence = dataclasses.replace(study.evidence, arrays={"codes/best": codes})
    summary = FIGURES["code_use"].render(study.frame(trial=0)).summary
    assert "uses 4 of its 5 codes" in summary
    assert "amounts to 4 codes" in summary


def test_the_error_of_a_table_stands_by_its_columns() -> None:
    dataset = make_dataset().model_copy(
        update={
            "shape": [3],
            "kind": "table",
            "columns": [
                Column(name="age", kind="numeric", start=0, width=1),
                Column(name="sex", kind="categorical", start=1, width=2, categories=["f", "m"]),
            ],
        }
    )
    content = safetensors.numpy.save({"error_map/best": np.array([0.1, 0.4, 0.2], np.float32)})
    study = make_study(count=1)
    study.evidence = read_evidence(content, dataset)
    plot = FIGURES["error_map"].render(study.frame(trial=0))
    assert [row[:3] for row in plot.table.rows] == [
        ["sex", "categorical", 0.3],
        ["age", "numeric", 0.1],
    ]
    assert "errs most in sex (0.3, 86 % of the whole error)" in plot.summary


def test_evidence_that_does_not_fit_the_data_is_left_out() -> None:
    content = safetensors.numpy.save(
        {"error_map/best": np.zeros(5, np.float32), "prior/best": np.zeros((2, 7), np.float32)}
    )
    evidence = read_evidence(content, make_dataset())
    assert evidence is not None
    assert not evidence.arrays
    assert read_evidence(b"nonsense", make_dataset()) is None


def test_rank_correlation_knows_order_and_ties() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 400]) == pytest.approx(1.0)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)
    assert spearman([1, 1, 2, 2], [1, 2, 3, 4]) == pytest.approx(0.894427, abs=1e-6)
    assert spearman([1, 1, 1], [1, 2, 3]) is None
