"""The part of the registry about one trial."""

from typing import Any

from dashboards.figures.code_use import (
    draw_code_use,
    prepare_code_use,
    summarise_code_use,
    tabulate_code_use,
)
from dashboards.figures.epoch_terms import (
    draw_epoch_terms,
    prepare_loss_terms,
    prepare_training_signals,
    summarise_epoch_terms,
    tabulate_epoch_terms,
)
from dashboards.figures.error_map import (
    draw_error_map,
    prepare_error_map,
    summarise_error_map,
    tabulate_error_map,
)
from dashboards.figures.figure import Figure
from dashboards.figures.hardest import (
    draw_hardest,
    prepare_hardest,
    summarise_hardest,
    tabulate_hardest,
)
from dashboards.figures.latent_scatter import (
    draw_latent_scatter,
    prepare_latent_scatter,
    summarise_latent_scatter,
    tabulate_latent_scatter,
)
from dashboards.figures.latent_traversal import (
    draw_latent_traversal,
    prepare_latent_traversal,
    summarise_latent_traversal,
    tabulate_latent_traversal,
)
from dashboards.figures.latent_units import (
    draw_latent_units,
    prepare_latent_units,
    summarise_latent_units,
    tabulate_latent_units,
)
from dashboards.figures.prior_samples import (
    draw_prior_samples,
    prepare_prior_samples,
    summarise_prior_samples,
    tabulate_prior_samples,
)
from dashboards.figures.samples import (
    draw_samples,
    prepare_samples,
    summarise_samples,
    tabulate_samples,
)
from dashboards.figures.trial_curves import (
    draw_trial_curves,
    prepare_trial_curves,
    summarise_trial_curves,
    tabulate_trial_curves,
)

OF_TRIAL: dict[str, Figure[Any]] = {
    "trial_curves": Figure(
        title="Train and validation: does the gap open, and where does it turn?",
        group="overfitting",
        needs=frozenset({"trial"}),
        prepare=prepare_trial_curves,
        draw=draw_trial_curves,
        summarise=summarise_trial_curves,
        tabulate=tabulate_trial_curves,
    ),
    "reconstructions": Figure(
        title="Reconstructions: what does the model lose, and where?",
        group="pictures",
        needs=frozenset({"trial", "pictures"}),
        prepare=prepare_samples,
        draw=draw_samples,
        summarise=summarise_samples,
        tabulate=tabulate_samples,
    ),
    "hardest": Figure(
        title="Hardest samples: what do they have in common?",
        group="pictures",
        needs=frozenset({"trial", "pictures"}),
        prepare=prepare_hardest,
        draw=draw_hardest,
        summarise=summarise_hardest,
        tabulate=tabulate_hardest,
    ),
    "error_map": Figure(
        title="Error by place: where does the model err on validation?",
        group="generative",
        needs=frozenset({"trial", "evidence"}),
        prepare=prepare_error_map,
        draw=draw_error_map,
        summarise=summarise_error_map,
        tabulate=tabulate_error_map,
        shows="error_map/best",
    ),
    "latent_scatter": Figure(
        title="Latent space: do the codes spread, or do they clump?",
        group="generative",
        needs=frozenset({"trial", "evidence", "pictures"}),
        prepare=prepare_latent_scatter,
        draw=draw_latent_scatter,
        summarise=summarise_latent_scatter,
        tabulate=tabulate_latent_scatter,
        shows="latent/best",
    ),
    "latent_traversal": Figure(
        title="Latent traversal: does a unit have a meaning of its own?",
        group="generative",
        needs=frozenset({"trial", "evidence"}),
        prepare=prepare_latent_traversal,
        draw=draw_latent_traversal,
        summarise=summarise_latent_traversal,
        tabulate=tabulate_latent_traversal,
        shows="traversal/best",
    ),
    "prior_samples": Figure(
        title="Samples from the prior: does the decoder know more than it has seen?",
        group="generative",
        needs=frozenset({"trial", "evidence"}),
        prepare=prepare_prior_samples,
        draw=draw_prior_samples,
        summarise=summarise_prior_samples,
        tabulate=tabulate_prior_samples,
        shows="prior/best",
    ),
    "latent_units": Figure(
        title="KL per latent unit: which units carry information?",
        group="generative",
        needs=frozenset({"trial", "evidence"}),
        prepare=prepare_latent_units,
        draw=draw_latent_units,
        summarise=summarise_latent_units,
        tabulate=tabulate_latent_units,
        shows="kl_per_unit/best",
    ),
    "code_use": Figure(
        title="Codebook use: are most of the codes alive?",
        group="generative",
        needs=frozenset({"trial", "evidence"}),
        prepare=prepare_code_use,
        draw=draw_code_use,
        summarise=summarise_code_use,
        tabulate=tabulate_code_use,
        shows="codes/best",
    ),
    "loss_terms": Figure(
        title="Loss terms and other metrics: does one of them win at the cost of another?",
        group="training",
        needs=frozenset({"trial"}),
        prepare=prepare_loss_terms,
        draw=draw_epoch_terms,
        summarise=summarise_epoch_terms,
        tabulate=tabulate_epoch_terms,
    ),
    "training_signals": Figure(
        title="Learning rate and gradient norm: is the optimiser calm?",
        group="training",
        needs=frozenset({"trial"}),
        prepare=prepare_training_signals,
        draw=draw_epoch_terms,
        summarise=summarise_epoch_terms,
        tabulate=tabulate_epoch_terms,
    ),
}
