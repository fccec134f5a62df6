"""Studies of every kind are identical when derived again; earlier results are checked too."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.spec import ExtensionSpec
from service.domain.states import Intent, StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.revisions import RevisionRepository
from tests.engine.harness import House
from tests.engine.planted import SHORT, change, check, edit, opened, put
from tests.trainers.texts import words


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a study that was extended."""
    folder = tmp_path_factory.mktemp("extended")
    with opened(folder) as house:
        house.submit("s", SHORT)
        assert house.run("s", InProcessExecutor(1)).state is StudyState.COMPLETE
        with house.database.transaction() as session:
            RevisionRepository(session).extend("s", ExtensionSpec(trials=3), [])
        assert house.run("s", InProcessExecutor(1)).state is StudyState.COMPLETE
    return folder


@pytest.fixture
def longer(extended: Path, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "longer"
    shutil.copytree(extended, folder)
    with opened(folder) as copied:
        yield copied


def change_revision_value(house: House) -> str:
    change(house, "UPDATE study_revisions SET best_value = best_value * 1.0001")
    return "revision 1, best value"


def change_revision_best(house: House) -> str:
    change(house, "UPDATE study_revisions SET best_trial = 1 - best_trial")
    return "revision 1, best trial"


def change_revision_trials(house: House) -> str:
    change(house, "UPDATE study_revisions SET trials = 3")
    return "extended at trials"


def drop_revision(house: House) -> str:
    change(house, "DELETE FROM study_revisions")
    return "extended at trials"


def change_revision_mean(house: House) -> str:
    edit(
        house,
        "study_revisions",
        "summary",
        "study_id = 's'",
        lambda found: put("mean", value=0.5)(found["selection"]["configs"][0]),
    )
    return "revision 1, selection, configs"


def change_revision_winner(house: House) -> str:
    edit(house, "study_revisions", "summary", "study_id = 's'", put("trial", value=99))
    return "revision 1, summary, trial"


REVISED = [
    change_revision_value,
    change_revision_best,
    change_revision_trials,
    change_revision_mean,
    change_revision_winner,
    drop_revision,
]


def test_an_extended_study_is_identical(longer: House) -> None:
    found = check(longer)
    assert found.identical, found.differences
    assert found.counts["proposals"] == 7 + 2 * 4


def test_a_stopped_extension_is_identical_with_the_result_before_it(longer: House) -> None:
    with longer.database.transaction() as session:
        RevisionRepository(session).extend("s", ExtensionSpec(trials=2), [])
    longer.ask("s", Intent.STOP)
    assert longer.study("s").state is StudyState.STOPPED
    found = check(longer)
    assert found.identical, found.differences
    edit(longer, "studies", "summary", "id = 's'", put("test", "mse", value=0.5))
    assert "summary" in [difference.where for difference in check(longer).differences]


@pytest.mark.parametrize("plant", REVISED)
def test_a_change_of_an_earlier_result_is_found(
    longer: House, plant: Callable[[House], str]
) -> None:
    where = plant(longer)
    found = check(longer)
    assert where in [difference.where for difference in found.differences], found.differences


VAE: dict[str, Any] = {
    **SHORT,
    "family": "vae",
    "space": {
        "learning_rate": {"type": "float", "low": 0.001, "high": 0.01, "log": True},
        "hidden_width": 16,
        "latent_dim": 4,
    },
}
KL_BELOW = {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 1000}]}
OTHERS: dict[str, dict[str, Any]] = {
    "pareto": VAE | {"objective": [{"metric": "mse"}, {"metric": "kl"}]},
    "constrained": VAE | {"objective": KL_BELOW},
    "smallest": SHORT
    | {"objective": {"metric": "parameters", "subject_to": [{"metric": "mse", "at_most": 1}]}},
    "diverging": SHORT
    | {"enqueue": [{"learning_rate": 0.03}], "selection": {"top_k": 4, "seeds": 2}},
    "resplit": SHORT | {"selection": {"top_k": 2, "seeds": 2, "resplit": True}},
    "not selected": SHORT | {"selection": {"top_k": 0}},
    "early stopping": SHORT
    | {
        "training": {"epochs": 12, "early_stopping": {"patience": 1, "min_delta": 0.2}},
        "pruner": {"type": "median", "min_epochs": 2},
        "budget": {"trials": 8},
    },
    "budgeted": SHORT | {"budget": {"trials": 400, "seconds": 0.5}},
}


@pytest.mark.parametrize("name", OTHERS)
def test_studies_of_every_kind_are_identical(name: str, tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        house.submit("s", OTHERS[name])
        study = house.run("s", InProcessExecutor(1))
        assert study.state is StudyState.COMPLETE, study.failure
        found = check(house)
    assert found.identical, found.differences


def test_a_study_of_texts_is_identical(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\n".join(words()[:600]) + "\n")
    space = {
        "learning_rate": {"type": "float", "low": 0.005, "high": 0.01},
        "hidden_width": 16,
        "embedding_dim": 8,
    }
    dataset = {"kind": "text", "path": str(tmp_path / "words.txt")}
    with opened(tmp_path) as house:
        spec = SHORT | {"family": "text_autoencoder", "space": space, "dataset": dataset}
        house.submit("s", spec)
        study = house.run("s", InProcessExecutor(1))
        assert study.state is StudyState.COMPLETE, study.failure
        found = check(house)
    assert found.identical, found.differences


def test_a_stopped_study_is_identical_and_its_stopped_trials_are_checked(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        house.submit("s", SHORT | {"training": {"epochs": 2000, "early_stopping": None}})
        with house.supervisor(InProcessExecutor(1)) as supervisor:
            house.step_until(
                supervisor, lambda: any(trial.epochs > 2 for trial in house.trials("s"))
            )
            house.ask("s", Intent.STOP)
            house.step_until(supervisor, lambda: house.study("s").state is StudyState.STOPPED)
        found = check(house)
        assert found.identical, found.differences
        stopped = next(trial for trial in house.trials("s") if trial.value is not None)
        assert stopped.state == "STOPPED"
        change(
            house,
            "UPDATE trials SET value = value * 1.0001 WHERE study_id = 's' AND number = :number",
            number=stopped.number,
        )
        where = f"trial {stopped.number}, value"
        assert where in [difference.where for difference in check(house).differences]
