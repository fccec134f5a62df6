"""What single latent units change: which units, how far, and by which decoder."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dashboards.trial_files import MAX_FILE_BYTES
from tests.trainers.cases import CASES, Case
from tests.trainers.conftest import ArrayData, slots_of
from tests.trainers.test_families import finished
from trainers import registry
from trainers.base import FitPlan
from trainers.evaluation import load_twin
from trainers.evidence import SCATTERED, traverse
from trainers.loop import ArrayRun
from trainers.plain.base import PlainModel
from trainers.registry import load_family

EXAMPLES = Path(__file__).parents[2] / "examples"
PLAN = FitPlan(2, 1, None, "mse", "minimize")
NAMES = {"traversal/best", "traversal_units/best", "traversal_values/best"}
WITHOUT = {"vq_vae", "super_resolution"}
"""Codes at places of an image; no code at all."""
PLAIN_CASES = [case for case in CASES if case.architecture != "conv" or case.family == "vae"]


@pytest.mark.parametrize("case", PLAIN_CASES, ids=str)
def test_every_family_with_a_flat_code_and_a_decoder_has_one(case: Case) -> None:
    plan = FitPlan(2, 1, None, case.metric, "minimize", case.task)
    (slot,) = case.slots(1)
    run = ArrayRun(case.family, [slot], case.few, plan)
    _, (end,) = finished(run)
    assert end.evidence is not None and end.weights is not None
    assert {name for name in end.evidence if name.startswith("traversal")} == (
        set() if case.family in WITHOUT else NAMES
    )
    if case.family in WITHOUT:
        return
    moved, units, values = (
        end.evidence[f"{name}/best"]
        for name in ("traversal", "traversal_units", "traversal_values")
    )
    latent = int(slot.config["latent_dim"])
    count = min(6, latent)
    assert moved.shape == (count, 7, *case.few.shape)
    assert (moved.dtype, units.dtype, values.dtype) == (torch.float32, torch.int64, torch.float32)
    assert len(set(units.tolist())) == count
    assert (values.diff(dim=1) > 0).all()

    twin: Any = load_family(case.family).plain_twin(slot.config, run._data.problem)
    load_twin(twin, end.weights)
    with torch.no_grad():
        code = twin.latent(run._data.validation_part.first(SCATTERED).given)
        ends = np.percentile(code.double().numpy(), [2, 98], axis=0)
        for row, unit in enumerate(units.tolist()):
            expected = np.linspace(ends[0, unit], ends[1, unit], 7)
            np.testing.assert_allclose(values[row].numpy(), expected, rtol=1e-5, atol=1e-6)
            codes = code[:1].repeat(7, 1)
            codes[:, unit] = values[row]
            decoded = twin.decode(codes)
            if case.kind == "text":
                assert torch.equal(moved[row].flatten(1), decoded)
            else:
                torch.testing.assert_close(moved[row].flatten(1), decoded, rtol=1e-4, atol=1e-5)


def test_units_come_by_their_kl_where_there_is_a_posterior(few_digits: ArrayData) -> None:
    _, (end,) = finished(ArrayRun("vae", slots_of("vae", 1, beta=0.5), few_digits, PLAN))
    assert end.evidence is not None
    kl = end.evidence["kl_per_unit/best"]
    units = end.evidence["traversal_units/best"]
    assert units.tolist() == kl.argsort(descending=True)[:6].tolist()


class Sum(PlainModel):
    """A sample is the sum of its code, twice."""

    def decode_latent(self, code: Tensor) -> Tensor:
        return code.sum(1, keepdim=True).repeat(1, self.features)


def model(features: int = 2) -> Sum:
    return Sum({"kind": "vector", "shape": [features], "task": {"kind": "reconstruct"}}, {})


def test_units_come_by_the_variance_of_their_codes_else() -> None:
    # Widths 1, 30, 0 and 10: the third is always 5, and no way to go.
    code = torch.linspace(-1, 1, 101)[:, None] * torch.tensor([1.0, 30, 0, 10])
    code = code + torch.tensor([0.0, 0, 5, 0])
    found = traverse(model(), code, None)
    assert found["traversal_units"].tolist() == [1, 3, 0]
    assert found["traversal_values"][0].tolist() == pytest.approx(
        [-28.8, -19.2, -9.6, 0, 9.6, 19.2, 28.8], abs=1e-5
    )
    # The others stay at the first sample's: -1, -30, 5, -10.
    assert found["traversal"][0, 0].tolist() == pytest.approx([-34.8, -34.8])
    assert found["traversal"][2, 6].tolist() == pytest.approx([-34.04, -34.04])


def test_a_kl_outranks_the_variance() -> None:
    code = torch.linspace(-1, 1, 11)[:, None] * torch.tensor([1.0, 30, 10])
    found = traverse(model(), code, torch.tensor([2.0, 1.0, 3.0]))
    assert found["traversal_units"].tolist() == [2, 0, 1]


def test_codes_that_are_alike_or_not_flat_have_none() -> None:
    assert traverse(model(), torch.ones(9, 4), None) == {}
    assert traverse(model(), torch.full((9, 4), float("nan")), None) == {}
    assert traverse(model(), torch.rand(9, 4, 2, 2), None) == {}


def test_codes_of_any_size_are_taken() -> None:
    # torch.quantile refuses more than 16 million numbers.
    wide = traverse(model(), torch.rand(500, 40_000), None)
    assert wide["traversal"].shape == (6, 7, 2)


@pytest.mark.parametrize(
    ("side", "units"), [(64, 6), (256, 4), (288, 2), (320, 0)], ids=lambda value: str(value)
)
def test_evidence_of_large_images_stays_readable(side: int, units: int) -> None:
    features = side * side * 3
    found = traverse(model(features), torch.rand(9, 8), None)
    assert len(found.get("traversal", ())) == units
    # Beside two error maps, two times 16 draws from the prior, and what is small.
    assert units == 0 or 4 * features * (2 + 32 + 7 * units) <= 48 * 2**20


def test_all_files_of_a_trial_of_large_images_are_shown() -> None:
    rows = np.random.default_rng(0).random((20, 3 * 128 * 128), dtype=np.float32)
    data = ArrayData(rows[:12], rows[12:], (128, 128, 3))
    slots = slots_of("vae", 1, hidden_width=4, depth=1)
    _, (end,) = finished(ArrayRun("vae", slots, data, replace(PLAN, epochs=8)))
    assert end.pictures is not None and end.evidence is not None
    assert end.pictures["snapshot_epochs"].tolist() == [1, 2, 4, 8]
    for tensors in (end.pictures, end.evidence):
        assert sum(t.numel() * t.element_size() for t in tensors.values()) < MAX_FILE_BYTES / 2


@pytest.fixture
def own_vae(tmp_path: Path) -> Iterator[str]:
    """The example of a family of one's own, which can decode codes here."""
    source = tmp_path / "my_vae.py"
    source.write_text(
        (EXAMPLES / "my_vae.py").read_text()
        + "\n    def decode_latent(self, code):\n"
        + "        return self.decoder(code).reshape(-1, 8, 8)\n"
    )
    registry.use_sources([f"{source}:MyVAE"])
    yield "my_vae"
    registry.use_sources([])


def test_a_family_of_one_s_own_has_one_where_it_says_how_to_decode(
    few_digits: ArrayData, own_vae: str
) -> None:
    _, (end,) = finished(ArrayRun(own_vae, slots_of(own_vae, 1), few_digits, PLAN))
    assert end.evidence is not None
    assert end.evidence.keys() >= NAMES
    assert end.evidence["traversal/best"].shape == (6, 7, 8, 8)


def test_a_family_of_one_s_own_without_a_decoder_has_none(few_digits: ArrayData) -> None:
    registry.use_sources([f"{EXAMPLES / 'my_vae.py'}:MyVAE"])
    try:
        _, (end,) = finished(ArrayRun("my_vae", slots_of("my_vae", 1), few_digits, PLAN))
    finally:
        registry.use_sources([])
    assert end.evidence is not None and end.pictures is not None
    assert "latent/best" in end.evidence
    assert not NAMES & end.evidence.keys()
    assert end.pictures["snapshots"].shape == (2, 8, 8, 8)
