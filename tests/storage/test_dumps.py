"""What exports read, on both databases, across the limit of one step."""

from service.domain.states import TrialState
from service.storage.dumps import TRIALS_AT_A_TIME, DumpRepository
from tests.storage.driving import DrivenStudy, make_report

MANY = list(range(TRIALS_AT_A_TIME + 3))


def test_every_trial_comes_once_by_number_with_what_belongs_to_it(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [MANY])
    last = MANY[-1]
    driven.report(0, [1, 2])
    driven.report(last, [1])
    driven.finish(0, TrialState.COMPLETE, 0.5)
    with driven.database.read() as session:
        dumps = DumpRepository(session)
        chunks = [[trial.number for trial in trials] for trials in dumps.trials(driven.id)]
        curves = [(t.number, curve) for part in dumps.curves(driven.id) for t, curve in part]
        whole = list(dumps.whole_trials(driven.id))
    assert chunks == [MANY[:TRIALS_AT_A_TIME], MANY[TRIALS_AT_A_TIME:]]
    assert [number for number, _ in curves] == MANY
    assert {number: curve for number, curve in curves if curve} == {
        0: [(1, 1.0), (2, 0.5)],
        last: [(1, 1.0)],
    }
    assert [each.trial.number for each in whole] == MANY
    assert {each.trial.number: each.reports for each in whole if each.reports} == {
        0: [make_report(1), make_report(2)],
        last: [make_report(1)],
    }
    assert whole[0].trial.state is TrialState.COMPLETE


def test_a_study_without_trials_has_nothing_to_read(driven: DrivenStudy) -> None:
    with driven.database.read() as session:
        dumps = DumpRepository(session)
        assert list(dumps.trials(driven.id)) == []
        assert list(dumps.curves(driven.id)) == []
        assert list(dumps.whole_trials(driven.id)) == []
