import math

import pytest

from service.domain.states import TrialState
from service.errors import Conflict, Stale
from service.storage.epochs import Curve
from service.storage.events import EventRepository
from tests.storage.driving import DrivenStudy, make_report
from tests.storage.racing import race


def test_epochs_are_read_back_as_they_were_reported(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    report = make_report(1, 0.1 + 0.2, effective_beta=0.3, seconds=1e-9)
    with driven.trials() as trials:
        assert trials.append_epochs(driven.id, driven.fence, [(0, 1, report)]) == 1
    assert driven.look(lambda trials: trials.epochs(driven.id, 0)) == [report]


def test_numbers_that_are_not_finite_become_null(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    report = make_report(
        1, math.inf, train={"mse": math.nan}, effective_beta=math.nan, gradient_norm=-math.inf
    )
    with driven.trials() as trials:
        trials.append_epochs(driven.id, driven.fence, [(0, 1, report)])
    (stored,) = driven.look(lambda trials: trials.epochs(driven.id, 0))
    assert stored.train == {"mse": None}
    assert stored.validation == {"mse": None, "kl": 4.0}
    assert (stored.effective_beta, stored.gradient_norm) == (None, None)
    assert driven.look(lambda trials: trials.curves(driven.id, "mse")) == {
        0: Curve([1], [None], [None])
    }


def test_stale_doubled_and_late_reports_are_dropped_and_counted(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1], [2]], start=False)
    with driven.trials() as trials:
        trials.start_array(driven.id, driven.fence, 0, 0)
    driven.finish(1, TrialState.DIVERGED)
    batch = [
        (0, 1, make_report(2)),
        (0, 1, make_report(1)),
        (0, 1, make_report(2, 9.0)),
        (0, 2, make_report(3)),
        (1, 1, make_report(1)),
        (2, 1, make_report(1)),
        (99, 1, make_report(1)),
    ]
    with driven.trials() as trials:
        assert trials.append_epochs(driven.id, driven.fence, batch) == 2
    assert driven.report(0, [1, 2]) == 0
    reports = driven.look(lambda trials: trials.epochs(driven.id, 0))
    assert [(report.epoch, report.validation["mse"]) for report in reports] == [(1, 1.0), (2, 0.5)]
    assert driven.study().progress.epochs == 2


def test_a_report_that_would_leave_a_gap_is_refused_with_its_batch(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    with pytest.raises(Conflict):
        driven.report(0, [1, 3])
    assert driven.look(lambda trials: trials.epochs(driven.id, 0)) == []


def test_a_stale_fence_appends_nothing(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    driven.fence -= 1
    with pytest.raises(Stale):
        driven.report(0, [1])


def test_each_epoch_is_accepted_once_however_many_send_it(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    accepted = race(6, lambda _: driven.report(0, [1, 2, 3]))
    assert sorted(accepted) == [0, 0, 0, 0, 0, 3]
    reports = driven.look(lambda trials: trials.epochs(driven.id, 0))
    assert [report.epoch for report in reports] == [1, 2, 3]


def test_a_batch_is_one_event_and_an_empty_one_is_none(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1]])
    before = driven.study().event
    batch = [(trial, 1, make_report(epoch)) for epoch in (1, 2) for trial in (0, 1)]
    with driven.trials() as trials:
        trials.append_epochs(driven.id, driven.fence, batch)
        trials.append_epochs(driven.id, driven.fence, batch)
    with driven.database.read() as session:
        (event,) = EventRepository(session).after(driven.id, before)
    assert event.kind == "epochs"
    assert event.data == {
        "epochs": [[0, 1, 0.5, 1.0], [0, 2, 0.25, 0.5], [1, 1, 0.5, 1.0], [1, 2, 0.25, 0.5]]
    }


def test_epochs_are_read_in_parts(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0]])
    driven.report(0, range(1, 8))
    part = driven.look(lambda trials: trials.epochs(driven.id, 0, after=2, limit=3))
    assert [report.epoch for report in part] == [3, 4, 5]


def test_curves_hold_any_metric_of_any_trials(driven: DrivenStudy) -> None:
    driven.add_cohort(0, [[0, 1, 2]])
    driven.report(0, [1, 2])
    driven.report(2, [1])
    kl = driven.look(lambda trials: trials.curves(driven.id, "kl"))
    assert kl == {0: Curve([1, 2], [3.0, 3.0], [4.0, 4.0]), 2: Curve([1], [3.0], [4.0])}
    mse = driven.look(lambda trials: trials.curves(driven.id, "mse", [2, 1]))
    assert mse == {2: Curve([1], [0.5], [1.0])}
    unknown = driven.look(lambda trials: trials.curves(driven.id, "no'such\"metric", [2]))
    assert unknown == {2: Curve([1], [None], [None])}
