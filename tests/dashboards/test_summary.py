"""What a study says in plain language: each topic at its edges, and every sentence's numbers."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.figures.importance import (
    Importance,
    draw_importance,
    prepare_importance,
    summarise_importance,
    tabulate_importance,
)
from dashboards.summary import summarise
from service.domain.records import Analysis, TrialMetrics
from service.domain.states import StudyState, TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.dashboards.tellings import (
    PAIR,
    again,
    change,
    check,
    facts_of,
    judged,
    plain,
    said,
    step,
)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 40),
    running=st.integers(0, 3),
    left=st.integers(0, 20),
    seed=st.integers(0, 10_000),
    objective=st.sampled_from(
        [
            None,
            PAIR,
            {"metric": "elbo", "direction": "maximize"},
            [{"metric": "mse"}, {"metric": "kl"}],
        ]
    ),
    state=st.sampled_from(list(StudyState)),
)
def test_every_sentence_has_its_numbers_and_a_link_that_leads_somewhere(
    count: int, running: int, left: int, seed: int, objective: Any, state: StudyState
) -> None:
    changes = {} if objective is None else {"objective": objective}
    made = make_study(
        count=count, running=running, planned=count + running + left or 1, seed=seed, epochs=3,
        spec=make_spec(trials=24, **changes),
    )  # fmt: skip
    change(made, state=state)
    found = summarise(facts_of(made))
    check(made, found)
    states = [trial.state.value for trial in made.trials]
    ended = sum(state not in ("RUNNING", "QUEUED") for state in states)
    by_topic = {each.topic: each for each in found.sentences}
    assert by_topic["progress"].numbers["done"] == ended
    if "failures" in by_topic:
        assert by_topic["failures"].numbers.get("failed", 0) == states.count("FAILED")
        assert by_topic["failures"].numbers.get("diverged", 0) == states.count("DIVERGED")
    verdicts = [trial.verdict.kind for trial in made.trials if trial.verdict]
    told = [kind for kind in verdicts if kind not in ("censored", "diverged")]
    if "overfitting" in by_topic:
        assert by_topic["overfitting"].numbers["judged"] == len(told)
        assert by_topic["overfitting"].numbers["overfit"] == told.count("overfit")
    best = made.study.best
    if (
        best is not None
        and "best" in by_topic
        and made.study.resolved.aims.objectives[0].metric == "mse"
    ):
        value, ratio = by_topic["best"].numbers["value"], by_topic["best"].numbers["ratio"]
        trial = made.trials[best.trial]
        assert trial.metrics is not None
        assert value == pytest.approx(trial.metrics.validation["mse"])
        assert ratio == pytest.approx(value / 0.0119)
    assert summarise(facts_of(made)) == found


def test_before_anything_has_ended_only_the_state_is_said() -> None:
    made = make_study(count=0, planned=10)
    assert list(said(made)) == ["progress"]
    assert said(made)["progress"].text == "Waiting for an engine: 0 of 10 trials ended."
    assert step(made) is None


def test_a_running_study_says_what_is_left() -> None:
    made = make_study(count=3, planned=10)
    found = said(made)["progress"]
    assert found.text.startswith("3 of 10 trials ended") and found.text.endswith("left.")
    assert found.numbers["seconds_left"] == 12.5 * 7
    assert step(made) == "Let it run: 7 trials to go."


def test_where_all_failed_the_reason_comes_first_and_nothing_hollow_follows() -> None:
    made = plain([None] * 6)
    found = said(made)
    assert list(found) == ["progress", "failures"]
    assert found["failures"].text == "6 of 6 trials failed (crash)."
    assert found["failures"].anchor == "?state=FAILED#trials"
    assert found["failures"].tone == "bad"
    assert step(made) == "Read why 100 % of the trials failed."


def test_the_most_frequent_reason_is_named() -> None:
    made = plain([None, None, None, 0.01])
    text = said(made, failures={"crash": 1, "out-of-memory": 2})["failures"].text
    assert text == "3 of 4 trials failed, 2 of them with out-of-memory."


def test_much_divergence_asks_for_a_lower_learning_rate() -> None:
    made = plain([0.01] * 8)
    rates = [0.001] * 5 + [0.006, 0.007, 0.009]
    made = again(made, [
        t.model_copy(update={
            "params": {**t.params, "learning_rate": rate},
            "state": TrialState.DIVERGED if rate > 0.005 else TrialState.COMPLETE,
        })
        for t, rate in zip(made.trials, rates, strict=True)
    ])  # fmt: skip
    assert said(made)["failures"].text == "3 of 8 trials diverged."
    assert step(made) == (
        "Lower the upper end of learning_rate: half of what diverged had 0.007 or more."
    )


def test_the_hardest_baseline_is_the_one_that_counts() -> None:
    made = plain([0.01, 0.009])
    best = said(made)["best"]
    assert best.text == (
        "The best, trial 1, has MSE 0.009: 76 % of that of PCA with 16 components (0.0119)."
    )
    assert (best.tone, best.figure) == ("good", "gap_closed")
    worse = plain([0.02, 0.0238])
    assert "0.02: 1.68 times that of PCA" in said(worse)["best"].text
    assert said(worse)["best"].tone == "bad"
    assert step(worse) == "Train for more than 20 epochs, or allow larger models."
    close = plain([0.0118])
    assert said(close)["best"].tone == "warn"


def test_without_a_baseline_the_best_stands_alone() -> None:
    text = said(plain([0.02, 0.01]), comparisons=[])["best"].text
    assert text == "The best, trial 1, has mse 0.01."


@pytest.mark.parametrize(
    ("kinds", "text", "tone"),
    [
        (["converged"] * 4, "None of 4 judged trials overfits.", "good"),
        (["converged"] * 3 + ["overfit"], "1 of 4 judged trials overfits.", "warn"),
        (["overfit"] * 3 + ["large_gap", "converged"],
         "3 of 5 judged trials overfit; 1 has a gap beyond 10 %, without validation getting worse.",
         "bad"),
        (["converged"] * 2 + ["large_gap"] * 7,
         "None of 9 judged trials overfits; 7 have a gap beyond 10 %, without validation getting "
         "worse.",
         "plain"),
        (["converged"] * 8 + ["large_gap"],
         "None of 9 judged trials overfits; 1 has a gap beyond 10 %, without validation getting "
         "worse.",
         "plain"),
        (["converged"] * 3 + ["underfit"],
         "None of 4 judged trials overfits; 1 underfits.", "good"),
        (["underfit"] * 3 + ["converged", "censored"],
         "3 of 4 judged trials underfit: they were still learning, or worse than a baseline.",
         "warn"),
    ],
)  # fmt: skip
def test_overfitting_is_counted_among_the_trials_of_which_it_can_be_told(
    kinds: list[str], text: str, tone: str
) -> None:
    found = said(judged(kinds))["overfitting"]
    assert (found.text, found.tone) == (text, tone)


@pytest.mark.parametrize("kinds", [[], ["converged"], ["censored", "diverged", "censored"]])
def test_of_one_trial_or_of_none_nothing_is_said_about_overfitting(kinds: list[str]) -> None:
    assert "overfitting" not in said(judged(kinds))


def test_most_overfit_asks_for_regularisers_that_are_not_searched() -> None:
    assert step(judged(["overfit"] * 4)) == ("Search weight_decay: 4 of 4 trials overfit.")


def with_gaps(costs: float) -> SyntheticStudy:
    """12 trials with a large gap each, from 20 % to 130 %; `costs`: what a gap of 1 adds to MSE."""
    made = judged(["large_gap"] * 12)
    made.trials = [
        t.model_copy(update={
            "metrics": TrialMetrics(
                train={"mse": (loss := 0.01 + costs * (gap := 0.2 + 0.1 * i)) / (1 + gap)},
                validation={"mse": loss},
            )
        })
        for i, t in enumerate(made.trials)
    ]  # fmt: skip
    return made


def test_a_gap_alone_is_no_fault() -> None:
    for made in (with_gaps(0), with_gaps(-0.003)):
        found = said(made)["overfitting"]
        assert (found.tone, found.next_step) == ("plain", None)
    costly = said(with_gaps(0.003))["overfitting"]
    assert costly.tone == "plain"
    assert costly.next_step == (
        "Search weight_decay: trials with larger gaps are worse on validation "
        "(rank correlation 1.00)."
    )


def test_no_smaller_models_are_asked_for_where_the_best_are_the_largest() -> None:
    decay = {"type": "float", "low": 1e-6, "high": 1e-2, "log": True}
    width = {"type": "categorical", "choices": [32, 64, 128, 256]}
    dropout = {"type": "float", "low": 0.0, "high": 0.3}
    spec = make_spec(space={"weight_decay": decay, "hidden_width": width, "dropout": dropout})
    assert "Search smaller models" in (step(judged(["overfit"] * 4, spec=spec)) or "")
    made = judged(["overfit"] * 24, spec=spec)
    widths = (256, 256, 256, 256, 256, *(32, 64, 128) * 7)
    made = again(made, [
        t.model_copy(update={"value": 0.01 + 0.001 * i,
                             "params": {**t.params, "hidden_width": wide}})
        for i, (t, wide) in enumerate(zip(made.trials, widths, strict=False))
    ])  # fmt: skip
    found = said(made)
    assert "Widen hidden_width" in (found["edge"].next_step or "")
    assert found["overfitting"].next_step == (
        "Take more training samples: 24 of 24 trials overfit."
    )


def test_what_narrowed_the_gap_is_named_only_when_it_is_more_than_luck() -> None:
    def gaps(count: int) -> SyntheticStudy:
        made = judged(["overfit"] * count)
        made.trials = [
            t.model_copy(update={
                "params": {**t.params, "dropout": 0.3 * i / count},
                "metrics": TrialMetrics(
                    train={"mse": 0.01}, validation={"mse": 0.02 - 0.01 * i / count}
                ),
            })
            for i, t in enumerate(made.trials)
        ]  # fmt: skip
        return made

    few, many = said(gaps(6))["overfitting"], said(gaps(12))["overfitting"]
    assert "narrows" not in few.text
    assert many.text.endswith("the gap narrows with higher dropout (rank correlation -1.00).")
    assert many.figure == "gap_against_regularisers"
    assert step(gaps(12)) == "Try higher dropout: 12 of 12 trials overfit."


def importance(
    made: SyntheticStudy, values: dict[str, Any], trials: int = 24, chance: float | None = None
) -> SyntheticStudy:
    data: dict[str, Any] = {"values": values, "trials": trials, "note": ""}
    if chance is not None:
        data["chance"] = dict.fromkeys(values, chance)
    made.analyses = [Analysis(study_id="x", kind="importance", cohort=1, data=data)]
    return made


def test_only_parameters_beyond_chance_are_named_with_their_shares() -> None:
    shares = {"learning_rate": 0.61, "dropout": 0.3, "hidden_width": 0.09}

    def text(chance: float | None, trials: int = 24) -> str:
        return said(importance(plain([0.01] * 3), shares, trials, chance))["parameters"].text

    assert text(0.1) == (
        "learning_rate matters most (61 %), then dropout (30 %), both beyond chance, "
        "over 24 trials."
    )
    assert text(0.4) == "learning_rate matters most (61 %), no other beyond chance, over 24 trials."
    assert text(0.7) == "No parameter stands out beyond chance over 24 trials."
    # No share can exceed it: that says nothing of the parameters.
    assert "parameters" not in said(importance(plain([0.01] * 3), shares, 24, 1.4))
    assert text(0.1, 5).endswith("over 5 trials, a rough guess.")
    assert text(None) == (
        "learning_rate has the largest share (61 %), not held against chance, over 24 trials."
    )


@pytest.mark.parametrize("values", [{}, {"dropout": 1.0}, {"a": math.nan, "b": 1.0}])
def test_a_single_parameter_decides_nothing(values: dict[str, float]) -> None:
    assert "parameters" not in said(importance(plain([0.01] * 3), values))


@pytest.mark.parametrize(
    ("chance", "expected"),
    [
        (0.1, "beyond chance, matter a (61 %), then b (30 %), over 24 trials; 1 other parameter"),
        (0.4, "only a (61 %) matters beyond chance over 24 trials; 2 other parameters cannot"),
        (0.7, "No parameter stands out beyond chance for mse over 24 trials."),
        (1.4, "Too few trials (24) for shares to tell any parameter from chance"),
        (None, "was not held against chance"),
    ],
)
def test_the_figure_of_importance_names_what_is_beyond_chance(
    chance: float | None, expected: str
) -> None:
    made = importance(plain([0.01] * 3), {"a": 0.61, "b": 0.3, "c": 0.09}, 24, chance)
    data = prepare_importance(made.frame())
    assert isinstance(data, Importance)
    assert expected in summarise_importance(data)
    assert [trace.name for trace in draw_importance(data).data][1:] == (
        [] if chance is None else ["chance level"]
    )
    assert tabulate_importance(data).rows[0] == ["a", 0.61, chance]


def at_width(*widths: int) -> SyntheticStudy:
    made = plain([0.01 + 0.001 * i for i in range(len(widths))])
    made.trials = [
        t.model_copy(update={"params": {**t.params, "hidden_width": width, "dropout": 0.15,
                                        "learning_rate": 1e-3}})
        for t, width in zip(made.trials, widths, strict=True)
    ]  # fmt: skip
    return made


def test_an_edge_is_named_with_a_wider_range() -> None:
    inside = (32, 64, 128) * 6
    found = said(at_width(256, 256, 128, 256, 256, *inside))["edge"]
    claim = "2 of the best 3 trials sit on the upper edge of hidden_width: 256, 256, 128."
    assert found.text == claim
    assert found.next_step == "Widen hidden_width to 512 and search again."
    assert "edge" not in said(at_width(64, 128, 128, 32))
    assert "edge" not in said(at_width(256, 256))
    assert "edge" not in said(at_width(256, 256, 128, 256, 256, *(256, 64) * 9))
