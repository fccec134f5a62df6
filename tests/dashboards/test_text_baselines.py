"""The study page and its figures show n-grams beside a model of texts."""

import dataclasses

from dashboards.figures import FIGURES
from dashboards.figures.figure import as_json
from dashboards.figures.frame import BaselineFacts
from dashboards.views import study_view
from service.domain.data import NgramBaseline
from service.domain.records import TrialMetrics
from tests.dashboards.synthetic import make_dataset, make_spec, make_study
from trainers.registry import catalog


def test_the_best_stands_beside_ngrams_in_nats() -> None:
    made = make_study(count=3, spec=make_spec("texts"))
    ngrams = [
        NgramBaseline(order=order, train=1.0, validation=value, test=None)
        for order, value in ((1, 2.8), (2, 2.4))
    ]
    baselines = make_dataset().baselines.model_copy(update={"ngrams": ngrams})
    dataset = make_dataset().model_copy(update={"baselines": baselines})
    best = made.trials[0].model_copy(
        update={
            "metrics": TrialMetrics(train={}, validation={"token_cross_entropy": 0.6}),
        }
    )
    view = study_view(made.study, best, dataset, catalog(), {})
    assert [(item.name, item.ratio) for item in view.comparisons] == [
        ("a 2-gram model", 0.25),
        ("a 1-gram model", 0.6 / 2.8),
    ]
    assert view.comparisons[0].unit == "nats per token"


def test_best_so_far_draws_the_best_two_ngrams() -> None:
    frame = make_study(count=4).frame()
    objective = frame.study.aims.objectives[0]._replace(name="token_cross_entropy")
    aims = frame.study.aims._replace(objectives=(objective,))
    frame = dataclasses.replace(
        frame,
        study=dataclasses.replace(frame.study, aims=aims),
        baselines=BaselineFacts(mean=float("nan"), pca={}, ngrams={1: 2.8, 2: 2.4, 3: 2.2}),
    )
    entry = FIGURES["best_so_far"]
    shown = str(as_json("best_so_far", entry, entry.render(frame)))
    assert "3-gram" in shown
    assert "2-gram" in shown
    assert "1-gram" not in shown
    assert "mean sample" not in shown
