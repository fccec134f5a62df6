"""Augmentation: other images of the same kind, keyed by slot, in training only."""

import torch
from torch import Tensor

from trainers.draws import StepDraws
from trainers.image_params import ImageAugmentation
from trainers.noise import Noise
from trainers.plain.augmentation import augmentation_of
from trainers.plain.corruption import GeneratorDraws
from trainers.plain.given import Given
from trainers.problem import Problem

CPU = torch.device("cpu")
IMAGES = Problem("image", (6, 8, 2))


Config = dict[str, bool | int | float]


def asked(**fields: bool | int | float) -> Config:
    named = {f"augment_{name}": value for name, value in fields.items()}
    return ImageAugmentation.model_validate(named).model_dump()


def augmented(
    params: list[Config], target: Tensor, problem: Problem = IMAGES, step: int = 0
) -> Tensor:
    """[B, F] -> [K, B, F] with seeds 7, 8, ... ."""
    noise = Noise(range(7, 7 + len(params)), CPU)
    noise.begin_epoch(1, 5)
    found = augmentation_of(params, CPU)
    assert found is not None
    batch = target.expand(len(params), *target.shape).contiguous()
    return found.samples(problem.fields, batch, StepDraws(noise, step, len(target)))


def pictures(count: int = 200) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, IMAGES.features, generator=generator)


def test_nothing_asked_for_is_nothing_done() -> None:
    assert augmentation_of([asked(), asked()], CPU) is None
    assert augmentation_of({}, CPU) is None


def test_half_of_the_images_are_mirrored() -> None:
    target = pictures()
    mirror = target.view(-1, 6, 8, 2).flip(2).flatten(1)
    (result,) = augmented([asked(flip=True)], target)
    same, turned = (result == target).all(1), (result == mirror).all(1)
    assert (same | turned).all()
    assert 70 < int(turned.sum()) < 130


def test_a_shift_moves_by_whole_pixels_up_to_its_reach_and_repeats_the_edge() -> None:
    target = torch.arange(6.0)[:, None, None].expand(6, 8, 2).reshape(1, -1).repeat(400, 1)
    (result,) = augmented([asked(shift=2)], target)
    rows = result.view(-1, 6, 8, 2)[:, :, 0, 0]
    moves = (rows[:, 3] - 3).tolist()
    assert set(moves) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    expected = [[min(max(row + move, 0), 5) for row in range(6)] for move in moves]
    assert rows.tolist() == expected


def test_a_crop_stays_inside_and_reaches_the_whole_image() -> None:
    target = torch.arange(8.0).expand(6, 8).unsqueeze(-1).expand(6, 8, 2).reshape(1, -1)
    (result,) = augmented([asked(crop=0.5)], target.repeat(500, 1))
    columns = result.view(-1, 6, 8, 2)[:, 2, :, 0]
    assert float(columns.min()) >= 0
    assert float(columns.max()) <= 7
    steps = columns[:, 4] - columns[:, 3]
    assert float(steps.min()) >= 0.49
    assert float(steps.max()) <= 1.0001
    assert float(columns[:, 0].max()) > 2


def test_a_slot_without_a_wish_keeps_its_images_to_the_bit_beside_one_that_has_all() -> None:
    target = pictures()
    everything = asked(flip=True, shift=3, crop=0.3, noise=0.1)
    _, untouched = augmented([everything, asked()], target)
    assert torch.equal(untouched, target)


def test_a_slot_is_augmented_alone_as_in_company() -> None:
    target = pictures()
    everything = asked(flip=True, shift=3, crop=0.3)
    together, _ = augmented([everything, asked(flip=True)], target)
    (alone,) = augmented([everything], target)
    assert torch.equal(together, alone)


def test_every_step_is_augmented_anew() -> None:
    target, wish = pictures(), [asked(crop=0.3)]
    assert not torch.equal(augmented(wish, target), augmented(wish, target, step=1))


def test_samples_that_are_no_images_stay() -> None:
    target = pictures()
    vectors = Problem("vector", (IMAGES.features,))
    (result,) = augmented([asked(flip=True, shift=4)], target, vectors)
    assert torch.equal(result, target)


def test_noise_is_on_what_models_see_and_no_hole_is_lost() -> None:
    found = augmentation_of([asked(noise=0.2), asked()], CPU)
    assert found is not None
    noise = Noise([1, 2], CPU)
    noise.begin_epoch(1, 5)
    clean = torch.zeros(2, 300, IMAGES.features)
    given = found.given(Given(clean, known=clean), StepDraws(noise, 0, 300))
    assert abs(float(given.start[0].std()) - 0.2) < 0.005
    assert torch.equal(given.start[1], clean[1])
    assert given.known is clean


def test_a_plain_twin_augments_by_a_generator_of_torch() -> None:
    target = pictures()
    mirror = target.view(-1, 6, 8, 2).flip(2).flatten(1)
    found = augmentation_of(asked(flip=True), CPU)
    assert found is not None
    result = found.samples(IMAGES.fields, target, GeneratorDraws(target, torch.Generator()))
    turned = (result == mirror).all(1)
    assert ((result == target).all(1) | turned).all()
    assert 70 < int(turned.sum()) < 130
