"""Which trials share an array: cut by weights, and by what the models keep between passes."""

from typing import Any

from service.domain.data import DataHeader
from service.domain.resolve import resolve
from service.domain.spec import StudySpec
from service.engine.composition import compose
from service.engine.proposals import Proposal
from tests.domain.records import dataset
from trainers.registry import catalog


def sizes_of(shape: list[int], **fields: Any) -> list[int]:
    """How many trials of a cohort of 16 are in each of its arrays."""
    spec = StudySpec.model_validate(
        {
            "name": "x",
            "dataset": {"name": "digits"},
            "space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}},
            "budget": {"trials": 16},
            "parallel": {"cohort_size": 16},
            **fields,
        }
    )
    header = DataHeader(samples=10_000, shape=shape, dtype="uint8", bytes=1, kind="image")
    resolved = resolve(spec, catalog(), header)
    stored = dataset().model_copy(update={"shape": shape, "kind": "image", "train": 8_000})
    proposals = [
        Proposal(number=number, params={"learning_rate": 1e-3}, seed=number) for number in range(16)
    ]
    trials, arrays = compose(resolved, catalog(), stored, proposals)
    assert [trial.number for trial in trials] == list(range(16))
    return [len(array.trials) for array in arrays]


def test_fully_connected_models_are_cut_by_their_weights() -> None:
    assert sizes_of([8, 8], family="vae") == [16]
    assert sizes_of([28, 28], family="autoencoder") == [4, 4, 4, 4]


def test_maps_are_cut_by_what_they_keep() -> None:
    task = {"kind": "denoise", "noise": "gaussian", "level": 0.1}
    space = {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}
    assert sizes_of([8, 8], family="super_resolution", task=task) == [11, 5]
    assert sizes_of([64, 64, 3], family="super_resolution", task=task) == [1] * 16
    small = {**space, "batch_size": 16}
    assert sizes_of([64, 64, 3], family="super_resolution", task=task, space=small) == [6, 6, 4]
