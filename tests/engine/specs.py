"""Resolved specs and small made-up objectives for the search tests."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from service.domain.datasets import BuiltInDataset
from service.domain.grid import count_cells
from service.domain.objectives import Objective
from service.domain.space import Params
from service.domain.spec import FamilyChoices, ResolvedSpec
from service.domain.states import TrialState
from service.domain.strategies import Budget, NoPruner, Parallel, Training
from service.engine.cohorts import planned_cohorts
from service.engine.proposals import Proposal, Told, propose

FLAT = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.3, "step": 0.1},
    "hidden_width": {"type": "int", "low": 32, "high": 256, "log": True},
    "latent_dim": {"type": "int", "low": 4, "high": 16, "step": 4},
    "batch_size": {"type": "categorical", "choices": [64, 128]},
    "norm": {"type": "categorical", "choices": ["none"]},
    "depth": 1,
}
CONDITIONAL = {
    "optimizer": {"type": "categorical", "choices": ["adam", "sgd"]},
    "momentum": {"type": "float", "low": 0.5, "high": 0.99, "when": {"optimizer": ["sgd"]}},
    "weight_decay": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "beta": {"type": "float", "low": 0.1, "high": 1.0, "when": {"family": ["vae"]}},
}
BOWL = {
    "x": {"type": "float", "low": -5.0, "high": 5.0},
    "y": {"type": "float", "low": -5.0, "high": 5.0},
}


def resolved(**changes: Any) -> ResolvedSpec:
    """A resolved spec; `sampler`, `pruner` and `space` may be plain dictionaries."""
    families = changes.pop("families", ["autoencoder"])
    trials = changes.pop("trials", 24)
    cohort_size = changes.pop("cohort_size", 4)
    in_flight = changes.pop("in_flight", 2)
    direction = changes.pop("direction", "minimize")
    sampler = {"type": "tpe", **changes.pop("sampler", {})}
    if sampler["type"] in ("tpe", "gp"):
        sampler.setdefault("startup_trials", 5)
    fields: dict[str, Any] = {
        "name": "search",
        "dataset": BuiltInDataset(name="digits"),
        "family": families[0] if len(families) == 1 else FamilyChoices(choices=families),
        "objective": Objective(metric="mse", direction=direction),
        "space": FLAT,
        "training": Training(epochs=30, first_eligible_epoch=1),
        "sampler": sampler,
        "pruner": NoPruner(),
        "budget": Budget(trials=trials),
        "parallel": Parallel(cohort_size=cohort_size, cohorts_in_flight=in_flight),
        "defaults": {family: {} for family in families},
        "rungs": [],
        **changes,
    }
    spec = ResolvedSpec.model_validate(fields)
    if sampler["type"] == "grid":  # as resolve does: a grid has no more trials than cells
        cells = count_cells(spec.space, spec.families)
        return spec.model_copy(update={"budget": Budget(trials=min(trials, cells))})
    return spec


def mixed_loss(params: Params) -> float:
    """Some deterministic number of the params, whatever they are."""
    total = 0.0
    for name, value in sorted(params.items()):
        if isinstance(value, str):
            total += len(value) / 10
        elif name in ("learning_rate", "weight_decay"):
            total += (math.log10(float(value)) + 3.0) ** 2
        else:
            total += math.sin(float(value))
    return total


def bowl(params: Params) -> float:
    """A quadratic with its minimum of 0 at (1, -2)."""
    return (float(params["x"]) - 1.0) ** 2 + (float(params["y"]) + 2.0) ** 2


def run_search(
    spec: ResolvedSpec,
    loss: Callable[[Params], float] = mixed_loss,
    end: Callable[[Proposal, float], tuple[TrialState, float | None]] | None = None,
    history: Sequence[Told] = (),
) -> list[Told]:
    """A whole study without training, from wherever `history` ends; cohorts fall in order."""
    told = list(history)
    first = 1 + max((trial.cohort for trial in told), default=-1)
    for cohort in range(first, planned_cohorts(spec)):
        for proposal in propose(spec, told, cohort):
            value = loss(proposal.params)
            state, kept = end(proposal, value) if end else (TrialState.COMPLETE, value)
            told.append(Told(proposal.number, cohort, proposal.params, state, kept))
    return told
