"""What the catalog says of tasks is what a study's spec takes, and what families report."""

import pytest
import torch

from service.domain.space import CategoricalDistribution, FloatDistribution
from service.domain.tasks import DenoiseTask, InpaintTask, ReconstructTask, SuperResolveTask
from trainers.doing_nothing import measure_doing_nothing
from trainers.evaluation import evaluation_samples
from trainers.plain.corruption import NOISE_KINDS
from trainers.problem import Problem
from trainers.registry import catalog, families
from trainers.tasks import Task, parse_task

SPECS = {
    spec.model_fields["kind"].default: spec
    for spec in (ReconstructTask, DenoiseTask, InpaintTask, SuperResolveTask)
}
ENTRIES = {entry.name: entry for entry in catalog().tasks}


def test_the_catalog_lists_every_task() -> None:
    assert list(ENTRIES) == list(SPECS)


@pytest.mark.parametrize("kind", SPECS)
def test_a_task_has_the_fields_and_defaults_of_its_spec(kind: str) -> None:
    spec, entry = SPECS[kind], ENTRIES[kind]
    assert [field.name for field in entry.fields] == [n for n in spec.model_fields if n != "kind"]
    for field in entry.fields:
        assert field.default == spec.model_fields[field.name].default
        if isinstance(field.allowed, CategoricalDistribution):
            for choice in field.allowed.choices:
                assert getattr(spec.model_validate({field.name: choice}), field.name) == choice
        else:
            assert isinstance(field.allowed, FloatDistribution)
            assert field.allowed.low < field.default < field.allowed.high


@pytest.mark.parametrize("kind", SPECS)
def test_the_trainers_read_the_json_of_a_spec(kind: str) -> None:
    fields = SPECS[kind]().model_dump(mode="json")
    assert parse_task(fields).to_json() == fields


def test_every_noise_that_can_be_asked_for_can_be_made() -> None:
    (noise,) = (field for field in ENTRIES["denoise"].fields if field.name == "noise")
    assert isinstance(noise.allowed, CategoricalDistribution)
    assert tuple(noise.allowed.choices) == NOISE_KINDS


def test_families_that_fill_holes_report_them_and_name_known_tasks_alone() -> None:
    for name, family in families().items():
        entry = catalog().families[name]
        assert set(family.tasks) <= set(ENTRIES)
        assert ("hole_mse" in entry.metrics) == ("inpaint" in family.tasks), name


def test_texts_have_edits_for_doing_nothing_and_no_model_figures() -> None:
    ids = torch.tensor([[4.0, 5.0, 6.0, 1.0, 0.0], [7.0, 8.0, 1.0, 0.0, 0.0]]).repeat(300, 1)
    tokens = tuple("" for _ in range(9))
    problem = Problem("text", (5,), Task("denoise", "token_drop", 0.5), tokens=tokens)
    samples = evaluation_samples(problem, ids, torch.zeros(5))
    found = measure_doing_nothing(problem, samples, torch.ones(1))
    assert found["edit_distance"] == pytest.approx(0.5, abs=0.06)
    assert 0 < found["exact_match"] < 0.3
    assert not {"loss", "token_cross_entropy", "perplexity_se"} & set(found)
