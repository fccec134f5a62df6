"""What a study says in plain language: pure functions of its records, a sentence each."""

from collections.abc import Callable

from dashboards.summary.best import say_best, say_constraints, say_front
from dashboards.summary.facts import Facts, Said
from dashboards.summary.improvement import say_improvement
from dashboards.summary.luck import say_luck, say_revision, say_test
from dashboards.summary.overfitting import say_overfitting
from dashboards.summary.progress import say_failures, say_progress
from dashboards.summary.reasons import say_edge, say_parameters
from service.domain.study_summary import StudySummary

MOST_SENTENCES = 7
TOPICS: dict[str, Callable[[Facts], Said | None]] = {
    "progress": say_progress,
    "failures": say_failures,
    "front": say_front,
    "best": say_best,
    "constraints": say_constraints,
    "improvement": say_improvement,
    "overfitting": say_overfitting,
    "parameters": say_parameters,
    "edge": say_edge,
    "luck": say_luck,
    "test": say_test,
    "revision": say_revision,
}
"""In the order in which they are read."""
DROPPED_FIRST = ("revision", "test", "failures", "constraints", "parameters", "edge")
"""Of more than seven sentences; one that is bad news stays."""


def summarise(facts: Facts) -> StudySummary:
    """The sentences that can be said, and the one whose suggestion is the most useful.

    A function of the records alone: the same records say the same.
    """
    said = {topic: found for topic, tell in TOPICS.items() if (found := tell(facts)) is not None}
    steps = [each for each in said.values() if each.sentence.next_step]
    chosen = min(steps, key=lambda each: each.urgency, default=None)
    for topic in DROPPED_FIRST:
        found = said.get(topic)
        stays = found is None or found is chosen or found.sentence.tone == "bad"
        if len(said) > MOST_SENTENCES and not stays:
            del said[topic]
    study = facts.study
    return StudySummary(
        study_id=study.id,
        event=study.event,
        state=study.state.value,
        sentences=[each.sentence for each in said.values()][:MOST_SENTENCES],
        next=None if chosen is None else chosen.sentence,
    )
