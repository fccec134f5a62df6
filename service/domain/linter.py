"""What is unwise about a study: said before it starts, once its data is known, and at its end.

A rule is a function that yields notices; it stands in one line of one of the tuples below.
"""

from collections.abc import Sequence

from service.domain.aims import best_trials
from service.domain.catalog import Catalog
from service.domain.data_rules import DATA_RULES
from service.domain.doing_nothing import TaskBaseline, warn_of_worse_than_nothing
from service.domain.model_rules import MODEL_RULES
from service.domain.records import DataHeader, Dataset, Notice, Trial
from service.domain.result_rules import RESULT_RULES
from service.domain.search_rules import SEARCH_RULES
from service.domain.spec import ResolvedSpec
from service.domain.task_rules import TASK_RULES


def lint_spec(resolved: ResolvedSpec, catalog: Catalog, header: DataHeader) -> list[Notice]:
    """What the spec and the size of the data show, before anything is read."""
    rules = (*SEARCH_RULES, *MODEL_RULES, *TASK_RULES)
    return [notice for rule in rules for notice in rule(resolved, catalog, header)]


def lint_data(resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset) -> list[Notice]:
    """What the stored data shows: collapse ahead, values that a loss cannot take, leaks."""
    return [notice for rule in DATA_RULES for notice in rule(resolved, catalog, dataset)]


def lint_result(
    resolved: ResolvedSpec,
    catalog: Catalog,
    trials: Sequence[Trial],
    nothing: TaskBaseline | None = None,
) -> list[Notice]:
    """What the finished trials show: ranges to widen, winners that collapsed or did nothing."""
    notices = [notice for rule in RESULT_RULES for notice in rule(resolved, catalog, trials)]
    if nothing is None:
        return notices
    metric = catalog.metrics.get(nothing.judged_by(resolved.aims))
    if metric is not None:
        winner = next(iter(best_trials(resolved.aims, trials)), None)
        notices += warn_of_worse_than_nothing(nothing, metric, winner)
    return notices
