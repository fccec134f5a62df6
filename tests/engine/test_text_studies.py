"""Studies of texts, from a file of lines to the answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.best import best_record, read_best
from service.commands.answer import comparison
from service.domain.records import Best
from service.domain.states import StudyState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.migration import migrate
from tests.engine.harness import House
from tests.trainers.texts import words

SMALL: dict[str, Any] = {
    "name": "texts",
    "family": "text_autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.005, "high": 0.01},
        "hidden_width": 48,
        "embedding_dim": 16,
    },
    "training": {"epochs": 4},
    "pruner": {"type": "none"},
    "budget": {"trials": 2},
    "parallel": {"cohort_size": 2},
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    # Every word twice: copies must not straddle the split.
    (tmp_path / "words.txt").write_text("\n".join(words()[:900] + words()[:300]) + "\n")
    yield House(tmp_path, database)
    database.close()


def answer(house: House, **changes: Any) -> tuple[Any, dict[str, Any], Any]:
    """The study at its end, its answer, and its data set."""
    dataset = {"kind": "text", "path": str(house.folder / "words.txt")}
    house.submit("s", {**SMALL, "dataset": dataset, **changes})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    found = read_best(house.database, study)
    return found.study, best_record(found).model_dump(), found.dataset


def test_a_text_study_is_ranked_by_cross_entropy_and_beats_the_ngrams(house: House) -> None:
    study, best, data = answer(house)
    assert study.resolved.aims.objectives[0].metric == "token_cross_entropy"
    value = best["objective"]["value"]
    ngrams = {entry.order: entry.validation for entry in data.baselines.ngrams}
    assert value < min(ngrams.values())
    for part in ("train", "validation", "test"):
        found = best["metrics"][part]
        assert {"perplexity", "exact_match", "edit_distance"} <= set(found)
        assert "mse" not in found
    assert data.audit.across_after == 0
    assert best["verdict"]["sentence"].count("token_cross_entropy")
    assert best["verdict"]["numbers"]["ngram"] == min(ngrams.values())
    beside = best["baselines"]
    assert beside["metric"] == "token_cross_entropy"
    assert beside["cross_entropy_over_ngram"]["validation"] == pytest.approx(
        value / min(ngrams.values())
    )
    assert 0 < beside["cross_entropy_over_ngram"]["test"] < 1
    rows = list(comparison(Best.model_validate(best)).columns[0].cells)
    assert rows == ["this text_autoencoder", "3-gram", "2-gram", "1-gram"]


def test_a_denoising_text_vae_is_tuned_by_its_likelihood(house: House) -> None:
    _, best, _ = answer(
        house,
        family="text_vae",
        task={"kind": "denoise", "noise": "token_swap", "level": 0.2},
        objective={"metric": "elbo", "direction": "maximize"},
        training={"epochs": 2},
    )
    assert best["objective"]["value"] == best["metrics"]["validation"]["elbo"] < 0
    assert best["metrics"]["test"]["kl"] > 0
