"""What the sentences are computed from, and what each of them answers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dashboards.figures.frame import ENDED, StudyFrame
from dashboards.rivals import Rival
from dashboards.views import Comparison
from service.domain.catalog import Catalog
from service.domain.records import Analysis, Revision, Study
from service.domain.study_summary import SummarySentence, Tone, Topic


class Facts(NamedTuple):
    """One study as its page knows it; the frame holds trials, scores, baselines, importance."""

    study: Study
    frame: StudyFrame
    catalog: Catalog
    comparisons: Sequence[Comparison] = ()
    """The best model beside the baselines of the data."""
    rival: Rival | None = None
    """The best model beside doing nothing, where the task has such a rival."""
    failures: Mapping[str, int] = {}
    """Failed trials by the kind of their failure."""
    revisions: Sequence[Revision] = ()
    """Earlier results, oldest first."""
    repeats: Analysis | None = None
    """How far the repetitions of the best configs are."""

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.frame.study.over

    @property
    def metric(self) -> str:
        """The first objective."""
        return self.frame.study.aims.objectives[0].name

    @property
    def ended(self) -> list[int]:
        """Positions of the trials that ended, by number."""
        return [i for i, state in enumerate(self.frame.trials.state) if state in ENDED]


class Said(NamedTuple):
    """A sentence, and how urgent what it suggests is: 0 comes first."""

    sentence: SummarySentence
    urgency: int = 0
    """Of no account where the sentence has no next step."""


def say(
    topic: Topic,
    text: str,
    where: str,
    numbers: Mapping[str, int | float],
    *,
    tone: Tone = "plain",
    next_step: str | None = None,
    urgency: int = 0,
) -> Said:
    """A sentence; `where` is the name of a figure, or a place on the page (`#...`, `?...`)."""
    on_page = where.startswith(("#", "?"))
    return Said(
        SummarySentence(
            topic=topic,
            text=text,
            figure=None if on_page else where,
            anchor=where if on_page else f"#figure-{where}",
            numbers=dict(numbers),
            tone=tone,
            next_step=next_step,
        ),
        urgency,
    )


def percent(share: float) -> str:
    """0.614 as `61 %`, 0.0042 as `0.42 %`: two digits below a tenth."""
    size = abs(share)
    if size < 0.0005:
        return "under 0.1 %" if share else "0 %"
    return f"{100 * share:.0f} %" if size >= 0.095 else f"{100 * share:.2g} %"


def count(number: int, noun: str) -> str:
    """`1 trial`, `24 trials`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"
