"""What holds of verdicts on any curves."""

from math import isfinite
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from service.domain.states import TrialState
from tests.domain.judging import judge

levels = st.floats(1e-3, 1e3)
curves = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.lists(levels, min_size=n, max_size=n), st.lists(levels, min_size=n, max_size=n)
    )
)
scenes = st.fixed_dictionaries(
    {
        "state": st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.STOPPED]),
        "stopped_early": st.booleans(),
        "first_eligible_epoch": st.integers(1, 6),
        "samples": st.integers(1, 10_000),
    }
)


@given(curves, scenes, st.integers(-20, 20), levels)
def test_units_do_not_matter(
    pair: tuple[list[float], list[float]], scene: dict[str, Any], power: int, pca: float
) -> None:
    factor = 2.0**power
    here = judge(*pair, pca=pca, **scene)
    there = judge(*([v * factor for v in side] for side in pair), pca=pca * factor, **scene)
    assert there.kind == here.kind
    for name in ("best_epoch", "first_overfit_epoch", "gap_relative"):
        assert there.numbers.get(name) == here.numbers.get(name)


@given(curves, scenes)
def test_the_sign_of_the_metric_does_not_matter(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    lower = judge(*pair, **scene)
    higher = judge(*([-v for v in side] for side in pair), direction="maximize", **scene)
    assert higher.kind == lower.kind
    assert higher.numbers.get("gap") == lower.numbers.get("gap")


@given(curves, scenes)
def test_the_order_of_the_reports_does_not_matter(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    assert judge(*pair, **scene) == judge(*pair, shuffled=True, **scene)


@given(curves, scenes)
def test_epochs_before_the_first_eligible_one_do_not_matter_for_overfitting(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    first = scene["first_eligible_epoch"]
    assume(len(pair[0]) >= first)
    validation = [1e-3] * (first - 1) + pair[1][first - 1 :]
    verdict, other = judge(*pair, **scene), judge(pair[0], validation, **scene)
    for name in ("best_epoch", "first_overfit_epoch", "gap", "rise"):
        assert verdict.numbers[name] == other.numbers[name]


@given(curves, scenes)
def test_equal_curves_are_neither_overfit_nor_apart(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    assert judge(pair[0], pair[0], **scene).kind not in ("overfit", "large_gap")


@given(curves, scenes)
def test_validation_that_only_falls_is_never_overfit(
    pair: tuple[list[float], list[float]], scene: dict[str, Any]
) -> None:
    assert judge(pair[0], sorted(pair[1], reverse=True), **scene).kind != "overfit"


anything = st.none() | st.floats(-1e300, 1e300)


@given(
    st.lists(st.tuples(anything, anything), max_size=12),
    st.sampled_from(sorted(TrialState)),
    st.sampled_from(["minimize", "maximize"]),
    st.sampled_from(["mse", "elbo"]),
    anything,
    anything,
    anything,
)
def test_a_verdict_never_fails_and_its_numbers_are_finite(
    rows: list[tuple[Any, Any]],
    state: TrialState,
    direction: str,
    metric: str,
    pca: Any,
    low: Any,
    high: Any,
) -> None:
    verdict = judge(
        [row[0] for row in rows],
        [row[1] for row in rows],
        metric,
        state=state,
        direction=direction,
        pca=pca,
        mean_train=low,
        mean_validation=high,
    )
    assert verdict.sentence.endswith(".")
    assert all(value is None or isfinite(value) for value in verdict.numbers.values())
