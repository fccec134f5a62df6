"""The end of a study: the best configs again with fresh seeds, then the sealed test, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.aims import best_trials
from service.domain.records import Failure, Study
from service.domain.states import TERMINAL_STUDY_STATES, Intent, StudyState, TrialState
from service.engine.confirming import PROGRESS
from service.errors import Conflict
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.migration import migrate
from service.storage.parts import PartRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository
from tests.engine.harness import SMALL, House, fingerprint

SPEC: dict[str, Any] = {
    **SMALL,
    "budget": {"trials": 4},
    "training": {"epochs": 4},
    "selection": {"top_k": 2, "seeds": 3},
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    yield House(tmp_path, database)
    database.close()


def parts_of(house: House, study_id: str = "s") -> list[Study]:
    with house.database.read() as session:
        return PartRepository(session).of(study_id)


def selection_of(study: Study) -> dict[str, Any]:
    assert study.summary is not None
    found: dict[str, Any] = study.summary["selection"]
    return found


def test_the_best_configs_are_trained_again_and_the_best_mean_wins(house: House) -> None:
    house.submit("s", SPEC)
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    found = selection_of(study)
    searched = best_trials(study.resolved.aims, house.trials("s"))
    assert {config["trial"] for config in found["configs"]} == {t.number for t in searched[:2]}
    assert found["searched"] == searched[0].number

    [part] = parts_of(house)
    again = house.trials(part.id)
    assert part.state is StudyState.COMPLETE
    assert len(again) == 6 and len({trial.seed for trial in again}) == 3
    assert not {trial.seed for trial in again} & {trial.seed for trial in house.trials("s")}
    for config in found["configs"]:
        params = next(t.params for t in searched if t.number == config["trial"])
        values = [trial.value for trial in again if trial.params == params]
        assert config["values"] == values
        assert config["mean"] == pytest.approx(sum(v for v in values if v) / 3)
    means = [config["mean"] for config in found["configs"]]
    assert means == sorted(means)

    assert study.best is not None
    assert study.best.trial == found["winner"] == found["configs"][0]["trial"]
    assert (study.best.value, study.best.seeds) == (means[0], 3)
    model = next(t for t in again if t.number == found["model"]["trial"])
    assert model.value == sorted(found["configs"][0]["values"])[1]
    assert study.summary is not None and study.summary["test"]["mse"] > 0
    assert found["split_optimism"] == pytest.approx(study.summary["test"]["mse"] - means[0])
    low, high = study.summary["interval"]["mse"]
    assert low < study.summary["test"]["mse"] < high


def test_the_test_part_is_opened_once_and_not_by_the_repetitions(house: House) -> None:
    house.submit("s", SPEC)
    study = house.run("s", InProcessExecutor(1))
    [part] = parts_of(house)
    assert part.summary == {}
    with house.database.read() as session:
        decisions = DecisionRepository(session)
        assert len(decisions.all("s", "open_test")) == 1
        assert decisions.all(part.id, "open_test") == []
        dataset = DatasetRepository(session).get(study.data_hash or "")
    assert dataset is not None and dataset.test_openings == 1


def test_without_a_selection_the_best_search_value_stands(house: House) -> None:
    house.submit("s", {**SPEC, "selection": {"top_k": 0}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE
    assert parts_of(house) == []
    assert study.best is not None and study.best.seeds is None
    assert study.best.trial == best_trials(study.resolved.aims, house.trials("s"))[0].number
    assert study.summary is not None and "selection" not in study.summary


def test_an_engine_that_comes_back_goes_on_with_the_same_repetitions(house: House) -> None:
    house.submit("whole", SPEC)
    whole = house.run("whole", InProcessExecutor(1))
    house.submit("s", SPEC)
    steps = 0
    while house.study("s").state not in TERMINAL_STUDY_STATES:
        steps += 7
        with house.supervisor(InProcessExecutor(1), owner=f"engine-{steps}") as supervisor:
            for _ in range(steps):
                supervisor.step()
            supervisor._drain()
    study = house.study("s")
    assert study.state is StudyState.COMPLETE, study.failure
    [part], [other] = parts_of(house), parts_of(house, "whole")
    assert fingerprint(house.trials(part.id)) == fingerprint(house.trials(other.id))
    mine, theirs = selection_of(study), selection_of(whole)
    for named in (mine, theirs):
        named.pop("confirmations")
        named["model"].pop("study")
    assert mine == theirs
    with house.database.read() as session:
        assert len(DecisionRepository(session).all("s", "confirm")) == 1


def test_with_resplit_every_seed_has_a_division_of_its_own(house: House) -> None:
    house.submit("s", {**SPEC, "selection": {"top_k": 2, "seeds": 2, "resplit": True}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    parts = parts_of(house)
    assert [part.resolved.split.resplit for part in parts] == [1, 2]
    assert len({study.data_hash, *(part.data_hash for part in parts)}) == 3
    assert [len(house.trials(part.id)) for part in parts] == [2, 2]
    with house.database.read() as session:
        known = [DatasetRepository(session).get(str(each.data_hash)) for each in (study, *parts)]
    assert len({each.test_hash for each in known if each is not None}) == 1
    assert [each.test_openings for each in known if each is not None] == [1, 1, 1]
    found = selection_of(study)
    assert found["resplit"] and found["seeds"] == 2
    assert found["model"]["study"] in {part.id for part in parts}


def test_a_stopped_selection_stops_its_repetitions(house: House) -> None:
    house.submit("s", {**SPEC, "training": {"epochs": 400}, "budget": {"trials": 2}})
    with house.supervisor(InProcessExecutor(1)) as supervisor:
        house.step_until(supervisor, lambda: bool(parts_of(house)))
        house.ask("s", Intent.STOP)
        house.step_until(
            supervisor,
            lambda: all(
                study.state in TERMINAL_STUDY_STATES
                for study in (house.study("s"), *parts_of(house))
            ),
        )
    assert house.study("s").state is StudyState.STOPPED
    assert [part.state for part in parts_of(house)] == [StudyState.STOPPED]


def test_a_pareto_study_answers_with_a_member_of_its_front(house: House) -> None:
    pair = [{"metric": "mse"}, {"metric": "parameters"}]
    house.submit("s", {**SPEC, "objective": pair, "pruner": {"type": "none"}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    assert study.best is not None and study.best.trial in study.best.front
    found = selection_of(study)
    assert set(found["configs"][0]["means"]) == {"mse", "parameters"}
    with house.database.read() as session:
        studies, trials = StudyRepository(session), TrialRepository(session)
        part = studies.get(found["model"]["study"])
        model = trials.get(found["model"]["study"], found["model"]["trial"])
    assert part is not None and part.parent == "s"
    assert model is not None and model.state is TrialState.COMPLETE


def test_a_failed_selection_stops_its_repetitions_before_it_can_be_deleted(house: House) -> None:
    house.submit("s", {**SPEC, "training": {"epochs": 400}, "budget": {"trials": 2}})
    boom = Failure(kind="error", message="boom")
    with house.supervisor(InProcessExecutor(1)) as supervisor:
        house.step_until(supervisor, lambda: any(p.progress.running for p in parts_of(house)))
        supervisor._give_up(supervisor._driven["s"], boom)
        with (
            pytest.raises(Conflict, match="still ending"),
            house.database.transaction() as session,
        ):
            StudyRepository(session).delete("s")
        house.step_until(
            supervisor, lambda: all(p.state in TERMINAL_STUDY_STATES for p in parts_of(house))
        )
    assert house.study("s").failure == boom
    assert [part.state for part in parts_of(house)] == [StudyState.STOPPED]
    with house.database.transaction() as session:
        assert len(StudyRepository(session).delete("s").studies) == 2


def test_a_repetition_that_met_a_full_disk_is_resumed_with_its_study(house: House) -> None:
    house.submit("s", {**SPEC, "training": {"epochs": 30}, "budget": {"trials": 2}})
    full = Failure(kind="storage-full", message="No space left on device")

    def failure_shown() -> object:
        with house.database.read() as session:
            found = AnalysisRepository(session).get("s", PROGRESS)
        return None if found is None else found.data["failure"]

    with house.supervisor(InProcessExecutor(1)) as supervisor:
        house.step_until(supervisor, lambda: any(p.progress.running for p in parts_of(house)))
        [part] = parts_of(house)
        conductor = supervisor._driven[part.id].conductor
        assert conductor is not None
        conductor._context.pause_because(full)
        house.step_until(supervisor, lambda: failure_shown() is not None)
        assert failure_shown() == full.model_dump(mode="json")
        assert house.study(part.id).state is StudyState.PAUSED
        house.ask("s", Intent.RUN)
        house.step_until(supervisor, lambda: house.study("s").state in TERMINAL_STUDY_STATES)
    assert house.study("s").state is StudyState.COMPLETE
    assert failure_shown() is None
    assert all(t.state is TrialState.COMPLETE for t in house.trials(part.id))
