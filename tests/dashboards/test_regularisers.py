"""The gap against regularisers: what is claimed, what is not, and that no panel stands twice."""

import math
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.figures import FIGURES
from dashboards.figures.figure import Waiting
from dashboards.figures.gap_against_parameters import prepare_gaps, searches_others
from dashboards.figures.gap_panels import is_regulariser
from dashboards.figures.rank_correlation import rank
from dashboards.figures.regularisers import (
    find_clear,
    find_threshold,
    prepare_regularisers,
    searches_regularisers,
    what_reduced_gap,
)
from dashboards.summary.overfitting import find_reducer
from service.domain.records import TrialMetrics
from service.domain.states import TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.dashboards.tellings import facts_of
from trainers.registry import catalog

NAME = "gap_against_regularisers"
RATE = {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}
SEARCHED = {
    "learning_rate": RATE,
    "dropout": {"type": "float", "low": 0.0, "high": 0.4},
    "weight_decay": {"type": "float", "low": 1e-5, "high": 1e-1, "log": True},
    "augment_flip": {"type": "categorical", "choices": [True, False]},
}


def gapped(
    count: int, gap: Callable[[dict[str, Any], random.Random], float], **changes: Any
) -> SyntheticStudy:
    """COMPLETE trials whose relative gap follows from their params."""
    spec = make_spec(trials=count, **({"space": SEARCHED} | changes))
    made = make_study(count=count, spec=spec, epochs=1)
    draw = random.Random(5)
    made.trials = [
        trial.model_copy(
            update={
                "state": TrialState.COMPLETE,
                "metrics": TrialMetrics(
                    train={"mse": 0.01, "elbo": 100.0, "loss": -3.0},
                    validation={
                        "mse": 0.01 * (1 + (by := gap(trial.params, draw))),
                        "elbo": 100.0 * (1 - by),
                        "loss": -3.0 + by,
                    },
                ),
            }
        )
        for trial in made.trials
    ]
    return made


def by_dropout(params: dict[str, Any], draw: random.Random) -> float:
    return 0.3 - 0.6 * params["dropout"] + 0.02 * draw.random()


def test_the_regulariser_that_narrows_the_gap_is_told_with_both_sides() -> None:
    made = gapped(40, by_dropout)
    reducer = what_reduced_gap(made.frame())
    assert reducer is not None
    assert (reducer.parameter, reducer.direction, reducer.trials) == ("dropout", "higher", 40)
    above = sorted(
        t.metrics.validation["mse"] / 0.01 - 1  # type: ignore[union-attr, operator]
        for t in made.trials
        if float(t.params["dropout"]) > reducer.threshold
    )
    assert (len(above), reducer.below + reducer.above) == (reducer.above, 40)
    middle = (above[(len(above) - 1) // 2] + above[len(above) // 2]) / 2
    assert math.isclose(reducer.median_above, middle)
    summary = FIGURES[NAME].render(made.frame()).summary
    assert (
        f"trials with dropout above {reducer.threshold:.4g} have a median gap of "
        f"{100 * reducer.median_above:.2g} % against {100 * reducer.median_below:.0f} % "
        f"at or below it (n = {reducer.above}, {reducer.below}; rank correlation -0."
    ) in summary
    assert find_reducer(facts_of(made)) == reducer


def test_a_regulariser_that_widens_the_gap_has_its_lower_side_told() -> None:
    made = gapped(40, lambda p, d: 0.2 + 0.02 * math.log10(p["weight_decay"]) + 0.01 * d.random())
    reducer = what_reduced_gap(made.frame())
    assert reducer is not None
    assert (reducer.parameter, reducer.direction) == ("weight_decay", "lower")
    assert "trials with weight_decay at most " in FIGURES[NAME].render(made.frame()).summary


@pytest.mark.parametrize(("sign", "said"), [(1, "augment_flip off"), (-1, "augment_flip on")])
def test_a_switch_is_on_or_off_whatever_the_order_of_its_choices(sign: int, said: str) -> None:
    made = gapped(40, lambda p, d: 0.2 + sign * 0.1 * p["augment_flip"] + 0.02 * d.random())
    assert f"trials with {said} have" in FIGURES[NAME].render(made.frame()).summary


def test_a_maximised_metric_and_one_without_zero_mean_the_same() -> None:
    for objective in (
        {"metric": "elbo", "direction": "maximize"},
        [{"metric": "mse"}, {"metric": "kl"}],
    ):
        made = gapped(40, by_dropout, objective=objective)
        reducer = what_reduced_gap(made.frame())
        assert reducer is not None and reducer.direction == "higher"
        assert "%" not in FIGURES[NAME].render(made.frame()).summary


def test_few_trials_constant_values_and_other_parameters_claim_nothing() -> None:
    assert what_reduced_gap(gapped(11, by_dropout).frame()) is None
    assert "below 12 trials" in FIGURES[NAME].render(gapped(11, by_dropout).frame()).summary
    assert what_reduced_gap(gapped(40, lambda p, d: 0.1).frame()) is None
    rate = gapped(40, lambda p, d: -math.log10(p["learning_rate"]))
    assert what_reduced_gap(rate.frame()) is None
    assert FIGURES[NAME].render(rate.frame()).summary.endswith("goes with it beyond chance.")


def test_luck_is_taken_for_an_effect_in_one_study_of_twenty_at_most() -> None:
    draw = random.Random(11)
    for count, several in ((12, 1), (20, 6), (60, 6)):
        claims = 0
        for _ in range(300):
            gaps = [draw.gauss(0, 1) ** 3 for _ in range(count)]
            columns = {
                str(i): ([draw.choice((0.0, draw.random())) for _ in range(count)], gaps)
                for i in range(several)
            }
            claims += find_clear(columns) is not None
        assert claims <= 0.08 * 300  # 5 % and two standard errors and a half


def test_looking_at_several_raises_the_bar() -> None:
    values = [float(i) for i in range(30)]
    gaps = [i + 70 * math.sin(1.9 * i * i) for i in range(30)]
    alone = find_clear({"dropout": (values, gaps)})
    assert alone is not None and 0.36 < alone[1] < 0.52
    others = {str(i): ([float(j * (i + 7) % 31) for j in range(30)], gaps) for i in range(17)}
    assert find_clear({"dropout": (values, gaps)} | others) is None


def test_the_threshold_is_a_short_number_that_parts_the_values_evenly() -> None:
    assert find_threshold([0.011, 0.119, 0.162, 0.31]) == 0.14
    many = [0.0037 * i for i in range(100)]
    assert find_threshold(many) == 0.2  # 55 at most that, 45 above
    assert find_threshold([0.0, 0.0, 0.0, 0.2, 0.4]) == 0.1
    assert find_threshold([1.0001, 1.0002]) == pytest.approx(1.0001, abs=1e-4)
    assert 1.0001 <= find_threshold([1.0001, 1.0002]) < 1.0002
    assert 1e-4 <= find_threshold([1e-5, 1e-4, 1e-2, 1e-1]) < 1e-2


def test_ranks_share_ties() -> None:
    assert rank([3.0, 1.0, 3.0, 2.0]).tolist() == [1.0, -1.5, 1.0, -0.5]


def test_every_parameter_has_one_panel_in_one_of_both_figures() -> None:
    made = gapped(14, by_dropout)
    regularisers, others = prepare_regularisers(made.frame()), prepare_gaps(made.frame())
    assert not isinstance(regularisers, Waiting) and not isinstance(others, Waiting)
    assert [p.parameter for p in regularisers.gaps.panels] == [
        "augment_flip", "dropout", "weight_decay",
    ]  # fmt: skip
    assert [panel.parameter for panel in others.panels] == ["learning_rate"]


def test_a_study_without_regularisers_has_no_place_and_is_told_which_there_are() -> None:
    made = gapped(14, lambda p, d: d.random(), space={"learning_rate": RATE, "dropout": 0.2})
    assert not searches_regularisers(made.study.resolved, catalog())
    assert searches_others(made.study.resolved, catalog())
    plot = FIGURES[NAME].render(made.frame())
    assert plot.waiting
    could = plot.summary.removeprefix("This study searches no regulariser: ").split(", ")
    assert {"dropout", "weight_decay", "augment_shift"} <= set(could)
    assert "beta" not in could  # a plain VAE has none to search
    assert plot.summary.endswith(" could be searched.")


def test_a_study_of_regularisers_only_has_no_other_figure() -> None:
    made = gapped(14, by_dropout, space={"dropout": SEARCHED["dropout"]})
    assert searches_regularisers(made.study.resolved, catalog())
    assert not searches_others(made.study.resolved, catalog())
    assert "see gap_against_regularisers" in FIGURES["gap_against_parameters"].render(
        made.frame()
    ).summary  # fmt: skip


def test_families_that_lack_a_regulariser_are_left_out_of_its_panel() -> None:
    made = gapped(30, by_dropout)
    made.trials = [
        t if t.number % 2 else t.model_copy(
            update={"params": {k: v for k, v in t.params.items() if k != "dropout"}}
        )
        for t in made.trials
    ]  # fmt: skip
    plot = FIGURES[NAME].render(made.frame())
    assert [row[:2] for row in plot.table.rows] == [
        ["augment_flip", 30], ["dropout", 15], ["weight_decay", 30],
    ]  # fmt: skip
    reducer = what_reduced_gap(made.frame())
    assert reducer is not None and reducer.trials == 15


def test_10000_trials_are_prepared_in_a_third_of_a_second() -> None:
    made = make_study(count=10_000, spec=make_spec(trials=10_000, space=SEARCHED), epochs=1)
    frame = made.frame()
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        prepare_regularisers(frame)
        taken.append(time.perf_counter() - started)
    assert min(taken) < 1.0, taken  # 0.1 s alone on one core


def test_every_regulariser_is_known_by_its_name() -> None:
    assert is_regulariser("dropout") and not is_regulariser("learning_rate")
