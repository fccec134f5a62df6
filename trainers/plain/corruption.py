"""What a task takes away from samples: noise on numbers and tokens, holes, resolution.

Samples are the last two axes, [..., n, F]; a level is one number, or one for each model before
them, [K].
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from trainers.plain.given import Given
from trainers.plain.resampling import enlarge, shrink

NOISE_KINDS = ("gaussian", "salt_and_pepper", "masked", "token_drop", "token_swap")
END = 1
"""Token ids up to this one stay where they are: padding, and the end of the text."""
DROPPED = 3
"""The token that stands where one was dropped."""


class Draws(Protocol):
    """Random numbers for a group of samples. Two draws of one width have names of their own."""

    def normal(self, site: str, width: int) -> Tensor:
        """Standard normal, [..., n, width]."""

    def fractions(self, site: str, width: int) -> Tensor:
        """Uniform in (0, 1), [..., n, width]."""


class GeneratorDraws:
    """Draws of a torch generator (None: the global one), for samples like these [n, F]."""

    def __init__(self, like: Tensor, generator: torch.Generator | None = None) -> None:
        self._like = like
        self._generator = generator

    def normal(self, site: str, width: int) -> Tensor:
        """See Draws."""
        return self._draw(torch.randn, width)

    def fractions(self, site: str, width: int) -> Tensor:
        """See Draws."""
        return self._draw(torch.rand, width)

    def _draw(self, kind: Any, width: int) -> Tensor:
        drawn = kind(len(self._like), width, generator=self._generator, dtype=self._like.dtype)
        return cast(Tensor, drawn.to(self._like.device))


def take_away(problem: Mapping[str, Any], target: Tensor, fill: Tensor, draws: Draws) -> Given:
    """What a model is given of samples [..., n, F]; `fill` [F] stands in for what is missing."""
    task = problem["task"]
    if task["kind"] == "reconstruct":
        return Given(target)
    if task["kind"] == "super_resolve":
        size = (*(*problem["shape"], 1)[:3], task["factor"])
        low = shrink(target, *size)
        return Given(enlarge(low, *size), low=low)
    if task["kind"] == "denoise":
        return Given(add_noise(problem, target, task["noise"], task["level"], fill, draws))
    known = draw_known(problem, draws)
    return Given(torch.where(known > 0, target, fill), known=known)


def add_noise(
    problem: Mapping[str, Any],
    target: Tensor,
    kind: str,
    level: Tensor | float,
    fill: Tensor,
    draws: Draws,
) -> Tensor:
    """Noisy samples of clean ones.

    gaussian: added, with `level` as its standard deviation, unclipped. The other kinds hit a
    share `level` of the elements: salt_and_pepper sets numbers to the ends of the range, masked
    sets pixels to 0 and columns of a table to their mean (Vincent et al. 2008), token_drop puts
    the mask token, token_swap exchanges neighbours (both after Hill, Cho & Korhonen 2016, who
    delete where we mask, so that lengths stay). The first two leave a table's categories alone.
    """
    features = math.prod(problem["shape"])
    rate = per_model(level)
    if kind == "gaussian":
        noise = draws.normal("task.gaussian", features) * rate
        numeric = _numeric(problem, target)
        return target + (noise if numeric is None else noise * numeric)
    if kind == "salt_and_pepper":
        drawn = draws.fractions("task.salt", features)
        salted = torch.where(drawn < rate / 2, problem["high"], target)
        noisy = torch.where(drawn > 1 - rate / 2, problem["low"], salted)
        numeric = _numeric(problem, target)
        return noisy if numeric is None else torch.where(numeric > 0, noisy, target)
    if kind == "masked":
        hit = spread(problem, draws.fractions("task.masked", sites(problem)) < rate)
        return torch.where(hit, fill if problem["kind"] == "table" else fill.new_zeros(()), target)
    if kind == "token_drop":
        drop = (draws.fractions("task.drop", features) < rate) & (target > END)
        return torch.where(drop, float(DROPPED), target)
    if kind == "token_swap":
        return _swap_neighbours(target, rate, draws)
    raise ValueError(f"no noise {kind!r}: there are {', '.join(NOISE_KINDS)}")


def draw_known(problem: Mapping[str, Any], draws: Draws) -> Tensor:
    """1 where a value is known and 0 in the hole, [..., n, F], by the mask of the task.

    All channels of a pixel, and the whole span of a table's column, are hidden together.
    """
    mask, share = problem["task"]["mask"], float(problem["task"]["share"])
    if mask == "random":
        hidden = draws.fractions("task.holes", sites(problem)) < share
    elif mask == "block":
        hidden = _block(problem["shape"], share, draws)
    elif mask == "half":
        hidden = _half(problem["shape"], draws)
    else:
        raise ValueError(f"no mask {mask!r}: there are random, block, half")
    return (~spread(problem, hidden)).float()


def sites(problem: Mapping[str, Any]) -> int:
    """How many things a sample has that are hidden as one: pixels, columns, or numbers."""
    if problem["kind"] == "image":
        return int(problem["shape"][0] * problem["shape"][1])
    return len(problem["columns"]) or math.prod(problem["shape"])


def spread(problem: Mapping[str, Any], hidden: Tensor) -> Tensor:
    """What is hidden as one, for every number of the sample: [..., sites] -> [..., F]."""
    if problem["kind"] == "image":
        return hidden.repeat_interleave((*problem["shape"], 1)[2], dim=-1)
    if problem["columns"]:
        widths = [column["width"] for column in problem["columns"]]
        return hidden.repeat_interleave(torch.tensor(widths, device=hidden.device), dim=-1)
    return hidden


def per_model(level: Tensor | float) -> Tensor | float:
    """A number of every model, [K], in the shape that meets [K, n, F]."""
    return level[..., None, None] if isinstance(level, Tensor) and level.dim() else level


def whole_numbers(draws: Draws, site: str, count: int) -> Tensor:
    """A uniform whole number in [0, count) for every sample, int64 [..., n, 1]."""
    drawn = (draws.fractions(site, 1) * count).long()
    return drawn.clamp(max=count - 1)  # the product may round up to count


def _numeric(problem: Mapping[str, Any], like: Tensor) -> Tensor | None:
    """1 for the numbers of a table's numeric columns, [F]; None where all are."""
    columns = problem["columns"]
    if all(column["kind"] == "numeric" for column in columns):
        return None
    widths = [(column["kind"] == "numeric", column["width"]) for column in columns]
    return like.new_tensor([float(numeric) for numeric, width in widths for _ in range(width)])


def _block(shape: Sequence[int], share: float, draws: Draws) -> Tensor:
    """One rectangle of about the share of the pixels, anywhere inside, [..., n, H * W]."""
    height, width = shape[:2]
    tall = min(max(round(height * math.sqrt(share)), 1), height)
    wide = min(max(round(share * height * width / tall), 1), width)
    top = whole_numbers(draws, "task.top", height - tall + 1)[..., None]  # [..., n, 1, 1]
    left = whole_numbers(draws, "task.left", width - wide + 1)[..., None]
    rows = torch.arange(height, device=top.device)[:, None]
    columns = torch.arange(width, device=top.device)
    inside = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return inside.flatten(-2)


def _half(shape: Sequence[int], draws: Draws) -> Tensor:
    """The upper, lower, left or right half, [..., n, H * W]."""
    height, width = shape[:2]
    side = whole_numbers(draws, "task.side", 4)[..., None]  # [..., n, 1, 1]
    second = side % 2 == 1
    lower = torch.arange(height, device=side.device)[:, None] >= height // 2
    right = torch.arange(width, device=side.device) >= width // 2
    size = (*side.shape[:-2], height, width)
    across, along = (lower == second).expand(size), (right == second).expand(size)
    return torch.where(side < 2, across, along).flatten(-2)


def _swap_neighbours(tokens: Tensor, rate: Tensor | float, draws: Draws) -> Tensor:
    """Pairs that do not overlap change places, each with the probability `rate`; [..., n, L].

    The pairs of a sample begin at its first or second token, by a coin, so that any two
    neighbours can meet. A pair with padding or the end in it stays.
    """
    length = tokens.shape[-1]
    if length < 2:
        return tokens
    place = torch.arange(length, device=tokens.device)
    late = whole_numbers(draws, "task.parity", 2)  # [..., n, 1]
    partner = place + 1 - 2 * ((place - late) % 2)  # the other one of the pair
    fits = (partner >= 0) & (partner < length)
    partner = partner.clamp(0, length - 1)
    opens = torch.minimum(place.expand_as(partner), partner)
    drawn = draws.fractions("task.swap", length).gather(-1, opens)  # both ask the pair's first
    other = tokens.gather(-1, partner)
    swap = fits & (drawn < rate) & (tokens > END) & (other > END)
    return torch.where(swap, other, tokens)
