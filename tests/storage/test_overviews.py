"""What pages read across many trials agrees with the records, on both databases."""

from service.domain.states import TrialState
from service.domain.summaries import summarise
from service.storage.database import Database
from service.storage.overviews import OverviewRepository
from service.storage.trials import TrialRepository
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_spec, make_study


def test_summaries_say_what_the_records_say(database: Database) -> None:
    seeded = seed_study(database, make_study(count=12, running=2))
    with database.read() as session:
        records = TrialRepository(session).all(seeded.study_id)
        summaries = OverviewRepository(session).summaries(seeded.study_id)
    assert summaries == [summarise(record, "mse") for record in records]


def test_curves_of_some_trials_are_those_of_all(database: Database) -> None:
    seeded = seed_study(database, make_study(count=6))
    with database.read() as session:
        every = TrialRepository(session).curves(seeded.study_id, "mse")
        some = OverviewRepository(session).curves(seeded.study_id, [1, 4])
    assert some == {number: every[number] for number in (1, 4)}


def test_verdicts_are_counted(database: Database) -> None:
    synthetic = make_study(count=20)
    seeded = seed_study(database, synthetic)
    kinds = [trial.verdict.kind for trial in synthetic.trials if trial.verdict]
    with database.read() as session:
        counts = OverviewRepository(session).verdicts(seeded.study_id)
    assert counts == {kind: kinds.count(kind) for kind in set(kinds)}


def test_improvements_are_the_steps_of_the_best_so_far(database: Database) -> None:
    down = make_study(count=20, study_id="down")
    up = make_study(
        count=8,
        study_id="up",
        spec=make_spec(trials=8, objective={"metric": "elbo", "direction": "maximize"}),
    )
    for synthetic in (down, up):
        seed_study(database, synthetic)
    with database.read() as session:
        found = OverviewRepository(session).improvements(["down", "up", "none"])
    assert found["none"] == []
    for synthetic, sign in ((down, 1), (up, -1)):
        expected: list[tuple[int, float]] = []
        for trial in synthetic.trials:
            if trial.state is not TrialState.COMPLETE or trial.value is None:
                continue
            if not expected or sign * trial.value < sign * expected[-1][1]:
                expected.append((trial.number, trial.value))
        assert found[synthetic.study.id] == expected
