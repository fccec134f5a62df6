"""The part of the registry about overfitting."""

from typing import Any

from dashboards.figures.figure import Figure
from dashboards.figures.first_overfit_epoch import (
    draw_first_overfit,
    prepare_first_overfit,
    summarise_first_overfit,
    tabulate_first_overfit,
)
from dashboards.figures.gap_against_parameters import (
    prepare_gaps,
    searches_others,
    summarise_gaps,
)
from dashboards.figures.gap_over_epochs import (
    draw_gap_over_epochs,
    prepare_gap_over_epochs,
    summarise_gap_over_epochs,
    tabulate_gap_over_epochs,
)
from dashboards.figures.gap_panels import draw_gaps, tabulate_gaps
from dashboards.figures.regularisers import (
    draw_regularisers,
    prepare_regularisers,
    searches_regularisers,
    summarise_regularisers,
    tabulate_regularisers,
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
    "gap_over_epochs": Figure(
        title="Gap over epochs: from when on does validation fall behind train?",
        group="overfitting",
        needs=frozenset({"trials", "curves"}),
        prepare=prepare_gap_over_epochs,
        draw=draw_gap_over_epochs,
        summarise=summarise_gap_over_epochs,
        tabulate=tabulate_gap_over_epochs,
        applies=lambda resolved, catalog: resolved.training.epochs > 1,
    ),
    "first_overfit_epoch": Figure(
        title="First overfitted epoch: how long may a trial train?",
        group="overfitting",
        needs=frozenset({"trials"}),
        prepare=prepare_first_overfit,
        draw=draw_first_overfit,
        summarise=summarise_first_overfit,
        tabulate=tabulate_first_overfit,
        applies=lambda resolved, catalog: resolved.training.epochs > 1,
    ),
    "gap_against_regularisers": Figure(
        title="Gap against regularisers: which of them narrows the gap?",
        group="overfitting",
        needs=frozenset({"trials"}),
        prepare=prepare_regularisers,
        draw=draw_regularisers,
        summarise=summarise_regularisers,
        tabulate=tabulate_regularisers,
        applies=searches_regularisers,
    ),
    "gap_against_parameters": Figure(
        title="Gap against parameters: what else narrows the gap between train and validation?",
        group="overfitting",
        needs=frozenset({"trials"}),
        prepare=prepare_gaps,
        draw=draw_gaps,
        summarise=summarise_gaps,
        tabulate=tabulate_gaps,
        applies=searches_others,
    ),
}
