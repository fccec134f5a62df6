"""What models are shown beside: the clipped PCA, and no standard error as if it were a metric."""

import pytest

from dashboards.figures.best_so_far import prepare_against_trials
from dashboards.figures.epoch_terms import EpochTerms, prepare_loss_terms
from dashboards.figures.figure import Waiting
from dashboards.views import study_view, trial_view
from tests.dashboards.synthetic import make_study
from trainers.registry import catalog


def test_the_lines_of_the_figure_name_the_clipped_pca() -> None:
    data = prepare_against_trials(make_study().frame())
    assert not isinstance(data, Waiting)
    assert dict(data.baselines)["PCA-16 clipped"] == 0.0119


def test_the_study_page_compares_with_the_clipped_pca() -> None:
    made = make_study()
    assert made.study.best is not None
    best = made.trials[made.study.best.trial]
    view = study_view(made.study, best, made.dataset, catalog(), {})
    [pca, _] = view.comparisons
    assert pca.name == "PCA with 16 components, clipped"
    assert best.value is not None
    assert pca.ratio == pytest.approx(best.value / 0.0119)


def test_standard_errors_are_not_drawn_as_loss_terms_nor_listed_as_metrics() -> None:
    made = make_study()
    trial = made.trials[0]
    assert trial.metrics is not None
    assert "mse_se" in trial.metrics.validation
    terms = prepare_loss_terms(made.frame(trial=0))
    assert isinstance(terms, EpochTerms)
    assert not [term.title for term in terms.terms if "_se" in term.title]
    rows = trial_view(made.study, trial, None).metrics
    assert "mse" in [name for name, *_ in rows]
    assert not [name for name, *_ in rows if name.endswith("_se")]
