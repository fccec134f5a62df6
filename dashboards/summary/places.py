"""Where a sentence leads, in a word or two."""

from dashboards.figures import FIGURES
from service.domain.study_summary import SummarySentence

PLACES = {
    "#selection": "On fresh seeds",
    "#revisions": "Revisions",
    "#trials": "Trials",
    "#specs": "Spec",
    "?state=FAILED#trials": "failed trials",
    "?state=DIVERGED#trials": "diverged trials",
}
"""The parts of a study's page that sentences lead to."""


def say_place(sentence: SummarySentence) -> str:
    """`Importance`: the head of the figure's title, or the name of the part of the page."""
    if sentence.figure is None:
        return PLACES[sentence.anchor]
    return FIGURES[sentence.figure].title.partition(":")[0]
