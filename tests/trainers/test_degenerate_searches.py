"""What the families' own declarations make of searches that reconstruction alone would spoil."""

import re
from typing import Any

import pytest
import yaml

from service.domain.data import DataHeader
from service.domain.linter import lint_spec
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from service.errors import FieldError, InvalidSpec
from trainers.problem import Problem
from trainers.registry import catalog, find_family

IMAGES = DataHeader(samples=1797, shape=[8, 8], dtype="uint8", bytes=115_008, kind="image")
PENALISED = [
    "wae_mmd", "rae", "sparse_autoencoder", "contractive_autoencoder", "aae", "bigan", "vq_vae",
]  # fmt: skip
HIDDEN_WEIGHTS: dict[str, dict[str, Any]] = {
    "sigma": {"loss": "gaussian", "sigma": {"type": "float", "low": 0.01, "high": 1, "log": True}},
    "loss": {"loss": {"type": "categorical", "choices": ["mse", "bce", "l1"]}},
    "ssim_weight": {"loss": "ssim_mix", "ssim_weight": {"type": "float", "low": 0, "high": 1}},
}
"""Parameter -> a space that searches it."""


def resolved(family: str, space: dict[str, Any], objective: Any) -> ResolvedSpec:
    document = {
        "name": "degenerate", "dataset": {"name": "digits"}, "family": family, "space": space,
        "objective": objective,
    }  # fmt: skip
    return resolve(StudySpec.model_validate(document), catalog(), IMAGES)


def errors_of(family: str, space: dict[str, Any], objective: Any) -> list[FieldError]:
    with pytest.raises(InvalidSpec) as caught:
        resolved(family, space, objective)
    return caught.value.errors


@pytest.mark.parametrize("name", HIDDEN_WEIGHTS)
@pytest.mark.parametrize("family", PENALISED)
def test_the_size_of_the_reconstruction_is_a_weight_where_a_penalty_stands_beside_it(
    family: str, name: str
) -> None:
    [error] = errors_of(family, HIDDEN_WEIGHTS[name], {"metric": "mse"})
    assert error.pointer == f"/space/{name}"
    assert "degenerate" in error.reason
    assert f"fix {name}" in error.remedy


@pytest.mark.parametrize("name", HIDDEN_WEIGHTS)
@pytest.mark.parametrize("family", ["autoencoder", "denoising_autoencoder"])
def test_it_weighs_nothing_where_there_is_nothing_else(family: str, name: str) -> None:
    study = resolved(family, HIDDEN_WEIGHTS[name], {"metric": "mse"})
    assert "capacity-without-cost" in {n.code for n in lint_spec(study, catalog(), IMAGES)}


SEVERAL_CODES = {"codes": {"type": "int", "low": 2, "high": 4096}}
PRICED = [{"metric": "mse"}, {"metric": "parameters"}]


def notices(family: str, space: dict[str, Any], objective: Any) -> list[str]:
    study = resolved(family, space, objective)
    found = lint_spec(study, catalog(), IMAGES)
    return [notice.remedy for notice in found if notice.code == "capacity-without-cost"]


def test_a_larger_codebook_has_a_price_in_parameters() -> None:
    sizes = [
        catalog().count_used(
            "vq_vae", find_family("vq_vae").params(codes=codes).model_dump(),
            Problem("image", (8, 8)).to_json(),
        )
        for codes in (2, 4096)
    ]  # fmt: skip
    assert sizes[1] - sizes[0] == 4094 * 4
    assert not notices("vq_vae", SEVERAL_CODES, PRICED)
    assert notices("vq_vae", SEVERAL_CODES, {"metric": "mse"})
    use = {"metric": "code_perplexity", "direction": "maximize"}
    assert notices("vq_vae", SEVERAL_CODES, [{"metric": "mse"}, use])


@pytest.mark.parametrize("name", HIDDEN_WEIGHTS)
def test_what_makes_no_model_larger_has_no_price_in_parameters(name: str) -> None:
    [remedy] = notices("autoencoder", HIDDEN_WEIGHTS[name], PRICED)
    assert "parameters" not in remedy
    assert remedy.startswith(f"fix {name}, or read the trials as a curve")


@pytest.mark.parametrize("axis", ["parameters", "macs", "latency_seconds"])
def test_positions_of_a_code_have_a_price_where_the_network_has_them(axis: str) -> None:
    space = {
        "architecture": {"type": "categorical", "choices": ["mlp", "conv"]},
        "latents": {"type": "int", "low": 2, "high": 64, "when": {"architecture": ["mlp"]}},
    }
    assert not notices("vq_vae", space, [{"metric": "mse"}, {"metric": axis}])


MOST_CODES = {"direction": "maximize"}
RATES = {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}


@pytest.mark.parametrize("metric", ["code_perplexity", "codes_used"])
def test_the_use_of_a_codebook_says_nothing_of_what_a_model_can_do(metric: str) -> None:
    [error] = errors_of("vq_vae", RATES, {"metric": metric, **MOST_CODES})
    assert error.pointer == "/objective"
    assert "reconstructs nothing" in error.reason
    ways = re.findall(r"(\[.*?\]|\{.*\})(?:, or|$)", error.remedy)
    assert len(ways) == 2
    for way in ways:
        study = resolved("vq_vae", RATES, yaml.safe_load(way))
        assert study.aims.ranking.metric == "loss"
    with pytest.raises(InvalidSpec):
        resolved("vq_vae", RATES, [{"metric": metric, **MOST_CODES}, {"metric": "parameters"}])


@pytest.mark.parametrize("metric", ["code_perplexity", "codes_used"])
def test_the_use_of_a_codebook_is_no_likelihood_that_pays_for_a_weight(metric: str) -> None:
    weight = {"commitment": {"type": "float", "low": 0.0, "high": 1.0}}
    bound = {"metric": "mse", "subject_to": [{"metric": metric, "at_least": 10}]}
    for objective in (bound, [{"metric": "mse"}, {"metric": metric, **MOST_CODES}]):
        [error] = errors_of("vq_vae", weight, objective)
        assert error.pointer == "/space/commitment"
    assert resolved("vq_vae", RATES, bound).aims.ranking.metric == "mse"


PAID_FOR = [
    [{"metric": "mse"}, {"metric": "kl"}],
    {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 20}]},
    {"metric": "elbo", "direction": "maximize"},
]


@pytest.mark.parametrize("objective", [{"metric": "mse"}, *PAID_FOR], ids=str)
def test_no_rate_pays_for_a_discriminator(objective: Any) -> None:
    """Its weight has one way out, whose remedy does not name what would be refused again."""
    weight = {"adversarial_weight": {"type": "float", "low": 0.001, "high": 0.5, "log": True}}
    [error] = errors_of("vae_gan", weight, objective)
    assert error.pointer == "/space/adversarial_weight"
    assert ("no rate prices it" in error.reason) == (objective in PAID_FOR)
    assert error.remedy == "fix adversarial_weight, and make one study for each of its values"


@pytest.mark.parametrize("objective", PAID_FOR, ids=str)
def test_the_rate_pays_for_what_weighs_the_kl_term_beside_a_discriminator(objective: Any) -> None:
    weight = {"beta": {"type": "float", "low": 0.1, "high": 4}}
    assert "beta" in resolved("vae_gan", weight, objective).space


def test_a_similarity_above_1_is_no_bound() -> None:
    bound = {"metric": "mse", "subject_to": [{"metric": "ssim", "at_least": 1.5}]}
    [error] = errors_of("autoencoder", RATES, bound)
    assert error.pointer == "/objective/subject_to/0"
    assert "ssim is never above 1, and this asks for ssim >= 1.5" in error.reason
