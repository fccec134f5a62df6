"""Importance answers, or says why it cannot."""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.records import Trial
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.engine.analyses import importance
from service.engine.proposals import Told
from tests.engine.specs import BOWL, CONDITIONAL, FLAT, bowl, mixed_loss, resolved, run_search
from tests.engine.test_proposals import diverse_end


def recorded(trial: Told) -> Trial:
    return Trial(
        study_id="s",
        number=trial.number,
        cohort=trial.cohort,
        array=0,
        state=trial.state,
        family="vae",
        params=dict(trial.params),
        value=trial.value,
        best_epoch=None,
        epochs=9,
        rungs={},
        metrics=None,
        verdict=None,
        seed=1,
        attempt=1,
        failure=None,
        created_at=datetime.now(UTC),
        started_at=None,
        finished_at=None,
    )


def searched(spec: ResolvedSpec, **changes: object) -> list[Trial]:
    return [recorded(trial) for trial in run_search(spec, **changes)]  # type: ignore[arg-type]


def random_spec(**changes: object) -> ResolvedSpec:
    return resolved(**{"sampler": {"type": "random"}, "trials": 60, **changes})


def test_the_parameter_that_matters_has_the_largest_share() -> None:
    spec = random_spec(space=BOWL)
    trials = searched(spec, loss=lambda params: float(params["x"]) ** 2)
    answer = importance(spec, trials)
    assert list(answer["values"]) == ["x", "y"]
    assert answer["values"]["x"] > 0.8
    assert answer["trials"] == 60
    assert answer["note"] is None
    upwards = random_spec(space=BOWL, direction="maximize")
    turned = [t.model_copy(update={"value": -(t.value or 0.0)}) for t in trials]
    assert importance(upwards, turned) == answer


def test_only_what_matters_is_beyond_chance() -> None:
    spec = random_spec(space=BOWL)
    answer = importance(spec, searched(spec, loss=lambda params: float(params["x"]) ** 2))
    assert answer["chance"].keys() == answer["values"].keys()
    assert answer["values"]["x"] > answer["chance"]["x"]
    assert answer["values"]["y"] <= answer["chance"]["y"]


def test_of_pure_noise_nothing_is_beyond_chance_but_in_one_study_of_twenty() -> None:
    beyond = 0
    for seed in range(40):
        spec = random_spec(space=BOWL, trials=24, seed=seed)
        draw = random.Random(seed)
        answer = importance(spec, searched(spec, loss=lambda params, d=draw: d.gauss(0, 1)))
        assert answer["values"]
        beyond += any(value > answer["chance"][name] for name, value in answer["values"].items())
    assert beyond <= 5  # 2 expected; more than 5 in one run of a hundred


@pytest.mark.parametrize("matters", ["w", "rate"])
def test_a_grid_too_small_to_tell_is_said(matters: str) -> None:
    spec = random_spec(
        space={
            "hidden_width": {"type": "categorical", "choices": [64, 128, 256]},
            "batch_size": {"type": "categorical", "choices": [16, 32, 64]},
        }
    )
    one = searched(random_spec(space=BOWL, trials=4))[0]
    trials = [
        one.model_copy(
            update={
                "number": 3 * i + j,
                "params": {"hidden_width": width, "batch_size": size},
                "value": i + j / 100 if matters == "w" else j + i / 100,
            }
        )
        for i, width in enumerate((64, 128, 256))
        for j, size in enumerate((16, 32, 64))
    ]
    answer = importance(spec, trials)
    assert answer["values"] == {}
    assert "cannot be told from a grid this small" in answer["note"]


def test_conditional_parameters_and_families_have_a_share() -> None:
    spec = random_spec(space=CONDITIONAL, families=["autoencoder", "vae"], trials=80)
    answer = importance(spec, searched(spec))
    assert set(answer["values"]) == {*CONDITIONAL, "family"}
    assert isclose(sum(answer["values"].values()), 1.0)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_diverged_trials_speak_against_their_params() -> None:
    spec = random_spec(space=BOWL)
    trials = [
        trial.model_copy(update={"state": TrialState.DIVERGED, "value": None})
        if float(trial.params["y"]) > -3
        else trial.model_copy(update={"value": 1.0 + trial.number / 1000})
        for trial in searched(spec, loss=bowl)
    ]
    assert next(iter(importance(spec, trials)["values"])) == "y"


def test_too_few_trials_are_said_and_not_guessed() -> None:
    spec = random_spec()
    answer = importance(spec, searched(spec)[:3])
    assert answer == {"values": {}, "trials": 3, "note": "needs at least 4 finished trials"}
    assert importance(spec, [])["note"] == "needs at least 4 finished trials"
    assert "rough" in importance(spec, searched(spec)[:12])["note"]


def test_equal_values_are_said() -> None:
    spec = random_spec()
    answer = importance(spec, searched(spec, loss=lambda params: 1.0))
    assert answer["values"] == {}
    assert answer["note"] == "none of the finished trials beats another"


def test_a_space_without_variation_is_said() -> None:
    spec = random_spec(space={"norm": {"type": "categorical", "choices": ["none"]}})
    trials = [t.model_copy(update={"value": float(t.number)}) for t in searched(spec)]
    assert importance(spec, trials)["note"] == "no parameter took more than one value"


def test_a_best_value_shared_by_most_is_said() -> None:
    spec = random_spec(space=BOWL, trials=24)
    trials = searched(spec, loss=lambda params: 0.0 if float(params["x"]) < 4.5 else 1.0)
    answer = importance(spec, [*trials[:23], trials[23].model_copy(update={"value": 1.0})])
    assert answer["values"].keys() == {"x", "y"}


def test_a_thousand_trials_are_enough_for_ten_thousand() -> None:
    spec = random_spec(space=BOWL, trials=10_000)
    trial = searched(random_spec(space=BOWL, trials=4))[0]
    trials = [
        trial.model_copy(
            update={
                "number": number,
                "params": {"x": number % 97 / 20, "y": number % 89 / 20},
                "value": number % 97 / 20,
            }
        )
        for number in range(10_000)
    ]
    answer = importance(spec, trials)
    assert answer["trials"] == 1_000
    assert answer["values"]["x"] > 0.8


@given(
    kept=st.lists(st.integers(0, 39), unique=True, max_size=40),
    conditional=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_importance_answers_whatever_the_history(
    kept: list[int], conditional: bool, seed: int
) -> None:
    spec = random_spec(
        space=CONDITIONAL if conditional else FLAT,
        families=["autoencoder", "vae"] if conditional else ["vae"],
        trials=40,
        seed=seed,
    )
    trials = searched(spec, loss=mixed_loss, end=diverse_end)
    answer = importance(spec, [trials[number] for number in kept])
    assert answer == importance(spec, [trials[number] for number in sorted(kept)])
    assert all(0.0 <= share <= 1.0 for share in answer["values"].values())
    assert answer["values"] == {} or isclose(sum(answer["values"].values()), 1.0)


def test_the_slow_import_waits_for_the_first_analysis() -> None:
    program = "import sys, service.engine.analyses; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
