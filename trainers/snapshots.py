"""What every live slot makes of the shown validation samples, at some epochs of its training."""

from collections.abc import Callable, Container, Mapping, Sequence

import torch
from torch import Tensor

from trainers.base import ModelArray, Slot
from trainers.evaluation import Samples, load_twin
from trainers.problem import Problem

MOST = 12
"""Epochs of a plan: more are no use under a slider, and each costs K small passes."""
DENSEST = 4
"""At most every fourth epoch and two more: K passes are dear beside an epoch of a small array."""
MOST_BYTES = 6 * 2**20
"""Of one trial. They lie in memory and in every saved state, once for each slot."""


def snapshot_epochs(epochs: int, shown_bytes: int) -> tuple[int, ...]:
    """At which epochs of a plan of `epochs` pictures are taken: the first, the last, some between.

    Each is further from the one before by the same factor, since models change most at first.
    At most MOST, which a plan of 40 epochs has; `shown_bytes`: of the samples that are shown,
    together. Where MOST_BYTES hold fewer than MOST of them (eight samples of more than 64 KiB)
    there are fewer epochs, and where they do not hold two (more than 384 KiB) there are none:
    one picture is no series, and those at the best and the last epoch are kept anyway.
    """
    count = min(MOST, 2 + epochs // DENSEST, MOST_BYTES // shown_bytes)
    if count < 2:
        return ()
    chosen = [1]
    for left in range(count - 1, 0, -1):
        if chosen[-1] < epochs:
            step = (epochs / chosen[-1]) ** (1 / left)
            chosen.append(max(chosen[-1] + 1, round(chosen[-1] * step)))
    return tuple(chosen)


class Snapshots:
    """Estimates of the same samples by each of K slots, [K, n, F], at each epoch so far.

    Made by the plain twin of each slot, alone, so that a trial's company changes nothing; torch's
    random numbers are left where they were.
    """

    def __init__(
        self,
        family: type[ModelArray],
        slots: Sequence[Slot],
        problem: Problem,
        epochs: int,
        shown: Samples,
    ) -> None:
        self.epochs: list[int] = []
        """Those that pictures were taken at, ascending."""
        self._family, self._slots, self._problem = family, list(slots), problem
        self._shown = shown
        self._due = snapshot_epochs(epochs, 4 * shown.target.numel())
        self._taken: list[Tensor] = []

    @torch.no_grad()
    def take(
        self, epoch: int, state_of: Callable[[int], dict[str, Tensor]], diverged: Container[int]
    ) -> None:
        """Take pictures after an epoch, where it is one of those; `state_of` a slot's row.

        Diverged slots have none, and are to be left out by `select`.
        """
        if epoch in self._due:
            taken = [
                torch.zeros_like(self._shown.target)
                if row in diverged
                else self._estimate(slot, state_of(row))
                for row, slot in enumerate(self._slots)
            ]
            self.epochs.append(epoch)
            self._taken.append(torch.stack(taken))

    def _estimate(self, slot: Slot, state: dict[str, Tensor]) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(slot.seed)  # for a family of one's own that draws
            twin = self._family.plain_twin(slot.config, self._problem)
            load_twin(twin, state)
            return twin.estimate(self._shown.given).float()

    def of(self, row: int, shape: Sequence[int]) -> dict[str, Tensor]:
        """A slot's `snapshots` [E, n, *shape] and `snapshot_epochs` [E], int64; empty for E = 0."""
        if not self.epochs:
            return {}
        series = torch.stack([taken[row] for taken in self._taken])
        return {
            "snapshots": series.reshape(len(self.epochs), -1, *shape),
            "snapshot_epochs": torch.tensor(self.epochs, dtype=torch.int64),
        }

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these slots only, in their order."""
        self._slots = [self._slots[row] for row in rows]
        self._taken = [taken[list(rows)] for taken in self._taken]

    def tensors(self) -> dict[str, Tensor]:
        """What a saved state holds beside `epochs`: [K, E, n, F]."""
        return {"snapshots": torch.stack(self._taken, 1)} if self._taken else {}

    def restore(self, epochs: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `tensors`, of the slots that go on."""
        self.epochs = list(epochs)
        self._taken = list(tensors["snapshots"].cpu().unbind(1)) if self.epochs else []
