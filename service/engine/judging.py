"""What the curves of a trial say, beside the rivals that its data set has on record."""

from collections.abc import Mapping, Sequence

from service.domain.aims import Scores
from service.domain.data import TEXT_METRIC
from service.domain.doing_nothing import names_doing_nothing
from service.domain.overfitting import judge_curves
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
    metric = spec.aims.ranking.metric
    is_mse = metric == "mse"
    # Fitted and scored on clean samples: no rivals for a model that sees noisy ones.
    is_clean = names_doing_nothing(spec.task) is None
    mean_train, mean_validation = _evaluated_means(dataset)
    return judge_curves(
        reports,
        metric=metric,
        direction=spec.aims.ranking.direction,
        state=state,
        best_epoch=best_epoch,
        first_eligible_epoch=spec.first_eligible_epoch,
        stopped_early=stopped_early,
        planned_epochs=spec.training.epochs,
        pca=pca_validation(dataset, config.get(LATENT)) if is_clean and is_mse else None,
        ngram=ngram_validation(dataset) if is_clean and metric == TEXT_METRIC else None,
        samples=min(dataset.train, dataset.validation),
        mean_train=mean_train if is_mse else None,
        mean_validation=mean_validation if is_mse else None,
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


def _evaluated_means(dataset: Dataset) -> tuple[float | None, float | None]:
    """Scores of the mean sample where train and validation metrics are measured.

    Those of the whole parts for a data set whose record is older than these figures; none of text.
    """
    known = dataset.baselines
    train, validation = known.evaluated_mean_train, known.evaluated_mean_validation
    if train is None or validation is None:
        return known.mean_train, known.mean_validation
    return train, validation
