"""The part of the registry about overfitting."""

from typing import Any

from dashboards.figures.figure import Figure
from dashboards.figures.gap_against_parameters import (
    draw_gaps,
    prepare_gaps,
    summarise_gaps,
    tabulate_gaps,
)
from dashboards.figures.train_against_validation import (
    draw_train_against_validation,
    prepare_train_against_validation,
    summarise_train_against_validation,
    tabulate_train_against_validation,
)

OVERFITTING: dict[str, Figure[Any]] = {
    "train_against_validation": Figure(
        title="Train against validation: points away from the diagonal do not generalise",
        group="overfitting",
        needs=frozenset({"trials"}),
        prepare=prepare_train_against_validation,
        draw=draw_train_against_validation,
        summarise=summarise_train_against_validation,
        tabulate=tabulate_train_against_validation,
    ),
    "gap_against_parameters": Figure(
        title="Gap against parameters: what narrows the gap between train and validation?",
        group="overfitting",
        needs=frozenset({"trials"}),
        prepare=prepare_gaps,
        draw=draw_gaps,
        summarise=summarise_gaps,
        tabulate=tabulate_gaps,
    ),
}
