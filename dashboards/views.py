"""What the page of a study and of a trial show beside the records: comparisons and next steps."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dashboards.actions import Action, may_extend, study_actions
from dashboards.rivals import keep_rivals
from service.domain.catalog import Catalog
from service.domain.configuration import best_config_spec, complete_config
from service.domain.data import TEXT_METRIC
from service.domain.datasets import UploadedDataset, source_of
from service.domain.records import Analysis, Dataset, Failure, Study, Trial
from service.domain.space import FAMILY, Scalar, distributions
from service.domain.states import TERMINAL_STUDY_STATES, Intent, StudyState, TrialState
from service.domain.trials import is_metric


class Comparison(NamedTuple):
    """The best value beside one baseline."""

    name: str
    baseline: float
    ratio: float
    error: str = "error"
    """What is compared; `unit` says it in full."""
    unit: str = "MSE on scaled data"


class StudyView(NamedTuple):
    """What the study page shows beside the record."""

    title: str
    state_line: str
    trouble: Failure | None
    """What holds a repetition of its best configs up."""
    actions: list[Action]
    may_extend: bool
    unit: str
    comparisons: list[Comparison]
    dataset: str
    dataset_address: str | None
    searched: list[str]
    spec: dict[str, Any]
    best_spec: dict[str, Any] | None
    has_model: bool
    test: float | None
    """The objective on the sealed test split."""


class ParameterRow(NamedTuple):
    """One parameter of a trial beside the best trial's."""

    name: str
    value: Scalar | None
    best: Scalar | None
    searched: bool
    differs: bool


class TrialView(NamedTuple):
    """What the trial page shows beside the record."""

    parameters: list[ParameterRow]
    metrics: list[tuple[str, float | None, float | None]]
    is_best: bool
    last: int
    live: bool


def study_view(
    study: Study,
    best: Trial | None,
    dataset: Dataset | None,
    catalog: Catalog,
    names: Mapping[str, str],
    repeats: Analysis | None = None,
) -> StudyView:
    """Everything computed for the study page; `names` of uploaded data sets by their ids.

    `repeats`: how far the repetitions of its best configs are.
    """
    trouble = _trouble(study, repeats)
    progress, resolved = study.progress, study.resolved
    metric = catalog.metrics.get(resolved.aims.objectives[0].metric)
    searched = [*([FAMILY] if resolved.family_is_searched else []), *distributions(resolved.space)]
    return StudyView(
        title=f"{study.state.capitalize()} {progress.done}/{progress.trials} · {study.name}",
        state_line=_state_line(study),
        trouble=trouble,
        actions=study_actions(study, held_up=trouble is not None),
        may_extend=may_extend(study),
        unit=metric.unit if metric else "",
        comparisons=compare_with_baselines(study, best, dataset),
        dataset=say_dataset(study, names),
        dataset_address=dataset_address(study),
        searched=searched,
        spec=as_wished(study),
        best_spec=None if best is None else best_config_spec(study, best).model_dump(mode="json"),
        has_model=best is not None and best.value is not None,
        test=_test(study),
    )


def _test(study: Study) -> float | None:
    """No test value is shown before the study is COMPLETE (DOMAIN.md truth 10)."""
    if study.state is not StudyState.COMPLETE or not study.summary:
        return None
    value = (study.summary.get("test") or {}).get(study.resolved.aims.objectives[0].metric)
    return float(value) if isinstance(value, int | float) else None


def say_dataset(study: Study, names: Mapping[str, str]) -> str:
    """The data set in a few words: its name (of an uploaded one by its id), or its file."""
    dataset = study.spec.dataset
    if isinstance(dataset, UploadedDataset):
        return names.get(dataset.id, "an uploaded data set that was deleted")
    return source_of(dataset)


def upload_ids(studies: Iterable[Study]) -> set[str]:
    """The uploaded data sets that studies use."""
    used = (study.spec.dataset for study in studies)
    return {dataset.id for dataset in used if isinstance(dataset, UploadedDataset)}


def dataset_address(study: Study) -> str | None:
    """The page of its data set; None while the data of a path are not in the store."""
    dataset = study.spec.dataset.model_dump()
    named = dataset.get("id") or dataset.get("name") or study.data_hash
    return f"/datasets/{named}" if named else None


def as_wished(study: Study) -> dict[str, Any]:
    """What the user asked for, without the defaults; it can be submitted as it stands."""
    spec = study.spec
    wished: dict[str, Any] = _with_kinds(
        spec.model_dump(mode="json", exclude_defaults=True), spec.model_dump(mode="json")
    )
    return wished


def _with_kinds(wished: Any, whole: Any) -> Any:
    """The wish with `type` and `kind` back: they are defaults, but tell unions apart."""
    if not isinstance(wished, dict):
        return wished
    return {
        key: _with_kinds(wished[key], value) if key in wished else value
        for key, value in whole.items()
        if key in wished or key in ("type", "kind")
    }


def say_end(study: Study, trial: Trial) -> str:
    """Why a trial ended as it did, in a few words; empty while it has not."""
    if trial.failure is not None and trial.state is not TrialState.QUEUED:
        return f"{trial.failure.kind}: {trial.failure.message}"
    if trial.state is TrialState.PRUNED:
        return f"too weak at epoch {trial.epochs}"
    if trial.state is TrialState.COMPLETE:
        early = trial.epochs < study.resolved.training.epochs
        return "early stopping" if early else "trained to the end"
    return ""


def _state_line(study: Study) -> str:
    """What happens now, in a sentence; it also covers a wish that is not carried out yet."""
    if study.state not in TERMINAL_STUDY_STATES:
        if study.intent is Intent.STOP:
            return "It is being stopped."
        if study.intent is Intent.PAUSE and study.state is not StudyState.PAUSED:
            return "It is being paused: arrays in training save their state first."
        if study.intent is Intent.RUN and study.state is StudyState.PAUSED:
            return "It will go on as soon as an engine takes it up."
    return {
        StudyState.QUEUED: "It waits for an engine to take it up.",
        StudyState.RUNNING: "",
        StudyState.PAUSED: "Nothing is lost: resume goes on where it was.",
        StudyState.SELECTING: "The search is over: the best are confirmed, then one is tested.",
        StudyState.COMPLETE: "",
        StudyState.STOPPED: "It was stopped: the best so far is its answer.",
        StudyState.FAILED: "",
    }[study.state]


def _trouble(study: Study, repeats: Analysis | None) -> Failure | None:
    """What holds the repetitions up."""
    found = repeats.data.get("failure") if repeats is not None else None
    selecting = study.state is StudyState.SELECTING
    return Failure.model_validate(found) if found and selecting else None


def compare_with_baselines(
    study: Study, best: Trial | None, dataset: Dataset | None
) -> list[Comparison]:
    """The best trial's validation MSE beside PCA of its latent size and the mean sample.

    Of texts its cross-entropy beside n-grams.
    """
    entropy = best.metrics.validation.get(TEXT_METRIC) if best and best.metrics else None
    if dataset is not None and entropy is not None:
        return [
            Comparison(
                f"a {entry.order}-gram model",
                entry.validation,
                entropy / entry.validation,
                "cross-entropy",
                "nats per token",
            )
            for entry in reversed(dataset.baselines.ngrams)
            if entry.validation
        ]
    mse = best.metrics.validation.get("mse") if best and best.metrics else None
    if best is None or dataset is None or mse is None:
        return []
    config = complete_config(study.resolved, best.family, best.params)
    latent = config.get("latent_dim")
    baselines: dict[str, float] = {}
    for entry in keep_rivals(dataset, study).baselines.pca:
        score = entry.score("validation")
        if entry.latent_dim == latent and score is not None:
            clipped = ", clipped" if entry.figure("validation") == "clipped" else ""
            baselines[f"PCA with {latent} components{clipped}"] = score
    if dataset.baselines.mean_validation is not None:
        baselines["the mean sample"] = dataset.baselines.mean_validation
    return [
        Comparison(name, baseline, mse / baseline)
        for name, baseline in baselines.items()
        if baseline > 0
    ]


def trial_view(study: Study, trial: Trial, best: Trial | None) -> TrialView:
    """Everything computed for the trial page."""
    config = config_of(study, trial)
    other = config_of(study, best) if best is not None else {}
    searched = distributions(study.resolved.space)
    names = sorted({*config, *other}, key=lambda name: (name not in searched, name))
    metrics = trial.metrics
    known = sorted({*metrics.train, *metrics.validation}) if metrics else []
    known = [name for name in known if is_metric(name)]
    objective = study.resolved.aims.objectives[0].metric
    known.sort(key=lambda name: name != objective)
    progress = study.progress
    return TrialView(
        parameters=[
            ParameterRow(
                name=name,
                value=config.get(name),
                best=other.get(name),
                searched=name in searched or name == FAMILY,
                differs=best is not None and config.get(name) != other.get(name),
            )
            for name in names
        ],
        metrics=[
            (name, metrics.train.get(name), metrics.validation.get(name))
            for name in known
            if metrics
        ],
        is_best=best is not None and best.number == trial.number,
        last=progress.queued + progress.running + progress.done - 1,
        live=study.state not in TERMINAL_STUDY_STATES,
    )


def config_of(study: Study, trial: Trial) -> Mapping[str, Scalar]:
    """Every parameter of a trial, fixed and defaulted ones too; `family` where it is searched."""
    config = complete_config(study.resolved, trial.family, trial.params)
    return {FAMILY: trial.family, **config} if study.resolved.family_is_searched else config
