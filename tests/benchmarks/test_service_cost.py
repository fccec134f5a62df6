"""Both sides of the benchmark do the work that they are timed for."""

import warnings
from pathlib import Path

import optuna

from benchmarks.our_study import EPOCHS, OurStudy
from benchmarks.service_cost import run_optuna
from benchmarks.untrained import engine_seconds_per_trial
from service.domain.states import TrialState
from service.engine.cohorts import planned_cohorts
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository


def test_ours_leaves_every_trial_finished_with_all_its_epochs(tmp_path: Path) -> None:
    study = OurStudy(f"sqlite:///{tmp_path / 'ours.db'}", trials=16, seed=0, arrays_of=2)
    assert study.run(range(planned_cohorts(study.spec))) > 0
    with study.database.read() as session:
        trials = TrialRepository(session).all(study.id)
        record = StudyRepository(session).get(study.id)
    assert {(t.state, t.epochs) for t in trials} == {(TrialState.COMPLETE, EPOCHS)}
    assert record is not None
    assert record.progress.epochs == 16 * EPOCHS
    assert len({str(trial.params) for trial in trials}) > 8
    study.database.close()


def test_optunas_leaves_every_trial_finished_with_all_its_values(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        run_optuna(4, 0, url)
        (name,) = optuna.get_all_study_names(url)
        trials = optuna.load_study(study_name=name, storage=url).trials
    assert [len(trial.intermediate_values) for trial in trials] == [EPOCHS] * 4
    assert all(len(trial.params) == 5 and trial.state.is_finished() for trial in trials)


def test_the_whole_engine_runs_without_training(tmp_path: Path) -> None:
    assert engine_seconds_per_trial(tmp_path, trials=8, seed=0) > 0
