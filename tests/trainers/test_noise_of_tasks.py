"""Studies that denoise train on the noise that they are judged by."""

from typing import Any

import pytest

from service.domain.data import DataHeader
from service.domain.linter import lint_spec
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from trainers.registry import catalog

FAMILY = "denoising_autoencoder"
IMAGES = DataHeader(samples=1797, shape=[8, 8], dtype="uint8", bytes=115_008, kind="image")
OTHER = {"noise_kind": "gaussian", "latent_dim": 8}
MASKED = {"kind": "denoise", "noise": "masked", "level": 0.3}


def resolved(task: dict[str, Any], space: dict[str, Any], **fields: Any) -> ResolvedSpec:
    document = {
        "name": "noise", "dataset": {"name": "digits"}, "family": FAMILY, "task": task,
        "space": space, **fields,
    }  # fmt: skip
    return resolve(StudySpec.model_validate(document), catalog(), IMAGES)


def noise_of(study: ResolvedSpec) -> tuple[Any, Any]:
    return study.defaults[FAMILY]["noise_kind"], study.defaults[FAMILY]["noise_level"]


def codes(study: ResolvedSpec) -> set[str]:
    return {notice.code for notice in lint_spec(study, catalog(), IMAGES)}


@pytest.mark.parametrize("kind", ["gaussian", "salt_and_pepper", "masked"])
def test_it_trains_on_the_tasks_noise_unless_the_study_says_otherwise(kind: str) -> None:
    study = resolved({"kind": "denoise", "noise": kind, "level": 0.3}, {"latent_dim": 8})
    assert noise_of(study) == (kind, 0.3)
    assert "other-noise" not in codes(study)
    assert resolve(study, catalog(), IMAGES) == study


def test_a_level_that_training_does_not_know_is_left() -> None:
    loud = {"kind": "denoise", "noise": "gaussian", "level": 25.0}
    assert noise_of(resolved(loud, {"latent_dim": 8}, scaling="none")) == ("gaussian", 0.1)


def test_without_a_task_of_noise_it_is_a_regulariser_of_its_own() -> None:
    study = resolved({"kind": "reconstruct"}, {"latent_dim": 8})
    assert noise_of(study) == ("gaussian", 0.1)
    assert "other-noise" not in codes(study)


def test_another_noise_than_the_tasks_is_a_notice() -> None:
    study = resolved(MASKED, OTHER)
    assert study.defaults[FAMILY]["noise_kind"] == "gaussian"
    [found] = [n for n in lint_spec(study, catalog(), IMAGES) if n.code == "other-noise"]
    assert found.pointer == "/space/noise_kind"
    assert "judged by masked noise" in found.message
    searched = {"type": "categorical", "choices": ["gaussian", "masked"]}
    assert "other-noise" not in codes(resolved(MASKED, {"noise_kind": searched}))
    elsewhere = {"type": "categorical", "choices": ["gaussian", "salt_and_pepper"]}
    assert "other-noise" in codes(resolved(MASKED, {"noise_kind": elsewhere}))
