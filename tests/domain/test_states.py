import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.states import (
    STUDY_TRANSITIONS,
    TERMINAL_STUDY_STATES,
    TERMINAL_TRIAL_STATES,
    TRIAL_TRANSITIONS,
    StudyState,
    TrialState,
)

TABLES = [
    (STUDY_TRANSITIONS, StudyState, TERMINAL_STUDY_STATES, StudyState.QUEUED),
    (TRIAL_TRANSITIONS, TrialState, TERMINAL_TRIAL_STATES, TrialState.QUEUED),
]


def reachable(table, start):
    found, queue = {start}, [start]
    while queue:
        for state in table[queue.pop()] - found:
            found.add(state)
            queue.append(state)
    return found


@pytest.mark.parametrize(("table", "states", "terminal", "start"), TABLES)
def test_every_state_has_a_row_and_is_reachable(table, states, terminal, start) -> None:
    assert set(table) == set(states)
    assert reachable(table, start) == set(states)


@pytest.mark.parametrize(("table", "states", "terminal", "start"), TABLES)
def test_a_state_is_terminal_exactly_when_nothing_follows_it(
    table, states, terminal, start
) -> None:
    assert {state for state in states if not table[state]} == terminal


@pytest.mark.parametrize(("table", "states", "terminal", "start"), TABLES)
def test_every_state_can_still_come_to_an_end(table, states, terminal, start) -> None:
    assert all(reachable(table, state) & terminal for state in states)


@pytest.mark.parametrize(("table", "states", "terminal", "start"), TABLES)
def test_no_state_follows_itself(table, states, terminal, start) -> None:
    assert all(state not in table[state] for state in states)


@given(st.data())
def test_a_study_completes_only_after_it_selected(data: st.DataObject) -> None:
    state, walk = StudyState.QUEUED, [StudyState.QUEUED]
    while STUDY_TRANSITIONS[state] and len(walk) < 30:
        state = data.draw(st.sampled_from(sorted(STUDY_TRANSITIONS[state])))
        walk.append(state)
    if StudyState.COMPLETE in walk:
        assert walk[-2] is StudyState.SELECTING
        assert StudyState.RUNNING in walk


@given(st.data())
def test_a_trial_ends_well_only_after_it_ran(data: st.DataObject) -> None:
    state, walk = TrialState.QUEUED, [TrialState.QUEUED]
    while TRIAL_TRANSITIONS[state] and len(walk) < 30:
        state = data.draw(st.sampled_from(sorted(TRIAL_TRANSITIONS[state])))
        walk.append(state)
    if walk[-1] in (TrialState.COMPLETE, TrialState.DIVERGED):
        assert walk[-2] is TrialState.RUNNING
    if walk[-1] is TrialState.PRUNED:  # where it ran, or where it waits at a rung
        assert walk[-2] in (TrialState.RUNNING, TrialState.QUEUED)
