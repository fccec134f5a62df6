"""What noise does to samples: image and number noise, holes, and noise on tokens."""

import math

import torch
from torch import Tensor

from trainers.draws import Draws, coin, hits, per_slot, whole_numbers
from trainers.problem import Problem

NOISE_KINDS = ("gaussian", "salt_and_pepper", "masked", "token_drop", "token_swap")
END = 1
"""Token ids up to this one stay where they are: padding, and the end of the text."""
DROPPED = 3
"""The token that stands where one was dropped."""


def add_noise(
    problem: Problem,
    target: Tensor,
    kind: str,
    level: Tensor | float,
    fill: Tensor,
    draws: Draws,
) -> Tensor:
    """Noisy samples [K, n, F] of clean ones; `level` is one number, or one of every slot [K].

    gaussian: added, with `level` as its standard deviation, to numeric columns only;
    unclipped. The other kinds hit a share `level` of the elements: salt_and_pepper sets numbers
    to the ends of the range, masked sets pixels to 0 and columns of a table to their mean
    (Vincent et al. 2008), token_drop puts the mask token, token_swap exchanges neighbours (both
    after Hill, Cho & Korhonen 2016, who delete where we mask, so that lengths stay).
    """
    if kind == "gaussian":
        noise = draws.normal("task.gaussian", problem.features) * per_slot(level)
        numeric = _numeric(problem, target)
        return target + (noise if numeric is None else noise * numeric)
    if kind == "salt_and_pepper":
        drawn = draws.fractions("task.salt", problem.features)
        rate = per_slot(level)
        salted = torch.where(drawn < rate / 2, problem.high, target)
        return torch.where(drawn > 1 - rate / 2, problem.low, salted)
    if kind == "masked":
        hit = spread(problem, hits(draws, "task.masked", sites(problem), level))
        return torch.where(hit, fill if problem.kind == "table" else fill.new_zeros(()), target)
    if kind == "token_drop":
        drop = hits(draws, "task.drop", problem.features, level) & (target > END)
        return torch.where(drop, float(DROPPED), target)
    if kind == "token_swap":
        return _swap_neighbours(target, level, draws)
    raise ValueError(f"no noise {kind!r}: there are {', '.join(NOISE_KINDS)}")


def draw_known(problem: Problem, draws: Draws) -> Tensor:
    """1 where a value is known and 0 in the hole, [K, n, F], by the mask of the task.

    All channels of a pixel, and the whole span of a table's column, are hidden together.
    """
    task = problem.task
    assert task.share is not None
    if task.mask == "random":
        hidden = hits(draws, "task.holes", sites(problem), task.share)
    elif task.mask == "block":
        hidden = _block(problem, task.share, draws)
    elif task.mask == "half":
        hidden = _half(problem, draws)
    else:
        raise ValueError(f"no mask {task.mask!r}: there are random, block, half")
    return (~spread(problem, hidden)).float()


def sites(problem: Problem) -> int:
    """How many things a sample has that are hidden as one: pixels, columns, or numbers."""
    if problem.kind == "image":
        return problem.height * problem.width
    return len(problem.columns) or problem.features


def spread(problem: Problem, hidden: Tensor) -> Tensor:
    """What is hidden as one, for every number of the sample: [..., sites] -> [..., F]."""
    if problem.kind == "image":
        return hidden.repeat_interleave(problem.channels, dim=-1)
    if problem.columns:
        widths = torch.tensor([column.width for column in problem.columns], device=hidden.device)
        return hidden.repeat_interleave(widths, dim=-1)
    return hidden


def _numeric(problem: Problem, like: Tensor) -> Tensor | None:
    """1 for the numbers of a table's numeric columns, [F]; None where all are."""
    if all(column.kind == "numeric" for column in problem.columns):
        return None
    numeric = [
        float(column.kind == "numeric") for column in problem.columns for _ in range(column.width)
    ]
    return like.new_tensor(numeric)


def _block(problem: Problem, share: float, draws: Draws) -> Tensor:
    """One rectangle of about the share of the pixels, anywhere inside, [K, n, H * W]."""
    height, width = problem.height, problem.width
    tall = min(max(round(height * math.sqrt(share)), 1), height)
    wide = min(max(round(share * height * width / tall), 1), width)
    top = whole_numbers(draws, "task.top", 1, height - tall + 1)[..., None]  # [K, n, 1, 1]
    left = whole_numbers(draws, "task.left", 1, width - wide + 1)[..., None]
    rows = torch.arange(height, device=top.device)[:, None]
    columns = torch.arange(width, device=top.device)
    inside = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return inside.flatten(-2)


def _half(problem: Problem, draws: Draws) -> Tensor:
    """The upper, lower, left or right half, [K, n, H * W]."""
    height, width = problem.height, problem.width
    side = whole_numbers(draws, "task.side", 1, 4)[..., None]  # [K, n, 1, 1]
    second = side % 2 == 1
    lower = torch.arange(height, device=side.device)[:, None] >= height // 2
    right = torch.arange(width, device=side.device) >= width // 2
    across = (lower == second).expand(*side.shape[:2], height, width)
    along = (right == second).expand(*side.shape[:2], height, width)
    return torch.where(side < 2, across, along).flatten(-2)


def _swap_neighbours(tokens: Tensor, level: Tensor | float, draws: Draws) -> Tensor:
    """Pairs that do not overlap change places, each with probability `level`; [K, n, L].

    The pairs of a sample begin at its first or second token, by a coin, so that any two
    neighbours can meet. A pair with padding or the end in it stays.
    """
    length = tokens.shape[-1]
    if length < 2:
        return tokens
    place = torch.arange(length, device=tokens.device)
    late = coin(draws, "task.parity").long()  # [K, n, 1]
    partner = place + 1 - 2 * ((place - late) % 2)  # the other one of the pair
    fits = (partner >= 0) & (partner < length)
    partner = partner.clamp(0, length - 1)
    opens = torch.minimum(place.expand_as(partner), partner)
    drawn = draws.fractions("task.swap", length).gather(-1, opens)  # both ask the pair's first
    other = tokens.gather(-1, partner)
    swap = fits & (drawn < per_slot(level)) & (tokens > END) & (other > END)
    return torch.where(swap, other, tokens)
