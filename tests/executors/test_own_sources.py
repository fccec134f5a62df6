"""Jobs of a family of one's own whose file is no longer what the study was submitted with."""

import pytest
from training_jobs import complete, training_job

from service.executors.base import ArrayJob, ScoreJob
from service.executors.worker import run_job
from tests.own_family import MINE
from trainers import registry


@pytest.fixture
def source(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    registry.use_sources([f"{tmp_path / 'mine.py'}:Mine"])
    yield tmp_path / "mine.py"
    registry.use_sources([])


def last_of(job: ArrayJob | ScoreJob):
    events = []
    run_job(job, events.append, None)
    return events[-1]


def jobs(stored_data, tmp_path):
    array = training_job(stored_data, tmp_path / "a", family="vae", rates=(0.01,))
    config = {
        name: entry.default
        for name, entry in registry.catalog().families["mine"].parameters.items()
    }
    (slot,) = array.slots
    changes = {"family": "mine", "made_of": registry.fingerprints()["family mine"]}
    array = array.model_copy(
        update={**changes, "slots": [slot.model_copy(update={"config": config})]}
    )
    score = ScoreJob(
        job_id="score",
        study_id="s1",
        trial=0,
        fence=1,
        data_folder=str(stored_data),
        artifact_root=str(tmp_path / "a"),
        checkpoint="none.safetensors",
        config=complete("vae"),
        seed=0,
        **changes,
    )
    return array, score


def test_what_has_changed_since_is_neither_trained_nor_scored(source, stored_data, tmp_path):
    both = jobs(stored_data, tmp_path)
    source.write_text(MINE.replace("1.0", "1000.0"))
    registry.use_sources([])  # as in a worker, which looks at the file itself
    registry.use_sources([f"{source}:Mine"])
    for job in both:
        end = last_of(job)
        assert end.outcome == "failed"
        assert f"{source}:Mine: it has changed since" in end.failure.message
        assert "restart the service" in end.failure.message
    assert not list((tmp_path / "a").rglob("*.safetensors"))
