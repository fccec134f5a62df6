"""Examples for the OpenAPI document; those of records are built from records, so they hold."""

from datetime import UTC, datetime
from typing import Any

from service.api.confirmed import ONE_SEED
from service.domain.catalog import Catalog
from service.domain.comparability import compare
from service.domain.comparison import Comparison, ConvergencePoint, Costs, compared
from service.domain.linter import lint_spec
from service.domain.model import content_hash
from service.domain.records import (
    Best,
    BestMetrics,
    BestObjective,
    BestSoFar,
    DataHeader,
    EpochReport,
    Progress,
    Study,
    Trial,
    TrialMetrics,
    Upload,
    Verdict,
)
from service.domain.resolve import complete_config, resolve
from service.domain.space import Params
from service.domain.spec import StudySpec
from service.domain.states import Intent, StudyState, TrialState

MINIMAL_SPEC: dict[str, Any] = {"name": "x", "dataset": {"name": "digits"}, "family": "vae"}

MINIMAL_YAML = "name: x\ndataset: {name: digits}\nfamily: vae\n"

FULL_SPEC: dict[str, Any] = {
    "name": "digits-vae",
    "dataset": {"name": "digits"},
    "split": {"train": 0.7, "validation": 0.15, "test": 0.15, "order": "seed", "seed": 0},
    "scaling": "unit",
    "task": {"kind": "reconstruct"},
    "family": "vae",
    "objective": {"metric": "mse", "direction": "minimize"},
    "space": {
        "learning_rate": {"type": "float", "low": 0.0001, "high": 0.01, "log": True},
        "hidden_width": {"type": "int", "low": 32, "high": 256, "log": True},
        "latent_dim": 16,
        "batch_size": {"type": "categorical", "choices": [64, 128]},
    },
    "training": {
        "epochs": 30,
        "early_stopping": {"patience": 5, "min_delta": 0.0, "min_epochs": 3},
    },
    "sampler": {"type": "tpe"},
    "pruner": {"type": "halving", "reduction_factor": 3, "min_epochs": 3},
    "budget": {"trials": 40, "seconds": None},
    "parallel": {"cohort_size": "auto", "cohorts_in_flight": "auto"},
    "seed": 0,
}

_STUDY_ID = "01k7x2m8qv4e9wz3tbn5ha6rcd"
_PARAMS: Params = {"batch_size": 64, "hidden_width": 203, "learning_rate": 0.0031}
_BEGIN = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
_END = datetime(2026, 11, 2, 10, 1, 30, tzinfo=UTC)
_TRAIN = {"loss": -47.1, "reconstruction": -61.9, "kl": 14.8, "mse": 0.0071, "mae": 0.0483}
_VALIDATION = {"loss": -43.5, "reconstruction": -58.4, "kl": 14.9, "mse": 0.0089, "mae": 0.0531}
_METRICS = TrialMetrics(train=dict(_TRAIN), validation=dict(_VALIDATION))
_VERDICT = Verdict(
    kind="converged",
    sentence="Validation had stopped improving by epoch 27.",
    numbers={"best_epoch": 27, "gap": 0.0018},
)


def example_records(catalog: Catalog) -> dict[str, Any]:
    """Schema name -> a valid example of it, as JSON values."""
    spec = StudySpec.model_validate(FULL_SPEC)
    header = DataHeader(samples=1797, shape=[8, 8], dtype="uint8", bytes=115_008, kind="image")
    resolved = resolve(spec, catalog, header)
    study = Study(
        id=_STUDY_ID,
        name=spec.name,
        state=StudyState.RUNNING,
        intent=Intent.RUN,
        spec=spec,
        resolved=resolved,
        spec_hash=content_hash(resolved.model_dump(mode="json")),
        warnings=lint_spec(resolved, catalog, header),
        progress=Progress(
            trials=40, running=10, complete=7, pruned=5, epochs=312, seconds=21.5, seconds_left=50.2
        ),
        best=BestSoFar(trial=7, value=0.0089, params=_PARAMS),
        data_hash="9f2c" * 16,
        failure=None,
        summary=None,
        versions={"hifitune": "0.1.0"},
        created_at=_BEGIN,
        started_at=_BEGIN,
        finished_at=None,
        event=57,
    )
    trial = Trial(
        study_id=_STUDY_ID,
        number=7,
        cohort=1,
        array=0,
        state=TrialState.COMPLETE,
        family="vae",
        params=_PARAMS,
        value=0.0089,
        best_epoch=27,
        epochs=30,
        rungs={"3": 0.0212, "9": 0.0121},
        metrics=_METRICS,
        verdict=_VERDICT,
        seed=4_611_686_018_427_387_904,
        attempt=1,
        failure=None,
        created_at=_BEGIN,
        started_at=_BEGIN,
        finished_at=_END,
    )
    best = Best(
        study_id=_STUDY_ID,
        trial=7,
        family="vae",
        params=_PARAMS,
        config=complete_config(resolved, "vae", _PARAMS),
        objective=BestObjective(metric="mse", value=0.0089),
        metrics=BestMetrics(train=dict(_TRAIN), validation=dict(_VALIDATION), test=None),
        best_epoch=27,
        verdict=_VERDICT,
        baselines={
            "mean": {"validation": 0.0734, "test": None},
            "pca": {
                "latent_dim": 16,
                "validation": 0.0121,
                "validation_clipped": 0.0119,
                "test": None,
                "test_clipped": None,
            },
            "pca_figure": {"validation": "clipped", "test": None},
            "mse_over_pca": {"validation": 0.748, "test": None},
        },
        seed=trial.seed,
        versions=study.versions,
        data_hash=str(study.data_hash),
        selection={
            "kind": "best-of-n",
            "trials": 7,
            "seeds": 1,
            "note": ONE_SEED.format(trials=7),
        },
        links={"self": f"/v1/studies/{_STUDY_ID}/best"},
    )
    epoch = EpochReport(
        epoch=27,
        train=dict(_TRAIN),
        validation=dict(_VALIDATION),
        effective_beta=1.0,
        learning_rate=0.0004,
        gradient_norm=3.1,
        seconds=0.021,
    )
    upload = Upload(
        id="ds-8d422c7b0a1c1c79245a5bcf",
        name="faces.npz",
        sha256="8d42" * 16,
        bytes=1_648_877,
        source={"kind": "npz", "key": "images"},
        header=DataHeader(
            samples=10_000, shape=[28, 28], dtype="uint8", bytes=7_840_000, kind="image"
        ),
        data_hash="418e" * 16,
        created_at=_BEGIN,
    )
    records = {
        "Study": study,
        "Trial": trial,
        "Best": best,
        "EpochReport": epoch,
        "Upload": upload,
        "Comparison": _comparison(study),
    }
    return {
        **{name: record.model_dump(mode="json") for name, record in records.items()},
        "StudySpec": MINIMAL_SPEC,
    }


def _comparison(study: Study) -> Comparison:
    """Of a study with another one that has gone on for longer."""
    other = study.model_copy(update={"id": "01k7x2m8qv4e9wz3tbn5ha6rce", "name": "digits-vae-long"})
    steps = [
        ConvergencePoint(trials=1, seconds=0.9, value=0.0134),
        ConvergencePoint(trials=8, seconds=6.6, value=0.0089),
    ]
    costs = Costs(own=9.7, repetitions=0.0)
    studies = [study, other]
    return compare(studies, [compared(each, costs, steps, (12, costs.own)) for each in studies])
