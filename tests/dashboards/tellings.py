"""Studies of which the summary is known, and what holds of every summary."""

import math
import re
from typing import Any

from dashboards.study_pages import figure_groups
from dashboards.summary import MOST_SENTENCES, summarise
from dashboards.summary.facts import Facts, percent
from dashboards.summary.places import PLACES, say_place
from dashboards.views import compare_with_baselines
from dashboards.wording import say_duration, say_number
from service.domain.records import BestSoFar, Failure, Trial, TrialMetrics, Verdict
from service.domain.states import TrialState
from service.domain.study_summary import StudySummary, SummarySentence
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from trainers.registry import catalog

OFF = {"top_k": 0}
PAIR = [{"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 10}]}, {"metric": "kl"}]
NAMES = re.compile(r"(PCA with \d+ components|(the )?\d+-gram|--seeds 3)")


def facts_of(made: SyntheticStudy, **more: Any) -> Facts:
    best = made.trials[made.study.best.trial] if made.study.best else None
    failed = [t.failure.kind for t in made.trials if t.state == "FAILED" and t.failure]
    given: dict[str, Any] = {
        "comparisons": compare_with_baselines(made.study, best, made.dataset),
        "failures": {kind: failed.count(kind) for kind in failed},
    }
    return Facts(made.study, made.frame(), catalog(), **(given | more))


def said(made: SyntheticStudy, **more: Any) -> dict[str, SummarySentence]:
    return {each.topic: each for each in summarise(facts_of(made, **more)).sentences}


def step(made: SyntheticStudy, **more: Any) -> str | None:
    found = summarise(facts_of(made, **more)).next
    return None if found is None else found.next_step


def plain(values: list[float | None], **changes: Any) -> SyntheticStudy:
    """COMPLETE trials with these values (None: it failed), and neither gap nor importance."""
    spec = changes.pop("spec", None) or make_spec(trials=changes.get("planned") or len(values) or 1)
    made = make_study(count=len(values), spec=spec, epochs=2, **changes)
    trials = []
    for trial, value in zip(made.trials, values, strict=True):
        state = TrialState.FAILED if value is None else TrialState.COMPLETE
        numbers = {"mse": value, "psnr": value}
        trials.append(
            trial.model_copy(
                update={
                    "state": state,
                    "value": value,
                    "metrics": value and TrialMetrics(train=numbers, validation=numbers),
                    "verdict": None,
                    "failure": Failure(kind="crash", message="x") if value is None else None,
                    "feasible": None,
                }
            )
        )
    return again(made, trials)


def again(made: SyntheticStudy, trials: list[Trial]) -> SyntheticStudy:
    """The study over other trials."""
    aims = made.study.resolved.aims
    able = [t for t in trials if t.state == "COMPLETE" and t.value is not None]
    best = min(able, key=lambda t: aims.objectives[0].sign * (t.value or 0.0), default=None)
    counts = {s.value.lower(): sum(t.state is s for t in trials) for s in TrialState}
    made.trials, made.analyses = trials, []
    made.study = made.study.model_copy(
        update={
            "progress": made.study.progress.model_copy(update=counts),
            "best": best and BestSoFar(trial=best.number, value=best.value, params=best.params),
        }
    )
    return made


def change(made: SyntheticStudy, **updates: Any) -> SyntheticStudy:
    made.study = made.study.model_copy(update=updates)
    return made


def judged(kinds: list[str], **changes: Any) -> SyntheticStudy:
    made = plain([0.01] * len(kinds), **changes)
    made.trials = [
        t.model_copy(update={"verdict": Verdict(kind=k, sentence="x", numbers={})})
        for t, k in zip(made.trials, kinds, strict=True)
    ]
    return made


def numerals(text: str, numbers: dict[str, int | float]) -> list[str]:
    """The numerals of a text that are none of its numbers, however they are written."""
    text = NAMES.sub("", text)
    for name, value in sorted(numbers.items(), key=lambda each: -abs(each[1])):
        if name in ("seconds", "seconds_left"):
            text = text.replace(say_duration(value), "")
    known = {"0.1"}  # under 0.1 %
    for value in numbers.values():
        size = abs(value)
        known |= {
            f"{value:,}", f"{value:g}", say_number(value), say_number(size), f"{size:.2g}",
            f"{value:.2f}", f"{size:.3g}", f"{size:.4g}", percent(value).split()[0],
            f"{100 * size:.0f}",
        }  # fmt: skip
    found = re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w])", text)
    return [each for each in found if each.rstrip(",") not in known]


def check(made: SyntheticStudy, found: StudySummary) -> None:
    """What holds of every summary."""
    groups = figure_groups(made.study, catalog())
    shown = {name for members in groups.values() for name in members}
    assert len(found.sentences) <= MOST_SENTENCES
    assert len({each.topic for each in found.sentences}) == len(found.sentences)
    for each in found.sentences:
        assert each.numbers, each.text
        assert all(math.isfinite(value) for value in each.numbers.values()), each
        assert numerals(each.text, each.numbers) == [], each
        assert re.search(r"\d|None of", each.text), each.text
        assert len([word for word in each.text.split() if word != "%"]) <= 25, each.text
        assert each.text.endswith("."), each.text
        if each.figure is not None:
            assert each.figure in shown and each.anchor == f"#figure-{each.figure}"
        else:
            assert each.anchor in PLACES
        assert say_place(each)
