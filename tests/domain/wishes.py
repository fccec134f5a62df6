"""Hypothesis strategies: specs that the catalog of `catalog.py` can fulfil."""

from typing import Any

from hypothesis import strategies as st

from service.domain.catalog import ParameterEntry
from service.domain.space import CategoricalDistribution, FloatDistribution, IntDistribution
from tests.domain.catalog import CATALOG

CAP = 300
"""Whole numbers stay below, so that models stay small."""


def reals(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


@st.composite
def ranges(draw: st.DrawFn, entry: ParameterEntry) -> dict[str, Any]:
    """A distribution over a part of what a parameter may be."""
    allowed = entry.allowed
    if isinstance(allowed, CategoricalDistribution):
        choices = draw(st.lists(st.sampled_from(allowed.choices), min_size=1, unique=True))
        return {"type": "categorical", "choices": choices}
    if isinstance(allowed, FloatDistribution):
        ends = draw(st.lists(reals(allowed.low, allowed.high), min_size=2, max_size=2))
        low, high = sorted(ends)
        distribution: dict[str, Any] = {"type": "float", "low": low, "high": high}
        kind = draw(st.sampled_from(["plain", "log", "step"]))
        if kind == "log" and low > 0:
            distribution["log"] = True
        if kind == "step" and high > low:
            distribution["step"] = (high - low) / draw(st.integers(1, 5))
        return distribution
    low, high = sorted(draw(st.lists(wholes(allowed), min_size=2, max_size=2)))
    if draw(st.booleans()):
        return {"type": "int", "low": low, "high": high, "step": draw(st.integers(1, 50))}
    return {"type": "int", "low": low, "high": high, "log": low > 0}


def wholes(allowed: IntDistribution) -> st.SearchStrategy[int]:
    return st.integers(allowed.low, min(allowed.high, CAP))


def values(entry: ParameterEntry) -> st.SearchStrategy[Any]:
    """A single value that a parameter may take."""
    allowed = entry.allowed
    if isinstance(allowed, CategoricalDistribution):
        return st.sampled_from(allowed.choices)
    inside = (
        reals(allowed.low, allowed.high)
        if isinstance(allowed, FloatDistribution)
        else wholes(allowed)
    )
    return inside | st.sampled_from(entry.also_allowed) if entry.also_allowed else inside


@st.composite
def spaces(draw: st.DrawFn, families: list[str]) -> dict[str, Any]:
    """Ranges, values and acyclic conditions; weights of the loss are fixed (truth 1)."""
    entries = {
        name: entry
        for family in families
        for name, entry in CATALOG.families[family].parameters.items()
    }
    names = draw(st.lists(st.sampled_from(sorted(entries)), unique=True, max_size=6))
    space: dict[str, Any] = {}
    for name in names:
        fixed = entries[name].role == "objective" or (name == "loss") or draw(st.booleans())
        space[name] = draw(values(entries[name]) if fixed else ranges(entries[name]))
        parents = [
            other
            for other in space
            if other != name
            and isinstance(space[other], dict)
            and space[other]["type"] == "categorical"
        ]
        if isinstance(space[name], dict) and parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            choices = st.sampled_from(space[parent]["choices"])
            space[name]["when"] = {parent: draw(st.lists(choices, min_size=1, unique=True))}
    return space


def objectives(families: list[str]) -> st.SearchStrategy[Any]:
    """One objective, one within bounds, or several."""
    several = [{"metric": "mse"}, {"metric": "parameters"}]
    bounded = {"metric": "mae", "subject_to": [{"metric": "macs", "at_most": 1e6}]}
    found: list[Any] = [{"metric": "mae"}, bounded, several, [bounded, *several]]
    if families == ["vae"]:
        found.append([{"metric": "mse"}, {"metric": "kl"}])
    return st.sampled_from(found)


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """A StudySpec as a document."""
    families = draw(st.sampled_from([["autoencoder"], ["vae"], ["autoencoder", "vae"]]))
    epochs = draw(st.integers(1, 60))
    wish: dict[str, Any] = {
        "name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._+\-]{0,119}", fullmatch=True)),
        "dataset": {"name": "digits"},
        "family": families[0] if len(families) == 1 else {"choices": families},
        "space": draw(spaces(families)),
        "training": {"epochs": epochs},
        "sampler": {"type": draw(st.sampled_from(["random", "tpe", "gp"]))},
        "seed": draw(st.integers(0, 2**63 - 1)),
    }
    optional = {
        "scaling": st.sampled_from(["none", "unit", "standard"]),
        "budget": st.fixed_dictionaries({"trials": st.none() | st.integers(1, 500)}),
        "pruner": st.none()
        | st.just({"type": "none"})
        | st.fixed_dictionaries(
            {
                "type": st.just("halving"),
                "reduction_factor": st.integers(2, 16),
                "min_epochs": st.integers(1, 40),
            }
        )
        | st.fixed_dictionaries(
            {"type": st.just("median"), "interval": st.just("auto") | st.integers(1, 9)}
        ),
        "parallel": st.fixed_dictionaries(
            {"cohort_size": st.just("auto") | st.integers(1, 64)},
        ),
        "trial_seed": st.none() | st.integers(0, 2**63 - 1),
    }
    for key, strategy in optional.items():
        if draw(st.booleans()):
            wish[key] = draw(strategy)
    if wish["space"].get("loss") == "bce" and wish.get("scaling") == "standard":
        wish["scaling"] = "unit"  # of probabilities
    if not wish.get("pruner") and draw(st.booleans()):
        wish["objective"] = draw(objectives(families))
    if draw(st.booleans()):
        wish["training"]["early_stopping"] = draw(
            st.none() | st.fixed_dictionaries({"patience": st.integers(1, 9)})
        )
    return wish
