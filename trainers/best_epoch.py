"""Which epoch is best, and when to stop: decided for one slot on its validation metric."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from trainers.base import EarlyStopping


@dataclass(frozen=True)
class Choice:
    """The best epoch so far and its raw value; `latest`: it is the newest epoch."""

    epoch: int
    value: float
    latest: bool


@dataclass
class BestEpoch:
    """The eligible epoch with the best median of three neighbouring eligible epochs.

    At both ends of the series the window has two epochs, and the worse counts, so that one
    lucky epoch does not win (rule R4). Equal windows: the better raw value, then the earlier
    epoch. Values are kept so that lower is better.
    """

    first_eligible: int
    sign: float
    """1 to minimize, -1 to maximize."""
    recent: list[float] = field(default_factory=list)
    """The newest values, at most three."""
    epoch: int = 0
    """The newest epoch."""
    settled: tuple[float, float, int] | None = None
    """(score, value, epoch) of the best epoch whose window is complete."""

    def add(self, epoch: int, value: float) -> bool:
        """Take in an epoch. True: the epoch before it has become the best settled one."""
        if epoch < self.first_eligible:
            return False
        self.epoch = epoch
        self.recent = [*self.recent[-2:], self.sign * value]
        if len(self.recent) < 2:
            return False
        score = max(self.recent) if len(self.recent) == 2 else sorted(self.recent)[1]
        candidate = (score, self.recent[-2], epoch - 1)
        if self.settled is None or candidate < self.settled:
            self.settled = candidate
            return True
        return False

    def current(self) -> Choice | None:
        """The best epoch if the run ended now; None while no epoch was eligible."""
        if not self.recent:
            return None
        newest = (max(self.recent[-2:]), self.recent[-1], self.epoch)
        if self.settled is None or newest < self.settled:
            return Choice(self.epoch, self.sign * newest[1], latest=True)
        return Choice(self.settled[2], self.sign * self.settled[1], latest=False)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        settled = state["settled"]
        return cls(**{**state, "settled": tuple(settled) if settled is not None else None})


@dataclass
class Patience:
    """Early stopping: counts eligible epochs since the raw metric last improved."""

    rule: EarlyStopping | None
    first_eligible: int
    sign: float
    best: float = math.inf
    improved_at: int = 0

    def exhausted(self, epoch: int, value: float) -> bool:
        """Take in an epoch; whether to stop after it."""
        if self.rule is None or epoch < self.first_eligible:
            return False
        if self.sign * value < self.best - self.rule.min_delta:
            self.best = self.sign * value
            self.improved_at = epoch
        waited = epoch - self.improved_at
        return epoch >= self.rule.min_epochs and waited >= self.rule.patience

    def to_json(self) -> dict[str, Any]:
        """What changes, as JSON; infinity as null."""
        best = self.best if math.isfinite(self.best) else None
        return {"best": best, "improved_at": self.improved_at}

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `to_json`."""
        self.best = math.inf if state["best"] is None else state["best"]
        self.improved_at = state["improved_at"]
