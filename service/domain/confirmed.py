"""Records of a selection: the configs on fresh seeds, the winner, and what was luck."""

from collections.abc import Mapping
from typing import Any

from service.domain.model import Record
from service.domain.states import TERMINAL_STUDY_STATES
from service.domain.studies import Study


class ModelReference(Record):
    """The trial whose weights are the answer."""

    study: str
    trial: int


class ConfirmedConfig(Record):
    """One config on fresh seeds."""

    trial: int
    """The trial of the search that it repeats."""
    search: float | None
    """What that reached, on the first objective."""
    values: list[float | None]
    """By seed, on the first objective; null: no result."""
    mean: float | None
    """None where a seed has no value."""
    sd: float | None
    means: dict[str, float] = {}
    """Of every objective and constraint."""
    parameters: float | None
    feasible: bool
    """Whether its means keep the constraints (and one of its models does), and it came through."""
    came_through: bool = True
    """Whether every seed that counts gave a result."""
    difference: float | None = None
    """By how much its mean is worse than the winner's; negative: better (of several objectives)."""
    difference_se: float | None = None
    """Its standard error, from what is left when config and seed are taken out (two-way layout)."""
    indistinguishable: bool = False
    """Whether the difference is within its 95 % interval (Student's t)."""


class Confirmation(Record):
    """What came of a selection."""

    confirmations: list[str]
    """The studies that repeated the configs."""
    metric: str
    """The first objective."""
    seeds: int
    """Those that count."""
    failures: list[str] = []
    """Why others do not: crashes that say nothing of a config."""
    several: list[str] = []
    """The objectives, where there are several: the winner is the knee of their means."""
    resplit: bool = False
    pooled_sd: float | None
    """Standard deviation over seeds, pooled over the configs."""
    configs: list[ConfirmedConfig]
    """Best first."""
    winner: int | None
    """None: no config came through, and the best search value stands."""
    searched: int
    """The trial with the best search value (of several objectives, the knee)."""
    seed_optimism: float | None
    """By how much the winner's mean is worse than its search value (whatever the direction of the
    metric); positive: the search flattered it. With resplit that of its validation split, too. Null
    where the searched trial was stopped before its end."""
    split_optimism: float | None = None
    """By how much the test value is worse than the mean; positive: worse on what was never seen."""
    model: ModelReference | None
    """The winner's median seed."""
    note: str

    @property
    def best(self) -> ConfirmedConfig | None:
        """The winner's config."""
        return next((config for config in self.configs if config.trial == self.winner), None)


def result_of(study: Study) -> Mapping[str, Any]:
    """What the end of a study wrote down: its own, or, where an extension came to nothing, the
    one before it (`revision` says which). Empty where there is none, or not yet.
    """
    return study.summary if study.state in TERMINAL_STUDY_STATES and study.summary else {}


def confirmation_of(study: Study) -> Confirmation | None:
    """What came of the selection of a study that is over; None where there was none."""
    found = result_of(study).get("selection")
    return None if found is None else Confirmation.model_validate(found)


def describe(found: Confirmation, sign: float) -> str:
    """What the selection says, in sentences with their numbers."""
    winner = found.best
    count = f"{len(found.configs)} {'config' if len(found.configs) == 1 else 'configs'}"
    splits = " and splits" if found.resplit else ""
    head = f"The best {count} of the search trained again with {found.seeds} fresh seeds{splits} "
    lost = f" Seeds were left out: {'; '.join(found.failures)}." if found.failures else ""
    if winner is None or winner.mean is None:
        reason = "a seed diverged, or the constraints do not hold on average"
        if found.seeds < 2 and found.failures:
            reason = "too few seeds are left"
        return (
            f"{head}each: none came through ({reason}), so the best search value stands, "
            f"unconfirmed.{lost}"
        )
    if found.several:
        means = ", ".join(f"{name} {winner.means[name]:.4g}" for name in found.several)
        return f"{head}each: trial {winner.trial} is the knee of the means, {means}.{lost}"
    sd = "" if found.pooled_sd is None else f" (sd {found.pooled_sd:.2g} a seed)"
    text = f"{head}each: trial {winner.trial} has the best mean {found.metric}, "
    text += f"{winner.mean:.4g}{sd}."
    if winner.search is not None and found.seed_optimism is not None:
        luck = found.seed_optimism
        text += f" The search had found {winner.search:.4g} with one seed: "
        text += f"{abs(luck):.2g} {'too good' if luck > 0 else 'worse than it is'}."
    text += lost
    if found.searched != winner.trial:
        text += f" By search value trial {found.searched} would have won."
    alike = [config for config in found.configs if config.indistinguishable]
    if len(alike) > 1:
        smallest = min(alike, key=lambda config: (config.parameters or 0, config.trial))
        listed = ", ".join(str(config.trial) for config in alike)
        text += f" Trials {listed} are indistinguishable"
        if smallest.parameters is None or len({c.parameters for c in alike}) == 1:
            return text + "."
        text += f"; trial {smallest.trial} is the smallest, {smallest.parameters:,.0f} parameters."
    return text
