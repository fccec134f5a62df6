"""The catalog: complete, consistent, torch-free, open to other packages."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import ValidationError

from service.domain.catalog import ParameterEntry
from service.domain.space import contains
from tests.trainers.conftest import config_of
from trainers import registry
from trainers.params import AutoencoderParams, VaeParams
from trainers.registry import BUILT_IN, catalog, families, find_family, load_family, signature

FAMILIES = sorted(families())
SHARED = {
    "learning_rate",
    "batch_size",
    "weight_decay",
    "dropout",
    "hidden_width",
    "depth",
    "latent_dim",
    "activation",
    "norm",
    "optimizer",
    "schedule",
    "loss",
    "sigma",
    "ssim_weight",
    "architecture",
    "channels",
    "stages",
    "augment_flip",
    "augment_shift",
    "augment_crop",
    "augment_noise",
}


def test_the_catalog_loads_no_torch() -> None:
    script = (
        "import sys; from trainers.registry import catalog; catalog();"
        "assert not {'torch', 'optuna', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_parameters_are_those_of_the_contract() -> None:
    assert set(catalog().families["autoencoder"].parameters) == SHARED
    assert set(catalog().families["vae"].parameters) == SHARED | {"beta", "warm_up", "free_bits"}


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_and_default_ranges_lie_in_what_is_allowed(family: str) -> None:
    for entry in catalog().families[family].parameters.values():
        knob = find_family(family).params.knobs()[entry.name]
        assert knob.accepts(entry.default), entry.name
        if entry.default_range is not None:
            edges = getattr(entry.default_range, "choices", None)
            edges = edges or [entry.default_range.low, entry.default_range.high]  # type: ignore[union-attr]
            assert all(contains(entry.allowed, edge) for edge in edges), entry.name


@pytest.mark.parametrize("family", FAMILIES)
def test_what_defines_the_objective_is_not_searched_by_default(family: str) -> None:
    entries = catalog().families[family].parameters
    for entry in entries.values():
        if entry.role != "optimisation":
            assert entry.default_range is None, entry.name
    objective = {name for name, entry in entries.items() if entry.role == "objective"}
    # Whatever weighs a term of the loss; `loss` itself where another term stands beside it.
    weights = {"beta", "warm_up", "free_bits", "sparsity_target", "commitment"} & set(entries)
    weights |= {name for name in entries if name.endswith("_weight")} - {"ssim_weight"}
    if weights:
        weights |= {"loss", "sigma", "ssim_weight"} & set(entries)
    assert objective == weights


@pytest.mark.parametrize("family", FAMILIES)
def test_the_metrics_of_a_family_are_in_the_catalog(family: str) -> None:
    assert set(catalog().families[family].metrics) <= set(catalog().metrics)


@pytest.mark.parametrize("family", FAMILIES)
def test_trials_share_an_array_exactly_when_their_structure_is_the_same(family: str) -> None:
    base = signature(family, config_of(family))
    for entry in catalog().families[family].parameters.values():
        for other in other_values(entry)[:1]:
            changed = signature(family, config_of(family, **{entry.name: other}))
            assert (changed == base) == entry.per_slot, entry.name


def other_values(entry: ParameterEntry) -> list[Any]:
    """Those besides its default; none where a family leaves no choice (sigma_vae's beta)."""
    choices = getattr(entry.allowed, "choices", None)
    ends = choices or [entry.allowed.low, entry.allowed.high]  # type: ignore[union-attr]
    return [value for value in ends if value != entry.default]


def test_a_config_is_checked_before_it_is_trained() -> None:
    good = config_of("vae")
    assert VaeParams.model_validate(good | {"beta": 1, "sigma": 0.5}).beta == 1
    bad: list[dict[str, Any]] = [
        {"dropout": 0.95},
        {"depth": 1.5},
        {"sigma": "guessed"},
        {"loss": "hinge"},
        {"latent_dim": 0},
        {"unknown": 1},
        {"learning_rate": float("nan")},
        {"warm_up": True},
    ]
    for change in bad:
        with pytest.raises(ValidationError):
            VaeParams.model_validate(good | change)
    with pytest.raises(ValidationError):
        AutoencoderParams.model_validate(good)


def test_an_unknown_family_is_named_beside_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no family 'gan'; there are autoencoder, "):
        load_family("gan")


def with_entry_point(monkeypatch: pytest.MonkeyPatch, family: object) -> None:
    monkeypatch.setattr(sys.modules[__name__], "INSTALLED", family)
    point = EntryPoint("mine", f"{__name__}:INSTALLED", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    registry.families.cache_clear()


INSTALLED: object = None


@pytest.fixture
def fresh_registry() -> Any:
    yield
    registry.families.cache_clear()


def test_an_installed_package_adds_a_family(
    monkeypatch: pytest.MonkeyPatch, fresh_registry: None
) -> None:
    with_entry_point(monkeypatch, replace(BUILT_IN[0], name="mine"))
    assert list(families()) == [*(family.name for family in BUILT_IN), "mine"]
    assert signature("mine", config_of("autoencoder")).startswith("mine ")


def test_an_entry_point_that_is_no_new_family_is_refused(
    monkeypatch: pytest.MonkeyPatch, fresh_registry: None
) -> None:
    with_entry_point(monkeypatch, "a string")
    with pytest.raises(TypeError, match="is not a trainers Family"):
        families()
    with_entry_point(monkeypatch, BUILT_IN[0])
    with pytest.raises(ValueError, match="there is already a family 'autoencoder'"):
        families()
