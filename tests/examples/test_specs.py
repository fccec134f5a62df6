"""The example specs say something, are valid, and do what their comments say."""

import runpy
from pathlib import Path

import pytest
import yaml

from service.domain.datasets import BuiltInDataset
from service.domain.linter import lint_spec
from service.domain.records import DataHeader
from service.domain.resolve import resolve
from service.domain.spec import StudySpec
from service.sources import header_of as headers_of
from trainers.data.headers import read_header
from trainers.data.sources import BuiltIn, Npz, Split
from trainers.registry import catalog

EXAMPLES = Path(__file__).parents[2] / "examples"
ANNOUNCED = {"family-choice-gp.yaml": {"gp-with-conditions", "families-unalike"}}
SPECS = sorted(EXAMPLES.glob("*.yaml"))


FASHION = DataHeader(
    samples=60_000, shape=[28, 28], dtype="uint8", test_samples=10_000, bytes=70_000 * 784
)


def header_of(source, split=None, roots=()):
    found = read_header(source, split or Split(), roots)
    return DataHeader(
        samples=found.samples, shape=list(found.shape), dtype=found.dtype, bytes=found.bytes
    )


@pytest.mark.parametrize("file", SPECS, ids=lambda file: file.name)
def test_an_example_spec_resolves_with_no_warning_but_those_it_announces(file):
    spec = StudySpec.model_validate(yaml.safe_load(file.read_text()))
    built_in = isinstance(spec.dataset, BuiltInDataset)
    header = headers_of(spec, []) if built_in else FASHION
    resolved = resolve(spec, catalog(), header)
    assert spec.name == file.stem
    assert resolved.trials <= 30
    codes = {notice.code for notice in lint_spec(resolved, catalog(), header)}
    assert codes == ANNOUNCED.get(file.name, set())


def test_the_specs_show_grid_tpe_and_gp():
    specs = [StudySpec.model_validate(yaml.safe_load(file.read_text())) for file in SPECS]
    assert {spec.sampler.type for spec in specs} == {"grid", "tpe", "gp"}


def test_the_spec_of_the_client_example_resolves():
    example = runpy.run_path(str(EXAMPLES / "client_example.py"))
    resolve(StudySpec.model_validate(example["SPEC"]), catalog(), header_of(BuiltIn("digits")))


def test_the_npz_example_makes_data_that_its_own_spec_can_use(tmp_path):
    import numpy as np

    example = runpy.run_path(str(EXAMPLES / "own_npz.py"))
    np.savez_compressed(tmp_path / "waves.npz", waves=example["make_waves"]())
    spec = StudySpec.model_validate(example["SPEC"])
    split = Split(*(spec.split.train, spec.split.validation, spec.split.test))
    header = header_of(Npz(spec.dataset.path, spec.dataset.key), split, [tmp_path])
    assert header.shape == [48]
    assert resolve(spec, catalog(), header).trials == 6


def test_the_spec_in_the_walk_through_resolves():
    text = (EXAMPLES / "own_npz.md").read_text()
    block = text.split("```yaml\n")[1].split("```")[0]
    header = DataHeader(samples=2000, shape=[48], dtype="float32", bytes=2000 * 48 * 4)
    assert resolve(StudySpec.model_validate(yaml.safe_load(block)), catalog(), header).trials == 6
