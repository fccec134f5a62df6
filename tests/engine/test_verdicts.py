"""Verdicts at rungs are functions of recorded numbers."""

from math import ceil, inf, nan
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.spec import ResolvedSpec
from service.domain.strategies import HalvingPruner, MedianPruner, NoPruner
from service.engine.verdicts import RungResult, judge
from tests.engine.specs import resolved

RUNG = 3
values = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 2.0]))


def pruned_by(pruner: object, direction: str = "minimize") -> ResolvedSpec:
    return resolved(pruner=pruner, rungs=[RUNG, 9], direction=direction)


HALVING = pruned_by(HalvingPruner(reduction_factor=3))
MEDIAN = pruned_by(MedianPruner())


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[RungResult], list[RungResult]]:
    told = draw(st.lists(st.tuples(values, st.booleans()), max_size=12))
    own = draw(st.lists(st.tuples(values, st.booleans()), min_size=1, max_size=12))
    results = [RungResult(n, value, ended) for n, (value, ended) in enumerate([*told, *own])]
    return results[: len(told)], results[len(told) :]


def finite(values: list[float | None], number: int) -> list[RungResult]:
    return [RungResult(number + i, value, ended=False) for i, value in enumerate(values)]


def test_halving_keeps_a_third_of_the_cohort_rounded_up() -> None:
    verdicts = judge(HALVING, RUNG, finite([0.4, 0.1, 0.3, 0.2], 0), [])
    assert verdicts == {0: "prune", 1: "continue", 2: "prune", 3: "continue"}


def test_told_trials_take_places_from_the_cohort() -> None:
    told = finite([0.01, 0.02], 0)
    verdicts = judge(HALVING, RUNG, finite([0.4, 0.1, 0.3, 0.2], 2), told)
    assert set(verdicts.values()) == {"prune"}


def test_maximizing_keeps_the_largest() -> None:
    spec = pruned_by(HalvingPruner(reduction_factor=4), direction="maximize")
    assert judge(spec, RUNG, finite([0.4, 0.1, 0.3, 0.2], 0), [])[0] == "continue"


def test_a_trial_that_stopped_early_keeps_its_rank_and_its_life() -> None:
    own = [RungResult(0, 0.1, ended=True), RungResult(1, 0.2, False), RungResult(2, 0.9, True)]
    assert judge(HALVING, RUNG, own, []) == {0: "continue", 1: "prune", 2: "continue"}


def test_the_diverged_rank_last_but_count() -> None:
    own = finite([None, nan, inf, 0.5, 0.6], 0)
    assert judge(HALVING, RUNG, own, []) == {
        0: "prune",
        1: "prune",
        2: "prune",
        3: "continue",
        4: "continue",
    }


def test_ties_go_by_number() -> None:
    verdicts = judge(HALVING, RUNG, finite([0.1, 0.1, 0.1], 5), [])
    assert verdicts == {5: "continue", 6: "prune", 7: "prune"}


def test_the_median_rule_keeps_what_is_not_worse_than_the_median() -> None:
    told = finite([0.1, 0.5], 0)
    verdicts = judge(MEDIAN, RUNG, finite([0.2, 0.3, 0.4], 2), told)
    assert verdicts == {2: "continue", 3: "continue", 4: "prune"}


def test_without_a_pruner_everything_goes_on() -> None:
    verdicts = judge(pruned_by(NoPruner()), RUNG, finite([None, 9.0], 0), finite([0.0], 9))
    assert verdicts == {0: "continue", 1: "continue"}


def test_an_epoch_that_is_no_rung_is_refused() -> None:
    with pytest.raises(ValueError, match="not one of the rungs"):
        judge(HALVING, 4, finite([0.1], 0), [])


@given(pools(), st.integers(2, 5), st.randoms(use_true_random=False))
def test_halving_keeps_its_share_of_the_pool_in_any_order(
    pool: tuple[list[RungResult], list[RungResult]], factor: int, generator: object
) -> None:
    told, own = pool
    spec = pruned_by(HalvingPruner(reduction_factor=factor))
    verdicts = judge(spec, RUNG, own, told)
    generator.shuffle(own)  # type: ignore[attr-defined]
    generator.shuffle(told)  # type: ignore[attr-defined]
    assert judge(spec, RUNG, own, told) == verdicts
    assert set(verdicts) == {result.trial for result in own}
    going_on = {result.trial for result in own if verdicts[result.trial] == "continue"}
    ended = {result.trial for result in own if result.ended}
    assert ended <= going_on
    assert len(going_on - ended) <= ceil((len(own) + len(told)) / factor)
    losses = {r.trial: inf if r.value is None else r.value for r in own}
    for kept in going_on - ended:
        for gone in set(losses) - going_on:
            assert (losses[kept], kept) < (losses[gone], gone)


@given(pools())
def test_the_best_trial_of_the_pool_is_never_pruned(
    pool: tuple[list[RungResult], list[RungResult]],
) -> None:
    told, own = pool
    best = min([*told, *own], key=lambda r: (inf if r.value is None else r.value, r.trial)).trial
    for spec in (HALVING, MEDIAN):
        assert judge(spec, RUNG, own, told).get(best, "continue") == "continue"


@given(pools())
def test_the_median_rule_is_the_median_of_the_pool(
    pool: tuple[list[RungResult], list[RungResult]],
) -> None:
    told, own = pool
    middle = median(inf if r.value is None else r.value for r in [*told, *own])
    for result in own:
        loss = inf if result.value is None else result.value
        expected = "prune" if loss > middle and not result.ended else "continue"
        assert judge(MEDIAN, RUNG, own, told)[result.trial] == expected
