"""What the study page says about selection: which config is the best on fresh seeds, and luck."""

from typing import NamedTuple

from service.domain.confirmed import Confirmation, ConfirmedConfig, confirmation_of
from service.domain.records import Analysis, Study
from service.domain.scales import NO_SHARES, PSNR
from service.domain.states import StudyState


class ConfigRow(NamedTuple):
    """One config that was trained again."""

    config: ConfirmedConfig
    verdict: str


class SelectionView(NamedTuple):
    """How far it is, or what came of it."""

    done: int
    planned: int
    parts: list[str]
    """The studies that hold the repetitions."""
    note: str
    metric: str
    seeds: list[int]
    rows: list[ConfigRow]
    optimism: list[str]
    """Sentences on luck with the seed and with the split."""
    interval: tuple[float, float] | None
    """Of the objective on the test part."""


def selection_view(study: Study, progress: Analysis | None) -> SelectionView | None:
    """None before the search has ended, and where there is no selection."""
    found = confirmation_of(study)
    metric = study.resolved.aims.objectives[0].metric
    if found is None:
        if study.state is not StudyState.SELECTING or progress is None:
            return None
        data = progress.data
        return SelectionView(
            data["done"], data["planned"], data["parts"], "", metric, [], [], [], None
        )
    ends = ((study.summary or {}).get("interval") or {}).get(metric)
    repeats = sum(len(config.values) for config in found.configs)
    return SelectionView(
        done=repeats,
        planned=repeats,
        parts=found.confirmations,
        note=found.note,
        metric=metric,
        seeds=list(range(1, 1 + max(len(config.values) for config in found.configs))),
        rows=[ConfigRow(config, _verdict(config, found)) for config in found.configs],
        optimism=[
            sentence
            for sentence in (
                _optimism(
                    metric, found.seed_optimism, found.best, "Seed", "confirmed beside search value"
                ),
                _optimism(
                    metric, found.split_optimism, found.best, "Split", "test beside confirmed value"
                ),
            )
            if sentence
        ],
        interval=None if ends is None else (float(ends[0]), float(ends[1])),
    )


def _verdict(config: ConfirmedConfig, found: Confirmation) -> str:
    if not config.came_through:
        return "a seed did not come through"
    if not config.feasible:
        return "beyond a bound on average"
    if config.trial == found.winner:
        return "won: the knee of the means" if found.several else "won"
    if found.several:
        return "another compromise"
    return "indistinguishable" if config.indistinguishable else "worse"


def _optimism(
    metric: str, value: float | None, best: ConfirmedConfig | None, name: str, meaning: str
) -> str | None:
    """Positive is worse than what was believed."""
    if value is None or best is None or not best.mean:
        return None
    unit = " dB" if metric == PSNR else ""
    share = "" if metric in NO_SHARES else f"{abs(value / best.mean):.1%} "
    side = "worse than it had looked" if value > 0 else "better than it had looked"
    return f"{name} optimism {value:+.3g}{unit} ({share}{side}): {meaning}."
