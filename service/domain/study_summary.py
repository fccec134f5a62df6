"""Records of what a study says in plain language."""

from typing import Literal

from pydantic import ConfigDict

from service.domain.model import Record

Tone = Literal["good", "warn", "bad", "plain"]
Topic = Literal[
    "progress",
    "failures",
    "constraints",
    "front",
    "best",
    "improvement",
    "overfitting",
    "parameters",
    "edge",
    "luck",
    "test",
    "revision",
]


class SummarySentence(Record):
    """One sentence, the numbers in it, and where they are shown."""

    topic: Topic
    text: str
    """At most 25 words."""
    figure: str | None
    """The figure that shows it, as in `/figures/{name}`; null: a part of the page does."""
    anchor: str
    """Where on the study's page: `#figure-importance`, `#selection`, `?state=FAILED#trials`."""
    numbers: dict[str, int | float]
    """Every number in the text, unrounded; shares are of 1, durations are seconds."""
    tone: Tone
    next_step: str | None
    """What it suggests to do; null: nothing."""


class StudySummary(Record):
    """What a study says in at most seven sentences, and what to do next."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "study_id": "01k7x2m8qv4e9wz3tbn5ha6rcd",
                    "event": 812,
                    "state": "COMPLETE",
                    "sentences": [
                        {
                            "topic": "parameters",
                            "text": "learning_rate matters most (61 %), no other beyond "
                            "chance, over 24 trials.",
                            "figure": "importance",
                            "anchor": "#figure-importance",
                            "numbers": {"share": 0.6133, "trials": 24},
                            "tone": "plain",
                            "next_step": None,
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )

    study_id: str
    event: int
    """The study's newest event that it knows of."""
    state: str
    sentences: list[SummarySentence]
    """In the order in which they are read; what cannot be said with a number is left out."""
    next: SummarySentence | None
    """The sentence whose `next_step` is the most useful one; null: none suggests anything."""
