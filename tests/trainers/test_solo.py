"""A family of one's own: a plain convolutional module behind the protocol of an array."""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.trainers.conftest import DIGITS, ArrayData
from tests.trainers.test_families import assert_same_end, finished
from trainers import registry
from trainers.base import Config, FitPlan, Slot
from trainers.evaluation import score
from trainers.knobs import Knob, whole
from trainers.loop import ArrayRun
from trainers.params import TrainingParams
from trainers.plain.base import PlainModel
from trainers.plain.given import Given
from trainers.problem import Problem
from trainers.registry import Family
from trainers.solo import SoloArray

PLAN = FitPlan(4, 1, None, "mse", "minimize")


class ConvParams(TrainingParams):
    channels: Annotated[int, Knob("optimisation", whole(1, 512), "Channels.")] = 6


class Conv(PlainModel):
    def __init__(self, problem: Mapping[str, Any], config: Config) -> None:
        super().__init__(problem, config)
        channels = int(config["channels"])
        self.down = nn.Conv2d(1, channels, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout(0.05)
        self.up = nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1)

    def encode(self, given: Given) -> Tensor:
        image = given.start.view(-1, 1, *self.shape)
        return torch.relu(self.norm(self.down(image)))

    def decode(self, code: Tensor) -> Tensor:
        image: Tensor = self.up(self.drop(code))
        return image.flatten(1)

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        return 0.5 * (self.estimate(given) - target).square().sum(1).mean()


class ConvArray(SoloArray):
    params_class = ConvParams

    @classmethod
    def make_plain(cls, config: Config, problem: Problem) -> PlainModel:
        return Conv(problem.to_json(), config)


def count(config: Mapping[str, Any], problem: Problem) -> int:
    return sum(parameter.numel() for parameter in Conv(problem.to_json(), config).parameters())


FAMILY = Family(
    name="conv",
    title="Convolutional autoencoder",
    description="A test's own family.",
    params=ConvParams,
    array=f"{__name__}:ConvArray",
    plain=__name__,
    count_parameters=count,
)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    point = EntryPoint("conv", f"{__name__}:FAMILY", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    registry.families.cache_clear()
    yield
    registry.families.cache_clear()


def slots(count: int) -> list[Slot]:
    return [
        Slot(trial, 50 + trial, ConvParams(learning_rate=1e-3 * (1 + trial)).model_dump())
        for trial in range(count)
    ]


def test_it_trains_and_its_checkpoint_replays(few_digits: ArrayData, tmp_path: Path) -> None:
    reports, ends = finished(ArrayRun("conv", slots(2), few_digits, PLAN))
    assert reports[-1].validation["mse"] < reports[0].validation["mse"]
    end = ends[1]
    assert end.weights is not None
    assert end.validation is not None
    save_file(end.weights, tmp_path / "w.safetensors")
    slot = slots(2)[1]
    found = score(
        "conv", slot.config, tmp_path / "w.safetensors", few_digits.validation, slot.seed, DIGITS
    )
    assert found == pytest.approx(end.validation, rel=1e-5)


def test_a_trial_is_the_same_alone_in_company_and_after_taking_up_again(
    few_digits: ArrayData, tmp_path: Path
) -> None:
    _, ends = finished(ArrayRun("conv", slots(3), few_digits, PLAN))
    _, alone = finished(ArrayRun("conv", slots(3)[1:2], few_digits, PLAN))
    assert_same_end(alone[0], ends[1])
    run = ArrayRun("conv", slots(3), few_digits, PLAN)
    run.run_epoch()
    run.save(tmp_path / "state.safetensors")
    again = ArrayRun.load(tmp_path / "state.safetensors", "conv", slots(3)[1:], few_digits, PLAN)
    _, rest = finished(again)
    assert_same_end(rest[0], ends[1])
    assert_same_end(rest[1], ends[2])
