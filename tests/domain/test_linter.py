import random
from typing import Any

import pytest
from hypothesis import given

from service.domain.linter import lint_data, lint_result, lint_spec
from service.domain.records import Notice, Verdict
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.states import TrialState
from tests.domain import records
from tests.domain.catalog import CATALOG, DIGITS, spec
from tests.domain.wishes import wishes

BOTH = {"choices": ["autoencoder", "vae"]}
ELBO = {"metric": "elbo", "direction": "maximize"}
RATE = {"type": "float", "low": 0.0001, "high": 0.01, "log": True}


def among(*choices: Any) -> dict[str, Any]:
    return {"type": "categorical", "choices": list(choices)}


def resolved(**fields: Any) -> ResolvedSpec:
    return resolve(spec(**fields), CATALOG, DIGITS)


def codes(notices: list[Notice]) -> dict[str, str]:
    return {notice.code: notice.pointer for notice in notices}


def test_the_defaults_are_above_reproach() -> None:
    for family in CATALOG.families:
        study = resolved(family=family)
        assert lint_spec(study, CATALOG, DIGITS) == []
        assert lint_data(study, CATALOG, records.dataset()) == []


UNWISE: list[tuple[dict[str, Any], str, str]] = [
    ({"space": {"latent_dim": among(4, 8)}}, "capacity-without-cost", "/space/latent_dim"),
    (
        {"family": "autoencoder", "space": {"loss": among("mse", "l1")}},
        "capacity-without-cost",
        "/space/loss",
    ),
    (
        {"space": {"batch_size": among(64, 128)}},
        "batch-size-with-fixed-rate",
        "/space/batch_size",
    ),
    (
        {"space": {"batch_size": among(64, 128), "learning_rate": RATE}},
        "batch-size-changes-steps",
        "/space/batch_size",
    ),
    (
        {"space": {"learning_rate": {**RATE, "log": False}}},
        "range-without-log",
        "/space/learning_rate",
    ),
    ({"training": {"epochs": 3}}, "pruner-without-rungs", "/pruner"),
    ({"training": {"epochs": 9}}, "halving-with-one-rung", "/pruner"),
    (
        {
            "space": {"hidden_width": among(8, 16, 32)},
            "sampler": {"type": "grid"},
            "budget": {"trials": 2},
        },
        "grid-cut-short",
        "/budget/trials",
    ),
    ({"space": {"hidden_width": 32}}, "nothing-searched", "/space"),
    (
        {"sampler": {"type": "tpe", "startup_trials": 40}},
        "only-startup-trials",
        "/sampler/startup_trials",
    ),
    (
        {"budget": {"trials": 40, "stop_when_no_improvement": {"trials": 35}}},
        "patience-beyond-budget",
        "/budget/stop_when_no_improvement/trials",
    ),
    ({"family": BOTH, "sampler": {"type": "gp"}}, "gp-with-conditions", "/sampler"),
    ({"family": BOTH}, "families-unalike", "/family"),
    ({"split": {"validation": 0.05}}, "small-split", "/split/validation"),
    ({"split": {"train": 0.5}}, "unused-samples", "/split"),
    ({"space": {"loss": "mse", "learning_rate": RATE}}, "fixed-sigma", "/space/loss"),
    ({"space": {"sigma": 1.0, "learning_rate": RATE}}, "fixed-sigma", "/space/sigma"),
    (
        {"space": {"beta": 4, "loss": "mse", "learning_rate": RATE}},
        "beta-and-reduction",
        "/space/beta",
    ),
    ({"space": {"loss": "bce", "learning_rate": RATE}}, "bce-is-no-likelihood", "/space/loss"),
    (
        {"space": {"depth": 0, "hidden_width": among(8, 16)}},
        "ignored-parameter",
        "/space/hidden_width",
    ),
    (
        {"family": "autoencoder", "space": {"sigma": 0.5, "learning_rate": RATE}},
        "ignored-parameter",
        "/space/sigma",
    ),
    ({"space": {"latent_dim": 64, "learning_rate": RATE}}, "no-bottleneck", "/space/latent_dim"),
    ({"space": {"warm_up": 0.6, "learning_rate": RATE}}, "long-warm-up", "/space/warm_up"),
]


@pytest.mark.parametrize(("fields", "code", "pointer"), UNWISE, ids=lambda value: str(value)[:60])
def test_an_unwise_spec_is_told_so(fields: dict[str, Any], code: str, pointer: str) -> None:
    assert codes(lint_spec(resolved(**fields), CATALOG, DIGITS)).get(code) == pointer


@pytest.mark.parametrize(("patience", "said"), [(28, False), (29, False), (30, True)])
def test_patience_is_said_to_be_too_long_where_it_never_ends_a_search(
    patience: int, said: bool
) -> None:
    """Forty trials in cohorts of five: the last one, cohort 7, sees cohorts 0 to 5."""
    budget = {"trials": 40, "stop_when_no_improvement": {"trials": patience}}
    study = resolved(budget=budget)
    assert (study.cohort_size, study.cohorts_in_flight) == (5, 2)
    found = codes(lint_spec(study, CATALOG, DIGITS))
    assert ("patience-beyond-budget" in found) is said


def test_capacity_may_be_searched_where_it_costs_something() -> None:
    study = resolved(space={"latent_dim": among(4, 8)}, objective=ELBO)
    assert "capacity-without-cost" not in codes(lint_spec(study, CATALOG, DIGITS))


REDUCTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"loss": "mse"}, "KL weight of 0.125", "by 64/2"),
    ({"sigma": 0.5}, "at sigma 0.5 here is a KL weight of 0.0312", "by 64/(2 * 0.5^2)"),
]


@pytest.mark.parametrize(("space", "weight", "factor"), REDUCTIONS)
def test_a_beta_from_a_mean_over_features_is_translated(
    space: dict[str, Any], weight: str, factor: str
) -> None:
    study = resolved(space={"beta": 4, "learning_rate": RATE, **space})
    [notice] = [n for n in lint_spec(study, CATALOG, DIGITS) if n.code == "beta-and-reduction"]
    assert weight in notice.message
    assert notice.remedy.endswith(factor)


@pytest.mark.parametrize("space", [{}, {"sigma": "learned"}, {"loss": "bce"}, {"loss": "l1"}])
def test_a_loss_without_a_fixed_sum_of_squares_has_no_such_beta(space: dict[str, Any]) -> None:
    study = resolved(space={"beta": 4, "learning_rate": RATE, **space})
    assert "beta-and-reduction" not in codes(lint_spec(study, CATALOG, DIGITS))


@given(wishes())
def test_every_notice_says_where_and_what_to_do(wish: dict[str, Any]) -> None:
    study = resolve(StudySpec.model_validate(wish), CATALOG, DIGITS)
    data = records.dataset(low=-1.0, duplicates_across=3)
    for notice in [*lint_spec(study, CATALOG, DIGITS), *lint_data(study, CATALOG, data)]:
        assert notice.pointer.startswith("/")
        assert notice.message
        assert notice.remedy


COLLAPSING: list[tuple[dict[str, Any], str | None]] = [
    ({"loss": "mse"}, "is 1,"),
    ({"loss": "mse", "beta": 0.25}, None),
    ({"sigma": 1.0}, "is 1,"),
    ({"sigma": 0.3}, None),
    ({"sigma": 0.3, "beta": 10}, "is 0.9,"),
    ({"sigma": "learned", "beta": 10}, None),
    ({"loss": "bce"}, None),
]


@pytest.mark.parametrize(("space", "said"), COLLAPSING)
def test_collapse_is_foreseen_from_the_eigenvalues(space: dict[str, Any], said: str | None) -> None:
    study = resolved(space={**space, "learning_rate": RATE})
    found = [n for n in lint_data(study, CATALOG, records.dataset()) if n.code == "collapse"]
    assert bool(found) == (said is not None)
    if said is not None:
        assert said in found[0].message
        assert "0.7" in found[0].message


def test_a_range_that_reaches_into_collapse_is_said_to_reach() -> None:
    study = resolved(space={"loss": "mse", "beta": among(0.1, 2.0)}, objective=ELBO)
    [notice] = lint_data(study, CATALOG, records.dataset())
    assert "goes up to 2" in notice.message


def test_an_autoencoder_does_not_collapse() -> None:
    study = resolved(family="autoencoder", space={"loss": "mse", "learning_rate": RATE})
    assert lint_data(study, CATALOG, records.dataset()) == []


@pytest.mark.parametrize(
    ("space", "data", "code"),
    [
        ({"loss": "bce"}, {"low": -0.1}, "bce-outside-unit-range"),
        ({"loss": "bce"}, {"high": 255.0}, "bce-outside-unit-range"),
        ({}, {"duplicates_across": 3}, "duplicates-across-split"),
        ({}, {"high": 0.0, "eigenvalues": []}, "constant-data"),
    ],
)
def test_what_the_data_shows_is_said(
    space: dict[str, Any], data: dict[str, Any], code: str
) -> None:
    study = resolved(family="autoencoder", space={**space, "learning_rate": RATE})
    assert list(codes(lint_data(study, CATALOG, records.dataset(**data)))) == [code]


def finished(study: ResolvedSpec, name: str, values: list[Any]) -> list[Any]:
    """Complete trials, best first, with these values of one parameter."""
    return [
        records.trial(study, number, params={name: value}) for number, value in enumerate(values)
    ]


EDGES: list[tuple[str, Any, list[Any], str | None]] = [
    ("learning_rate", RATE, [0.0099, 0.0098, 0.0097, 0.001], "upper"),
    ("learning_rate", RATE, [0.0099, 0.001, 0.0097], "upper"),
    ("learning_rate", RATE, [0.0099, 0.001, 0.001], None),
    ("learning_rate", RATE, [0.0001, 0.0001, 0.0001], "lower"),
    ("learning_rate", RATE, [0.0099, 0.0099], "upper"),
    ("hidden_width", among(256, 32, 64), [256, 256, 32], "upper"),
    ("hidden_width", among(32, 64), [64, 64, 64], None),
    ("hidden_width", {"type": "int", "low": 8, "high": 64}, [63, 64, 64], "upper"),
    ("optimizer", among("sgd", "adam", "adamw"), ["sgd", "sgd", "sgd"], None),
    ("dropout", {"type": "float", "low": 0, "high": 0.3}, [0.0, 0.0, 0.0], None),
    ("dropout", {"type": "float", "low": 0, "high": 0.3}, [0.3, 0.3, 0.3], "upper"),
    ("dropout", {"type": "float", "low": 0, "high": 0.9}, [0.9, 0.9, 0.9], None),
]


@pytest.mark.parametrize(
    ("name", "entry", "values", "end"), EDGES, ids=lambda value: str(value)[:50]
)
def test_a_range_whose_best_trials_sit_on_its_edge_is_named(
    name: str, entry: Any, values: list[Any], end: str | None
) -> None:
    study = resolved(family="autoencoder", space={name: entry})
    inner = entry["choices"][1] if "choices" in entry else (entry["low"] + entry["high"]) / 2
    inner = round(inner) if entry["type"] == "int" else inner
    found = lint_result(study, CATALOG, finished(study, name, [*values, *[inner] * 20]))
    assert [notice.pointer for notice in found] == ([f"/space/{name}"] if end else [])
    assert all(f"{end} edge" in notice.message for notice in found)


def test_the_remedy_stays_inside_what_is_allowed() -> None:
    study = resolved(space={"dropout": {"type": "float", "low": 0, "high": 0.8}})
    [notice] = lint_result(study, CATALOG, finished(study, "dropout", [0.8, 0.8, 0.8, *[0.4] * 20]))
    assert "to 0.9," in notice.remedy


def test_an_edge_where_most_trials_lie_is_no_finding_and_the_count_is_said() -> None:
    study = resolved(family="autoencoder", space={"hidden_width": among(32, 64, 128, 256)})
    good = [256, 128, 256, 256, 256]

    def found(others: list[int]) -> list[str]:
        values = [*good, *others]
        notices = lint_result(study, CATALOG, finished(study, "hidden_width", values))
        return [notice.message for notice in notices]

    assert found([32, 64] * 8) == [
        "2 of the best 3 trials sit on the upper edge of hidden_width: 256, 128, 256"
    ]
    assert found([256, 64] * 8) == []
    assert found([]) == []


def test_of_pure_noise_an_edge_is_named_in_one_study_of_twenty() -> None:
    entries = {"hidden_width": among(32, 64, 128, 256), "learning_rate": RATE}
    study = resolved(family="autoencoder", space=entries)
    named = 0
    for seed in range(200):
        draw = random.Random(seed)
        trials = [
            records.trial(study, n, params={
                "hidden_width": draw.choice((32, 64, 128, 256)),
                "learning_rate": 10 ** draw.uniform(-4, -2),
            })
            for n in range(24)
        ]  # fmt: skip
        named += bool(lint_result(study, CATALOG, trials))
    assert named <= 15


def test_only_complete_trials_count_for_edges() -> None:
    study = resolved(space={"learning_rate": RATE})
    trials = [
        records.trial(study, n, params={"learning_rate": 0.01}, state=TrialState.PRUNED)
        for n in range(4)
    ]
    assert lint_result(study, CATALOG, trials) == []


def test_the_best_trials_of_a_maximized_metric_are_the_highest() -> None:
    study = resolved(space={"learning_rate": RATE}, objective=ELBO)
    rates = [0.01, 0.01, 0.01, 0.001, 0.001, 0.001]
    assert lint_result(study, CATALOG, finished(study, "learning_rate", rates)) == []


def test_a_collapsed_winner_is_named() -> None:
    study = resolved(space={"learning_rate": RATE})
    metrics = {"train": {}, "validation": {"active_units": 0.0}}
    trials = [records.trial(study, 5, metrics=metrics), records.trial(study, 6)]
    [notice] = lint_result(study, CATALOG, trials)
    assert notice.code == "collapsed-winner"
    assert "trial 5" in notice.message


def test_an_underfit_winner_is_named() -> None:
    study = resolved(space={"learning_rate": RATE})
    verdict = Verdict(kind="underfit", sentence="Underfit: too short.", numbers={})
    [notice] = lint_result(study, CATALOG, [records.trial(study, 5, verdict=verdict)])
    assert (notice.code, notice.pointer) == ("underfit-winner", "/training/epochs")


def test_many_diverged_trials_are_counted() -> None:
    study = resolved(space={"learning_rate": RATE})
    states = [TrialState.DIVERGED, TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
    trials = [records.trial(study, n, state=state) for n, state in enumerate(states)]
    [notice] = lint_result(study, CATALOG, trials)
    assert notice.message == "1 of 3 trials diverged"
