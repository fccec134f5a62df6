"""The answer of a study: the record Best, assembled from what the engine has recorded."""

from collections.abc import Mapping, Sequence
from math import inf, prod
from typing import Any, Literal, NamedTuple

from service.api.confirmed import confirmed_model, selection_of
from service.api.fronts import (
    chosen_number,
    constraints_of,
    front_record,
    links_of,
    objectives_of,
)
from service.domain.aims import say_nearest
from service.domain.configuration import best_config_spec, complete_config
from service.domain.confirmed import result_of
from service.domain.data import TEXT_METRIC
from service.domain.linear_vae import linear_vae, part_mse
from service.domain.records import (
    Baselines,
    Best,
    BestMetrics,
    BestObjective,
    Dataset,
    Study,
    Trial,
)
from service.domain.spec import StudySpec
from service.domain.states import TERMINAL_STUDY_STATES
from service.errors import Conflict
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.overviews import OverviewRepository
from service.storage.studies import StudyRepository
from service.storage.trials import TrialRepository

MSE = "mse"
LATENT = "latent_dim"
PARTS: tuple[Literal["validation", "test"], ...] = ("validation", "test")


def no_best(study: Study, nearest: str | None = None) -> Conflict:
    """Why there is no best yet, or never will be; `nearest`: see aims.say_nearest."""
    if study.failure is not None:
        return Conflict(
            f"the study is {study.state} and has no best trial: {study.failure.message}",
            "mend the cause, then submit the study again",
        )
    if nearest is not None:
        over = study.state in TERMINAL_STUDY_STATES
        return Conflict(
            f"the study is {study.state}, and {nearest}",
            "loosen the bound, or move the ranges towards that trial, in a new study"
            if over
            else "ask again when more have finished, or start again with a looser bound",
        )
    if study.state in TERMINAL_STUDY_STATES:
        return Conflict(
            f"the study is {study.state}, and no trial of it finished",
            "look at its trials for the reasons",
        )
    return Conflict(
        f"the study is {study.state}, and no trial has finished yet",
        "ask again when one has; the live stream says when",
    )


class Answer(NamedTuple):
    """A study's answer as the records have it."""

    study: Study
    trial: Trial
    """Of the search: the one whose config it is."""
    maker: Study
    """The study itself, or the part of it that repeated the config with fresh seeds."""
    model: Trial
    """Of the maker: the one whose weights and metrics are the answer."""
    dataset: Dataset | None
    """What the model was trained on."""


def read_best(database: Database, study: Study, number: int | None = None) -> Answer:
    """The study as it is now, its best config and the model that stands for it.

    `number` asks for another member of a Pareto set. Raises Conflict, and NotFound for a trial
    that is not in the set.
    """
    with database.read() as session:
        # Read again: study, trial and data set must be of one snapshot.
        studies, trials = StudyRepository(session), TrialRepository(session)
        study = studies.get(study.id) or study
        chosen = chosen_number(study, number)
        trial = None if chosen is None else trials.get(study.id, chosen)
        maker, model = study, trial
        place = confirmed_model(study, chosen)
        if place is not None:
            again, repeated = studies.get(place.study), trials.get(place.study, place.trial)
            if again is not None and repeated is not None:
                maker, model = again, repeated
        dataset = maker.data_hash and DatasetRepository(session).get(maker.data_hash)
    if not trial or not model or not _has_result(model):
        aims = study.resolved.aims
        with database.read() as session:
            ended = OverviewRepository(session).infeasible(study.id, aims)
        raise no_best(study, say_nearest(aims, ended))
    return Answer(study, trial, maker, model, dataset or None)


def repeat_of(answer: Answer) -> StudySpec:
    """A spec of one trial that trains the answer's model again, to the same numbers."""
    spec = best_config_spec(answer.study, answer.trial)
    again = {"trial_seed": answer.model.seed, "split": answer.maker.resolved.split}
    return spec.model_copy(update=again)


def _has_result(trial: Trial) -> bool:
    return trial.value is not None and trial.metrics is not None and trial.best_epoch is not None


def read_members(database: Database, study: Study) -> list[Trial]:
    """The trials of the Pareto set by number; none where there is one objective."""
    if study.best is None or not study.best.front:
        return []
    with database.read() as session:
        return TrialRepository(session).some(study.id, study.best.front)


def effective_beta(database: Database, trial: Trial) -> float | None:
    """The weight of the KL at the trial's best epoch; None where there is no KL."""
    assert trial.best_epoch is not None
    with database.read() as session:
        reports = TrialRepository(session).epochs(
            trial.study_id, trial.number, after=trial.best_epoch - 1, limit=1
        )
    return reports[0].effective_beta if reports else None


def best_record(answer: Answer, members: Sequence[Trial] = (), beta: float | None = None) -> Best:
    """The answer; `members` are those of the Pareto set, `beta` the effective one of the model.

    Of a confirmed config metrics, verdict, seed and best epoch are those of the model that is
    given away; what the other seeds say stands in `selection`. No test value is in it before the
    study is COMPLETE.
    """
    study, trial, maker, model, dataset = answer
    assert model.value is not None and model.metrics is not None and model.best_epoch is not None
    config = complete_config(study.resolved, trial.family, trial.params)
    aims = study.resolved.aims
    is_best = study.best is None or study.best.trial == trial.number
    summary = result_of(study)
    test = summary.get("test") if summary.get("trial") == trial.number else None
    metrics = BestMetrics(train=model.metrics.train, validation=model.metrics.validation, test=test)
    return Best(
        study_id=study.id,
        trial=trial.number,
        family=trial.family,
        params=trial.params,
        config=config,
        objective=BestObjective(metric=aims.objectives[0].metric, value=model.value),
        objectives=objectives_of(aims, model),
        constraints=constraints_of(aims, model),
        front=front_record(study, members),
        metrics=metrics,
        complexity=model.complexity,
        best_epoch=model.best_epoch,
        verdict=model.verdict,
        baselines={}
        if dataset is None
        else compare(dataset.baselines, metrics, config)
        | {"linear_vae": _linear(dataset, metrics, config, beta)},
        seed=model.seed,
        versions=study.versions,
        data_hash=maker.data_hash or "",
        selection=_say_revision(study, selection_of(study, trial, summary)),
        links=links_of(study.id, trial.number, chosen=not is_best)
        | {"model_trial": f"/v1/studies/{maker.id}/trials/{model.number}"},
    )


def _say_revision(study: Study, selection: dict[str, Any]) -> dict[str, Any]:
    """Which revision's result it is, where a later one came to nothing."""
    revision = selection.get("revision")
    if revision is None:
        return selection
    why = f"the extension after it is {study.state}"
    note = f"This is the result of revision {revision}: {why}. {selection['note']}"
    return {**selection, "note": note}


def compare(
    baselines: Baselines, metrics: BestMetrics, config: Mapping[str, Any]
) -> dict[str, Any]:
    """The mean image and PCA of the same latent size beside the model, as MSE on scaled data.

    A model of texts stands beside n-grams instead (`cross_entropy_over_ngram` below 1 beats the
    best of them).

    `mse_over_pca` below 1 beats PCA; its clipped figure, where that is known (`pca_figure` says
    of every part which one it is); null where the latent is as wide as the data, and PCA the
    identity. `gap_closed` = 1 - MSE / MSE of the mean image.
    """
    unsealed = metrics.test is not None
    mean = {
        "train": baselines.mean_train,
        "validation": baselines.mean_validation,
        "test": baselines.mean_test if unsealed else None,
    }
    latent = config.get(LATENT)
    found = next((entry for entry in baselines.rivals if entry.latent_dim == latent), None)
    if found is not None and not unsealed:
        found = found.model_copy(update={"test": None, "test_clipped": None})
    rival = {part: None if found is None else found.score(part) for part in PARTS}
    parts = {"validation": metrics.validation, "test": metrics.test or {}}
    compared = {
        "metric": MSE,
        "mean": mean,
        "pca": None if found is None else found.model_dump(mode="json"),
        "pca_figure": {part: None if found is None else found.figure(part) for part in PARTS},
        "mse_over_pca": {part: _ratio(parts[part].get(MSE), rival[part]) for part in PARTS},
        "gap_closed": {
            part: _closed(_ratio(values.get(MSE), mean[part])) for part, values in parts.items()
        },
    }
    return compared | (_beside_ngrams(baselines, metrics) if baselines.ngrams else {})


def _beside_ngrams(baselines: Baselines, metrics: BestMetrics) -> dict[str, Any]:
    """n-grams of train beside a model of texts, in nats per token; the best one is the rival."""
    known = list(baselines.ngrams)
    if metrics.test is None:
        known = [entry.model_copy(update={"test": None}) for entry in known]
    rival = min(known, key=lambda entry: entry.validation or inf)
    parts = {"validation": metrics.validation, "test": metrics.test or {}}
    return {
        "metric": TEXT_METRIC,
        "ngrams": [entry.model_dump(mode="json") for entry in known],
        "cross_entropy_over_ngram": {
            part: _ratio(values.get(TEXT_METRIC), getattr(rival, part))
            for part, values in parts.items()
        },
    }


def _linear(
    dataset: Dataset, metrics: BestMetrics, config: Mapping[str, Any], beta: float | None
) -> dict[str, Any] | None:
    """The linear beta-VAE of the same latent size, in closed form from train, on every part.

    `mse_over_linear_vae` below 1 beats it on that part.
    """
    known, latent = dataset.baselines, config.get(LATENT)
    if beta is None or known.mean_train is None or not isinstance(latent, int):
        return None
    found = linear_vae(known.eigenvalues, known.mean_train, prod(dataset.shape), beta, latent)
    if found is None:
        return None
    of_size: dict[int, tuple[float | None, float | None]] = {
        0: (known.mean_validation, known.mean_test),
        **{entry.latent_dim: (entry.validation, entry.test) for entry in known.pca},
    }
    sizes = [of_size.get(size, (None, None)) for size in range(found.active_units + 1)]
    tested = metrics.test or {}
    validation = part_mse(found, [entry[0] for entry in sizes])
    test = part_mse(found, [entry[1] for entry in sizes])
    mse = {"train": found.mse, "validation": validation, "test": test if tested else None}
    return found.model_dump(mode="json", exclude={"mse", "shrinkage"}) | {
        "mse": mse,
        "mse_over_linear_vae": {
            "validation": _ratio(metrics.validation.get(MSE), mse["validation"]),
            "test": _ratio(tested.get(MSE), mse["test"]),
        },
    }


def _ratio(value: float | None, reference: float | None) -> float | None:
    return value / reference if value is not None and reference else None


def _closed(ratio: float | None) -> float | None:
    return None if ratio is None else 1 - ratio
