"""Edit distance of token sequences (Levenshtein 1966), for many pairs at once."""

import torch
from torch import Tensor

PAD, END = 0, 1


def lengths(ids: Tensor) -> Tensor:
    """[N, T] -> [N]: tokens before the first END or padding."""
    over = (ids == END) | (ids == PAD)
    found = over.long().argmax(1)
    return torch.where(over.any(1), found, torch.full_like(found, ids.shape[1]))


def edit_distances(left: Tensor, right: Tensor) -> Tensor:
    """[N, T] and [N, S] -> [N]: insertions, deletions and replacements from one to the other.

    The table is filled row by row for all pairs together. Within a row insertions depend on one
    another; a running minimum of `entry - column` resolves them at once.
    """
    left_lengths, right_lengths = lengths(left), lengths(right)
    columns = torch.arange(right.shape[1] + 1, device=left.device)
    row = columns.expand(len(left), -1)
    found = row.gather(1, right_lengths[:, None]).squeeze(1)
    for index in range(left.shape[1]):
        replaced = row[:, :-1] + (left[:, index, None] != right)
        best = torch.minimum(row[:, 1:] + 1, replaced)
        first = torch.full_like(best[:, :1], index + 1)
        row = (torch.cat([first, best], dim=1) - columns).cummin(1).values + columns
        here = row.gather(1, right_lengths[:, None]).squeeze(1)
        found = torch.where(left_lengths == index + 1, here, found)
    return found
