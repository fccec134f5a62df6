"""Training images mirrored, moved, cropped, and noise on what models see (train only)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.plain.corruption import Draws, per_model
from trainers.plain.given import Given

FIELDS = ("augment_flip", "augment_shift", "augment_crop", "augment_noise")


@dataclass(frozen=True)
class Augmentation:
    """How much to augment: one number each, or one of every model, [K]."""

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
    """Whether any model does so; told once, so that no step waits for a device."""

    def samples(self, problem: Mapping[str, Any], target: Tensor, draws: Draws) -> Tensor:
        """Other images of the same kind, [..., n, F]; samples that are no images stay."""
        if problem["kind"] != "image" or not self.moves:
            return target
        height, width, channels = (*problem["shape"], 1)[:3]
        images = target.reshape(*target.shape[:-1], height, width, channels)
        rows = self._places(draws, "row", height)
        columns = self._places(draws, "column", width)
        mirrored = draws.fractions("augment.flip", 1) < per_model(self.flip)
        columns = torch.where(mirrored, columns.flip(-1), columns)
        return _look_up(_look_up(images, rows, -3), columns, -2).reshape(target.shape)

    def given(self, given: Given, draws: Draws) -> Given:
        """What models see, with noise on it; holes stay marked."""
        if not self.noises:
            return given

        def noisy(values: Tensor, site: str) -> Tensor:
            return values + draws.normal(site, values.shape[-1]) * per_model(self.noise)

        low = None if given.low is None else noisy(given.low, "augment.low")
        return given._replace(start=noisy(given.start, "augment.noise"), low=low)

    def _places(self, draws: Draws, axis: str, side: int) -> Tensor:
        """Where each pixel of an axis comes from, [..., n, side], in pixels of the original."""
        crop, shift = per_model(self.crop), per_model(self.shift)
        kept = 1 - draws.fractions(f"augment.crop.{axis}", 1) * crop
        free = draws.fractions(f"augment.place.{axis}", 1) * (1 - kept) * side
        drawn = (draws.fractions(f"augment.shift.{axis}", 1) * (2 * shift + 1)).floor()
        move = torch.minimum(drawn, torch.as_tensor(2 * shift)) - shift
        pixel = torch.arange(side, device=kept.device) + 0.5
        # Exactly the pixel's own place without a crop: then the values are copies, to the bit.
        return (pixel * kept + free - 0.5 - move).clamp(0, side - 1)


def augmentation_of(
    configs: Mapping[str, Any] | Sequence[Mapping[str, Any]], device: torch.device
) -> Augmentation | None:
    """What a configuration, or each of several, asks for; None: nothing."""
    several = [configs] if isinstance(configs, Mapping) else list(configs)
    asked = [[float(config.get(name, 0.0)) for name in FIELDS] for config in several]
    if not any(any(each) for each in asked):
        return None
    table = torch.tensor(asked, device=device).T
    flip, shift, crop, noise = table[:, 0] if isinstance(configs, Mapping) else table
    return Augmentation(
        flip / 2,
        shift,
        crop,
        noise,
        moves=any(any(each[:3]) for each in asked),
        noises=any(each[3] for each in asked),
    )


def _look_up(images: Tensor, places: Tensor, dim: int) -> Tensor:
    """Pixels of one axis at fractional places, linear between neighbours; [..., n, H, W, C]."""
    before = places.floor()
    share = places - before
    first = before.long()
    second = (first + 1).clamp(max=images.shape[dim] - 1)
    shape = [*images.shape[:-3], 1, 1, 1]
    shape[dim] = images.shape[dim]

    def take(index: Tensor) -> Tensor:
        return images.gather(dim, index.reshape(shape).expand(images.shape))

    left = take(first)
    return left + share.reshape(shape) * (take(second) - left)
