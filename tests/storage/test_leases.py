import pytest

from service.domain.records import Lease
from service.domain.states import Intent, StudyState
from service.errors import NotFound, Stale
from service.storage import clock
from service.storage.database import Database
from service.storage.leases import LeaseRepository
from service.storage.studies import StudyRepository
from tests.storage.driving import DrivenStudy, create_study, drive
from tests.storage.racing import race


class LeaseClock:
    """A lease clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0


@pytest.fixture
def lease_clock(monkeypatch: pytest.MonkeyPatch) -> LeaseClock:
    held = LeaseClock()
    monkeypatch.setattr(clock, "lease_clock", lambda _: held.seconds)
    return held


def acquire(database: Database, owner: str = "a", limit: int = 10) -> list[Lease]:
    with database.transaction() as session:
        return LeaseRepository(session).acquire_any(owner, 30, limit)


def renew(database: Database, lease: Lease) -> bool:
    with database.transaction() as session:
        return LeaseRepository(session).renew(lease.study_id, lease.owner, lease.fence, 30)


def test_a_study_is_leased_to_one_engine(database: Database) -> None:
    create_study(database, "s")
    (lease,) = acquire(database, "a")
    assert (lease.study_id, lease.owner, lease.seconds_left) == ("s", "a", 30)
    assert acquire(database, "b") == []


def test_of_engines_that_ask_at_once_one_gets_each_study(database: Database) -> None:
    for index in range(6):
        create_study(database, f"s{index}")
    won = race(4, lambda index: acquire(database, f"engine-{index}", limit=3))
    later = [acquire(database, "late") for _ in range(2)]
    taken = [lease.study_id for leases in (*won, *later) for lease in leases]
    assert sorted(taken) == [f"s{index}" for index in range(6)]
    assert all(len(leases) <= 3 for leases in won)


def test_the_oldest_studies_are_leased_first(database: Database) -> None:
    for index in range(3):
        create_study(database, f"s{2 - index}")
    assert [lease.study_id for lease in acquire(database, limit=2)] == ["s2", "s1"]


@pytest.mark.parametrize(
    ("states", "intent", "runnable"),
    [
        ((), Intent.RUN, True),
        ((StudyState.RUNNING,), Intent.STOP, True),
        ((StudyState.RUNNING, StudyState.SELECTING), Intent.RUN, True),
        ((StudyState.PAUSED,), Intent.PAUSE, False),
        ((StudyState.PAUSED,), Intent.RUN, True),
        ((StudyState.PAUSED,), Intent.STOP, True),
        ((StudyState.STOPPED,), None, False),
        ((StudyState.FAILED,), None, False),
    ],
)
def test_only_a_study_with_something_to_do_is_leased(
    sqlite_database: Database,
    states: tuple[StudyState, ...],
    intent: Intent | None,
    runnable: bool,
) -> None:
    create_study(sqlite_database, "s")
    with sqlite_database.transaction() as session:
        for state in states:
            StudyRepository(session).transition("s", state)
        if intent is not None:
            StudyRepository(session).set_intent("s", intent)
    assert bool(acquire(sqlite_database)) is runnable


def test_a_lease_that_ran_out_goes_to_another_under_a_higher_fence(
    database: Database, lease_clock: LeaseClock
) -> None:
    create_study(database, "s")
    (first,) = acquire(database, "a")
    lease_clock.seconds += 29.9
    assert acquire(database, "b") == []
    lease_clock.seconds += 0.2
    (second,) = acquire(database, "b")
    assert second.fence > first.fence
    assert not renew(database, first)
    assert renew(database, second)


def test_a_renewed_lease_is_held_on(database: Database, lease_clock: LeaseClock) -> None:
    create_study(database, "s")
    (lease,) = acquire(database, "a")
    for _ in range(3):
        lease_clock.seconds += 20
        assert renew(database, lease)
    assert acquire(database, "b") == []


def test_a_lease_written_before_the_clock_started_again_has_run_out(
    database: Database, lease_clock: LeaseClock
) -> None:
    create_study(database, "s")
    acquire(database, "a")
    lease_clock.seconds = 5.0
    assert [lease.owner for lease in acquire(database, "b")] == ["b"]


def test_late_writes_of_the_former_holder_are_refused(
    driven: DrivenStudy, lease_clock: LeaseClock
) -> None:
    driven.add_cohort(0, [[0]])
    lease_clock.seconds = 1e12
    (lease,) = acquire(driven.database, "another")
    with pytest.raises(Stale):
        driven.report(0, [1])
    driven.fence = lease.fence
    assert driven.report(0, [1]) == 1


def test_a_lease_given_back_is_free_at_once_and_its_fence_is_void(driven: DrivenStudy) -> None:
    with driven.database.transaction() as session:
        leases = LeaseRepository(session)
        assert not leases.release(driven.id, "engine-1", driven.fence + 1)
        leases.check(driven.id, driven.fence)
        assert leases.release(driven.id, "engine-1", driven.fence)
    with pytest.raises(Stale), driven.database.transaction() as session:
        LeaseRepository(session).check(driven.id, driven.fence)
    assert [lease.study_id for lease in acquire(driven.database, "b")] == [driven.id]


def test_a_study_that_does_not_exist_has_no_lease(database: Database) -> None:
    with database.transaction() as session:
        leases = LeaseRepository(session)
        assert not leases.renew("none", "a", 1, 30)
        assert not leases.release("none", "a", 1)
        with pytest.raises(NotFound):
            leases.check("none", 1)


def test_the_lease_clock_only_goes_forward(database: Database) -> None:
    with database.read() as session:
        first = clock.lease_clock(session)
        assert clock.lease_clock(session) >= first


def test_a_holder_that_renews_just_in_time_keeps_its_fence(
    database: Database, lease_clock: LeaseClock
) -> None:
    driven = drive(database)
    lease_clock.seconds = 1e9
    lease = Lease(study_id=driven.id, owner="engine-1", fence=driven.fence, seconds_left=0)

    def compete(index: int) -> bool:
        return renew(database, lease) if index == 0 else bool(acquire(database, f"b{index}"))

    won = race(4, compete)
    assert won.count(True) == 1
    if won[0]:
        driven.add_cohort(0, [[0]])
    else:
        with pytest.raises(Stale):
            driven.add_cohort(0, [[0]])
