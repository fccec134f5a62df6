"""The sentence beside a trial on a task: what doing nothing would have given."""

from pathlib import Path

from fastapi.testclient import TestClient

from dashboards.rivals import keep_rivals
from service.domain.doing_nothing import DOING_NOTHING
from service.domain.tasks import DenoiseTask
from service.main import create_app
from service.settings import Settings
from service.storage.database import Database
from service.storage.decisions import AnalysisRepository
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import make_study

NOTHING = {
    "task": {"kind": "denoise", "noise": "gaussian", "level": 0.1},
    "name": "the noisy input",
    "train": {"mse": 0.5},
    "validation": {"mse": 0.5},
    "test": None,
}


def test_the_pages_set_the_best_trial_beside_doing_nothing(
    sqlite_database: Database, tmp_path: Path
) -> None:
    seeded = seed_study(sqlite_database, make_study(count=12, running=2, planned=30))
    settings = Settings(data_dir=tmp_path, database_url=str(sqlite_database.url))
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        page = f"/studies/{seeded.study_id}"
        assert "doing nothing" not in client.get(page).text
        with sqlite_database.transaction() as session:
            AnalysisRepository(session).put(
                seeded.study_id, seeded.fence, DOING_NOTHING, 0, NOTHING
            )
        for address in (page, f"{page}/trials/0"):
            assert "Better than doing nothing: mse" in client.get(address).text
            assert "of the noisy input" in client.get(address).text


def test_pca_is_no_rival_of_a_model_that_does_not_see_clean_samples() -> None:
    made = make_study(count=4)
    task = DenoiseTask()
    noisy = made.study.model_copy(
        update={"resolved": made.study.resolved.model_copy(update={"task": task})}
    )
    assert keep_rivals(made.dataset, made.study).baselines.pca
    assert keep_rivals(made.dataset, noisy).baselines.pca == []
    assert keep_rivals(made.dataset, noisy).baselines.mean_validation is not None


def test_a_pca_as_wide_as_the_data_is_not_drawn() -> None:
    made = make_study()
    baselines = made.dataset.baselines
    identity = baselines.pca[0].model_copy(update={"latent_dim": 999, "validation": 4.5e-18})
    wide = made.dataset.model_copy(
        update={"baselines": baselines.model_copy(update={"pca": [*baselines.pca, identity]})}
    )
    kept = keep_rivals(wide, made.study).baselines.pca
    assert kept == baselines.pca
