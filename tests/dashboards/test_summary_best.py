"""What a study says of its best model, and of whether the search still improves."""

import random
from dataclasses import replace

import pytest

from dashboards.rivals import Rival
from dashboards.summary.best import say_best
from dashboards.summary.facts import Facts
from dashboards.summary.improvement import say_improvement
from dashboards.views import Comparison
from service.domain.doing_nothing import TaskBaseline
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.dashboards.tellings import (
    PAIR,
    change,
    facts_of,
    plain,
    said,
)
from trainers.registry import catalog


def aimed_at(metric: str, made: SyntheticStudy) -> Facts:
    """The same study with another objective, which the synthetic one cannot have."""
    facts = facts_of(made)
    aims = facts.frame.study.aims
    first = aims.objectives[0]._replace(name=metric)
    study = replace(facts.frame.study, aims=aims._replace(objectives=(first,)))
    return facts._replace(frame=replace(facts.frame, study=study))


NGRAMS = [
    Comparison("a 3-gram model", 2.0, 0.9, "cross-entropy", "nats per token"),
    Comparison("a 1-gram model", 3.0, 0.6, "cross-entropy", "nats per token"),
]


def test_texts_are_compared_with_ngrams() -> None:
    facts = aimed_at("token_cross_entropy", plain([0.02, 0.01]))
    found = say_best(facts._replace(comparisons=NGRAMS))
    assert found is not None
    assert found.sentence.text == (
        "The best, trial 1, has cross-entropy 1.8: 90 % of that of a 3-gram model (2)."
    )
    assert found.sentence.figure == "best_so_far"


def test_the_objective_comes_first_and_another_metric_judges_nothing() -> None:
    spec = make_spec(trials=12, objective={"metric": "elbo", "direction": "maximize"})
    found = said(plain([20.0, 21.5], spec=spec))["best"]
    assert found.text.startswith("The best, trial 1, has elbo 21.5; its MSE is ")
    assert "times that of PCA" in found.text and found.tone == "plain"
    assert found.next_step is not None and found.next_step.startswith("Take trial 1")
    text = said(plain([0.02, 0.01]), comparisons=NGRAMS)["best"].text
    assert text == (
        "The best, trial 1, has mse 0.01; its cross-entropy is 90 % of that of a 3-gram model (2)."
    )


def test_a_confirmed_best_is_told_by_its_mean() -> None:
    made = plain([0.02, 0.01])
    assert made.study.best is not None
    confirmed = made.study.best.model_copy(update={"value": 0.0102, "seeds": 3})
    found = said(change(made, best=confirmed))["best"]
    assert found.text == (
        "The best, trial 1, has a confirmed mean MSE (3 fresh seeds) of 0.0102: "
        "86 % of that of PCA with 16 components (0.0119)."
    )
    assert found.numbers["ratio"] == pytest.approx(0.0102 / 0.0119)


@pytest.mark.parametrize(("value", "tone"), [(24.1, "good"), (20.2, "bad"), (19.0, "bad")])
def test_a_task_has_doing_nothing_for_a_rival(value: float, tone: str) -> None:
    nothing = TaskBaseline(
        task={"type": "denoise"}, name="the noisy input", train={}, validation={"psnr": 20.2}
    )
    rival = Rival(nothing, catalog().metrics["psnr"], 20.2, value)
    told = say_best(aimed_at("psnr", plain([0.02, 0.01]))._replace(rival=rival))
    assert told is not None
    found = told.sentence
    assert found.text.startswith(
        f"The best, trial 1, has psnr {value:.4g} dB against 20.2 dB of the noisy input"
    )
    assert found.tone == tone


def test_too_few_trials_say_nothing_of_improvement() -> None:
    assert "improvement" not in said(plain([0.02, 0.01, 0.009, 0.008, 0.007, 0.006, 0.005]))


def test_a_search_that_found_nothing_for_a_while_says_so() -> None:
    made = plain([0.02, 0.015, 0.01, *[0.03] * 9])
    found = said(made)["improvement"]
    assert found.text == (
        "The last improvement was trial 2: none of the 9 trials after it, of 12, was better."
    )
    assert found.next_step is None


def test_a_search_that_still_improves_asks_for_more() -> None:
    made = plain([0.011, *[0.012] * 10, 0.0099])
    found = said(made)["improvement"]
    assert found.text == (
        "Still improving: the last 3 of 12 trials made the best 10 % better, last at trial 11."
    )
    assert found.numbers["gain"] == pytest.approx(0.1)
    assert found.next_step == "Extend it by 8 trials: the best came only at its end."


def test_a_tiny_gain_is_called_little() -> None:
    made = plain([0.01, *[0.012] * 10, 0.00999])
    assert said(made)["improvement"].text == (
        "The last 3 of 12 trials made the best 0.1 % better, last at trial 11."
    )


def test_noise_is_seldom_called_an_improvement() -> None:
    told, advised, studies = 0, 0, 100
    for seed in range(studies):
        draw = random.Random(seed)
        made = plain([0.02 + 0.001 * draw.gauss(0, 1) for _ in range(24)], seed=seed)
        said_of = say_improvement(facts_of(made))
        assert said_of is not None and "little" not in said_of.sentence.text
        told += said_of.sentence.text.startswith("Still improving")
        advised += said_of.sentence.next_step is not None
    assert told <= 0.1 * studies and advised <= 0.06 * studies


def test_one_small_step_in_the_last_quarter_may_be_luck() -> None:
    made = plain([0.011, 0.012, 0.0125, 0.013, 0.014, 0.012, 0.012, 0.012, 0.0108, 0.02, 0.02])
    found = said(made)["improvement"]
    assert found.text.startswith("The last improvement was trial 8: none of the 2 trials after")
    made = plain([0.011, 0.012, 0.0125, 0.013, 0.014, 0.012, 0.012, 0.012, 0.02, 0.02, 0.0108])
    found = said(made)["improvement"]
    assert found.text.endswith("last at trial 10: luck alone could do that.")
    assert found.next_step is None


def test_where_more_is_better_the_largest_wins_and_no_share_is_made_of_nats() -> None:
    spec = make_spec(trials=12, objective={"metric": "elbo", "direction": "maximize"})
    made = plain([20.0, *[19.0] * 10, 21.5], spec=spec)
    assert made.study.best is not None and made.study.best.value == 21.5
    found = said(made)["improvement"]
    assert "made the best 1.5 nats better, last at trial 11" in found.text
    assert found.numbers["gain"] == pytest.approx(1.5)


def test_a_front_tells_its_last_addition_and_claims_no_more() -> None:
    texts = []
    for seed in range(6):
        made = make_study(count=24, spec=make_spec("pair", objective=PAIR), seed=seed)
        found = say_improvement(facts_of(made))
        assert found is not None and found.sentence.next_step is None
        texts.append(found.sentence.text)
    assert all("last addition to" in text and "improv" not in text for text in texts), texts
