"""Training images mirrored, moved, cropped, and noise on what models see (train only)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from trainers.draws import Draws, StepDraws, coin
from trainers.image_params import ImageAugmentation
from trainers.knobs import FamilyParams
from trainers.noise import Noise
from trainers.plain.given import Given
from trainers.problem import Problem


@dataclass(frozen=True)
class Augmentation:
    """How much each slot augments, [K] each; what no slot wants costs nothing."""

    flip: Tensor
    """Probability of a mirror image."""
    shift: Tensor
    """Largest move in pixels."""
    crop: Tensor
    """Largest share that is cut off a side."""
    noise: Tensor
    """Standard deviation."""
    moves: bool
    noises: bool
    """Whether any slot does so; told once, so that no step waits for a device."""

    @classmethod
    def of(cls, params: Sequence[FamilyParams], device: torch.device) -> Self | None:
        """What the slots ask for; None: none of them asks for anything."""
        asked = [
            (each.augment_flip / 2, each.augment_shift, each.augment_crop, each.augment_noise)
            for each in params
            if isinstance(each, ImageAugmentation)
        ]
        if not any(any(each) for each in asked):
            return None
        flip, shift, crop, noise = torch.tensor(asked, dtype=torch.float32, device=device).unbind(1)
        return cls(
            flip,
            shift,
            crop,
            noise,
            moves=any(any(each[:3]) for each in asked),
            noises=any(each[3] for each in asked),
        )

    def samples(self, problem: Problem, target: Tensor, noise: Noise, step: int) -> Tensor:
        """Other images of the same kind, [K, B, F]; samples that are no images stay."""
        if problem.kind != "image" or not self.moves:
            return target
        draws = StepDraws(noise, step, target.shape[1])
        images = target.view(*target.shape[:2], problem.height, problem.width, problem.channels)
        rows = self._places(draws, "row", problem.height)
        columns = self._places(draws, "column", problem.width)
        mirrored = coin(draws, "augment.flip", self.flip)
        columns = torch.where(mirrored, columns.flip(-1), columns)
        images = _look_up(images, rows, 2)
        return _look_up(images, columns, 3).reshape(target.shape)

    def given(self, given: Given, noise: Noise, step: int) -> Given:
        """What models see, with noise on it; holes stay marked."""
        if not self.noises:
            return given
        draws = StepDraws(noise, step, given.start.shape[1])

        def noisy(values: Tensor, site: str) -> Tensor:
            return values + draws.normal(site, values.shape[-1]) * self.noise[:, None, None]

        low = None if given.low is None else noisy(given.low, "augment.low")
        return given._replace(start=noisy(given.start, "augment.noise"), low=low)

    def _places(self, draws: Draws, axis: str, side: int) -> Tensor:
        """Where each pixel of an axis comes from, [K, B, side], in pixels of the original."""
        kept = 1 - draws.fractions(f"augment.crop.{axis}", 1) * self.crop[:, None, None]
        free = draws.fractions(f"augment.place.{axis}", 1) * (1 - kept) * side
        reach = 2 * self.shift[:, None, None] + 1
        drawn = (draws.fractions(f"augment.shift.{axis}", 1) * reach).floor()
        move = torch.minimum(drawn, reach - 1) - self.shift[:, None, None]
        pixel = torch.arange(side, device=kept.device) + 0.5
        # Exactly the pixel's own place without a crop: then the values are copies, to the bit.
        return (pixel * kept + free - 0.5 - move).clamp(0, side - 1)


def _look_up(images: Tensor, places: Tensor, dim: int) -> Tensor:
    """Pixels of one axis at fractional places, linear between neighbours; [K, B, H, W, C]."""
    before = places.floor()
    share = places - before
    first = before.long()
    second = (first + 1).clamp(max=images.shape[dim] - 1)
    shape = [*images.shape[:2], 1, 1, 1]
    shape[dim] = images.shape[dim]
    size = images.shape

    def take(index: Tensor) -> Tensor:
        return images.gather(dim, index.view(shape).expand(size))

    left = take(first)
    return left + share.view(shape) * (take(second) - left)
