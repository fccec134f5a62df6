"""The answer says what it is compared with, and how far to trust it."""

import pytest

from service.api.best import Answer, best_record, compare
from service.api.confirmed import selection_of
from service.commands.answer import pca_rows
from service.domain.records import BestMetrics
from service.domain.states import StudyState, TrialState
from tests.dashboards.synthetic import make_dataset, make_study

METRICS = BestMetrics(train={"mse": 0.01}, validation={"mse": 0.0119}, test={"mse": 0.0119})


def test_the_rival_is_the_clipped_pca_where_it_is_known() -> None:
    baselines = make_dataset().baselines
    entry = baselines.pca[0].model_copy(update={"test": 0.0124})
    mixed = baselines.model_copy(update={"mean_test": 0.07, "pca": [entry]})

    compared = compare(mixed, METRICS, {"latent_dim": 16})

    assert compared["pca_figure"] == {"validation": "clipped", "test": "unclipped"}
    assert compared["mse_over_pca"]["validation"] == pytest.approx(1.0)
    assert compared["mse_over_pca"]["test"] == pytest.approx(0.0119 / 0.0124)
    assert pca_rows(compared["pca"]) == [("PCA-16 clipped", 0.0119, None)]


def test_without_pca_of_its_size_there_is_no_ratio() -> None:
    compared = compare(make_dataset().baselines, METRICS, {"latent_dim": 5})
    assert compared["pca"] is None
    assert compared["pca_figure"] == {"validation": None, "test": None}
    assert compared["mse_over_pca"] == {"validation": None, "test": None}


def test_the_best_of_many_on_one_seed_says_that_it_is_optimistic() -> None:
    made = make_study(count=24)
    assert made.study.best is not None
    [best] = [trial for trial in made.trials if trial.number == made.study.best.trial]
    finished = sum(trial.state is TrialState.COMPLETE for trial in made.trials)

    selection = best_record(Answer(made.study, best, made.study, best, made.dataset)).selection

    assert selection is not None
    assert (selection["kind"], selection["seeds"]) == ("best-of-n", 1)
    assert selection["trials"] == finished
    assert f"best of {finished} trials" in selection["note"]
    assert "optimistic" in selection["note"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (StudyState.RUNNING, "It will be trained again with fresh seeds when the search ends"),
        (StudyState.SELECTING, "are being trained again with fresh seeds"),
        (StudyState.STOPPED, ""),
        (StudyState.FAILED, ""),
    ],
)
def test_only_a_live_study_promises_fresh_seeds(state: StudyState, said: str) -> None:
    made = make_study(count=12)
    study = made.study.model_copy(update={"state": state, "summary": None})
    trial = next(trial for trial in made.trials if trial.state is TrialState.COMPLETE)
    note = selection_of(study, trial, {})["note"]
    assert ("fresh seeds when" in note or "being trained" in note) is bool(said)
    assert said in note
