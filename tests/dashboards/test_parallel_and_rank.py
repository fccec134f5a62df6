"""What the best trials share, and where good ranks lie."""

import math
import random
import time

import numpy as np
import pytest

from dashboards.figures import FIGURES
from dashboards.figures.figure import Waiting
from dashboards.figures.parallel_coordinates import (
    INACTIVE,
    ParallelCoordinates,
    prepare_parallel_coordinates,
    summarise_parallel_coordinates,
)
from dashboards.figures.ranks import Ranks, prepare_ranks, summarise_ranks
from service.domain.states import TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study

SPACE = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.4},
    "activation": {"type": "categorical", "choices": ["relu", "gelu"]},
}


def study_of(count: int, law: str, seed: int = 0) -> SyntheticStudy:
    """Complete trials whose value follows a law: of the rate, of the activation, or of nothing."""
    draw = random.Random(seed)
    made = make_study(count=count, planned=count, study_id="par1", seed=seed,
                      spec=make_spec("par", count, space=SPACE))  # fmt: skip
    trials = []
    for trial in made.trials:
        params = {
            "learning_rate": 10 ** draw.uniform(-4, -2),
            "dropout": draw.uniform(0.0, 0.4),
            "activation": draw.choice(["relu", "gelu"]),
        }
        noise = draw.random()
        value = {
            "rate": abs(math.log10(params["learning_rate"]) + 3.7) + 0.02 * noise,  # type: ignore[arg-type]
            "activation": (params["activation"] == "relu") + noise,
            "nothing": noise,
        }[law]
        trials.append(
            trial.model_copy(
                update={"params": params, "value": 0.01 + value, "state": TrialState.COMPLETE}
            )
        )
    made.trials = trials
    return made


def parallel(study: SyntheticStudy) -> ParallelCoordinates:
    data = prepare_parallel_coordinates(study.frame())
    assert not isinstance(data, Waiting)
    return data


def ranks(study: SyntheticStudy) -> Ranks:
    data = prepare_ranks(study.frame())
    assert not isinstance(data, Waiting)
    return data


def test_trials_stand_best_first_where_their_values_lie() -> None:
    study = study_of(60, "rate")
    data = parallel(study)
    values = [trial.value for trial in study.trials]
    assert data.numbers[0] == int(np.argmin(np.array(values, float)))
    assert data.values == sorted(data.values) and data.good == 6
    [rate] = [column for column in data.columns if column.name == "learning_rate"]
    shown = study.trials[data.numbers[3]].params["learning_rate"]
    assert rate.places[3] == pytest.approx((math.log10(float(shown)) + 4) / 2)
    assert data.columns[-1].places[0] == 1 and data.columns[-1].places[-1] == 0


def test_what_the_best_share_is_said_with_what_was_searched() -> None:
    said = summarise_parallel_coordinates(parallel(study_of(60, "rate")))
    assert said.startswith("Of the best 6 of 60 complete trials learning_rate lies between 0.000")
    assert "(searched: 0.0001 to 0.01)" in said and "dropout" not in said
    said = summarise_parallel_coordinates(parallel(study_of(100, "activation", seed=1)))
    assert "10 of 10 have activation gelu" in said


def test_of_noise_little_is_said_to_be_shared() -> None:
    claims = sum(bool(parallel(study_of(60, "nothing", seed)).shared) for seed in range(100))
    assert claims <= 10, "5 % of 100 studies, and what luck adds"


def test_of_equals_nothing_is_said() -> None:
    study = study_of(60, "rate")
    study.trials = [trial.model_copy(update={"value": 0.5}) for trial in study.trials]
    assert "nothing is shared beyond chance" in summarise_parallel_coordinates(parallel(study))


def test_what_breaks_a_bound_is_not_among_the_best() -> None:
    study = study_of(60, "rate")
    first = parallel(study).numbers[0]
    study.trials[first] = study.trials[first].model_copy(update={"feasible": False})
    assert first not in parallel(study).numbers
    assert all(row[2] != first for row in ranks(study).panels[0].rows)


def test_few_trials_share_nothing_and_fewer_are_waited_for() -> None:
    assert "too few to say" in summarise_parallel_coordinates(parallel(study_of(20, "rate")))
    assert isinstance(prepare_parallel_coordinates(study_of(4, "rate").frame()), Waiting)


def test_a_parameter_that_a_trial_does_not_have_is_inactive() -> None:
    study = study_of(12, "rate")
    first = study.trials[0]
    params = {name: value for name, value in first.params.items() if name != "dropout"}
    study.trials[0] = first.model_copy(update={"params": params})
    data = parallel(study)
    [column] = [column for column in data.columns if column.name == "dropout"]
    assert column.places[data.numbers.index(0)] == INACTIVE
    assert column.ticks[0] == (INACTIVE, "inactive")


def test_the_best_and_a_spread_of_the_others_are_drawn() -> None:
    data = parallel(study_of(900, "rate"))
    assert len(data.drawn) == 200 and data.drawn[:90] == list(range(90))
    assert data.drawn[-1] == 899
    assert "(200 lines are drawn)" in summarise_parallel_coordinates(data)


def test_ranks_do_not_mind_an_outlier() -> None:
    study = study_of(40, "rate")
    worst = max(study.trials, key=lambda trial: trial.value or 0)
    study.trials[worst.number] = worst.model_copy(update={"value": 1e9})
    data = ranks(study)
    assert [panel.x_log for panel in data.panels] == [panel.x_name == "learning_rate" for panel in data.panels]  # fmt: skip  # noqa: E501
    rows = data.panels[0].rows
    by_trial = {row[2]: row[4] for row in rows}
    assert by_trial[worst.number] == 40
    assert sorted(by_trial.values()) == list(range(1, 41))
    assert sum(row[3] == 0 for row in rows) == 4, "the best tenth"


def test_the_sentence_follows_a_parameter_only_beyond_chance() -> None:
    study = study_of(60, "nothing")
    study.trials = [
        trial.model_copy(update={"value": 0.4 - float(trial.params["dropout"]) + 0.001})
        for trial in study.trials
    ]
    assert "higher dropout goes with better ranks (correlation 1.00, n = 60)" in summarise_ranks(
        ranks(study)
    )
    claims = 0
    for seed in range(60):
        data = ranks(study_of(24, "nothing", seed))
        assert data.strongest is not None
        claims += data.strongest[3]
    assert claims <= 6, "5 % of 60 studies, and what luck adds"


@pytest.mark.parametrize("name", ["parallel_coordinates", "rank"])
def test_a_study_of_ten_thousand_trials_is_drawn_with_few_points(name: str) -> None:
    study = study_of(10_000, "rate")
    frame = study.frame()
    started = time.process_time()
    plot = FIGURES[name].render(frame)
    assert time.process_time() - started < 3.0, "a guard against a square law, not a measurement"
    assert max(len(trace.x) for trace in plot.figure.data) <= 2000


def test_the_table_of_parallel_coordinates_has_the_parameters_themselves() -> None:
    study = make_study(count=24, spec=make_spec(trials=24))
    table = FIGURES["parallel_coordinates"].whole_table(study.frame())
    assert not isinstance(table, str)
    by_number = {trial.number: trial for trial in study.trials}
    assert len(table.rows) > 5 and len(table.columns) > 4
    for row in table.rows:
        trial = by_number[int(str(row[0]))]
        assert row[1] == trial.value
        assert row[2:] == [trial.params[name] for name in table.columns[2:]]
