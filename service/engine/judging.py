"""What the curves of a trial say, beside the rivals that its data set has on record."""

from collections.abc import Mapping, Sequence

from service.domain.aims import Aims, Scores
from service.domain.data import TEXT_METRIC
from service.domain.doing_nothing import names_doing_nothing
from service.domain.objectives import Objective
from service.domain.overfitting import MeanSample, judge_curves
from service.domain.records import Dataset, EpochReport, Verdict
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState
from service.engine.ingestion import LATENT, ngram_validation, pca_validation


def judge_trial(
    spec: ResolvedSpec,
    dataset: Dataset,
    config: Mapping[str, Scalar],
    reports: Sequence[EpochReport],
    *,
    state: TrialState,
    best_epoch: int | None,
    stopped_early: bool,
) -> Verdict | None:
    """The verdict on a trial of this (complete) config; None where it has no epochs."""
    if not reports:
        return None
    judged = _judged(spec.aims, reports)
    metric = judged.metric
    is_mse = metric == "mse"
    # Fitted and scored on clean samples: no rivals for a model that sees noisy ones.
    is_clean = names_doing_nothing(spec.task) is None
    return judge_curves(
        reports,
        metric=metric,
        direction=judged.direction,
        state=state,
        best_epoch=best_epoch,
        first_eligible_epoch=spec.first_eligible_epoch,
        stopped_early=stopped_early,
        planned_epochs=spec.training.epochs,
        pca=pca_validation(dataset, config.get(LATENT)) if is_clean and is_mse else None,
        ngram=ngram_validation(dataset) if is_clean and metric == TEXT_METRIC else None,
        samples=min(dataset.train, dataset.validation),
        mean=_mean_sample(dataset) if is_mse else None,
    )


def _judged(aims: Aims, reports: Sequence[EpochReport]) -> Objective:
    """The metric that says how good the model is, among those that epochs have.

    What ranks the epochs where that is one (Aims.ranking); under several objectives or costs that
    is the training loss, which says little: then the first objective or constraint of worth, or
    the error that every family of the kind of data reports.
    """
    usual = (Objective(metric="mse"), Objective(metric=TEXT_METRIC))
    able = [aims.ranking] if aims.ranks_by_objective else [*aims.worth, *usual]
    return next((each for each in able if _is_reported(each.metric, reports)), aims.ranking)


def _is_reported(metric: str, reports: Sequence[EpochReport]) -> bool:
    """On both parts; SSIM is measured at every epoch only where it ranks them."""
    return any(
        report.train.get(metric) is not None and report.validation.get(metric) is not None
        for report in reports
    )


def value_of(
    spec: ResolvedSpec, ranked: float | None, validation: Scores | None, complexity: Scores | None
) -> float | None:
    """The (first) objective of a trial that ended.

    `ranked` is what workers report: the value that chose the best epoch (Aims.ranking).
    """
    aims = spec.aims
    if aims.ranks_by_objective or validation is None:
        return ranked
    return aims.scores(validation, complexity)[aims.objectives[0].metric]


def _mean_sample(dataset: Dataset) -> MeanSample | None:
    """Scores of the mean sample where train and validation metrics are measured.

    Those of the whole parts for a data set whose record is older than these figures; none of text.
    """
    known = dataset.baselines
    train, validation = known.evaluated_mean_train, known.evaluated_mean_validation
    if train is not None and validation is not None:
        errors = known.evaluated_mean_train_se, known.evaluated_mean_validation_se
        return MeanSample(train, validation, *errors)
    if known.mean_train is None or known.mean_validation is None:
        return None
    return MeanSample(known.mean_train, known.mean_validation)
