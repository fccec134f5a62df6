"""Sentences on luck: fresh seeds, the sealed test split, earlier results."""

from dashboards.revision_view import revision_rows
from dashboards.summary.facts import Facts, Said, count, percent, say
from dashboards.wording import say_number
from service.domain.confirmed import Confirmation, ConfirmedConfig, confirmation_of
from service.domain.scales import NO_SHARES, PSNR
from service.domain.states import StudyState

SMALLER = 0.8
"""A config that cannot be told from the winner is worth naming below so much of its size."""
BEYOND = 2
"""So many sd over seeds of optimism are more than one seed's luck: the search has overfitted."""


def say_luck(facts: Facts) -> Said | None:
    """What the selection said, or that there was none; nothing before the search is over."""
    if not facts.over or facts.study.parent or facts.study.best is None:
        return None
    found = confirmation_of(facts.study)
    if found is None:
        return _unconfirmed(facts)
    best = found.best
    if best is None or best.mean is None:
        numbers: dict[str, int | float] = {"configs": len(found.configs), "seeds": found.seeds}
        text = (
            f"None of {_configs(len(found.configs))} came through {found.seeds} fresh seeds: the "
            "best search value stands, unconfirmed."
        )
        return say("luck", text, "#selection", numbers, tone="bad")
    if found.several:
        numbers = {"seeds": found.seeds, "trial": best.trial, "configs": len(found.configs)}
        text = (
            f"On {found.seeds} fresh seeds trial {best.trial} is the knee of the means of "
            f"{_configs(len(found.configs))}."
        )
        return say("luck", text, "#selection", numbers, tone="good")
    return _confirmed(facts, found, best)


def _confirmed(facts: Facts, found: Confirmation, best: ConfirmedConfig) -> Said:
    assert best.mean is not None
    numbers: dict[str, int | float] = {"seeds": found.seeds, "mean": best.mean}
    text = f"On {found.seeds} fresh seeds trial {best.trial} has mean {say_number(best.mean)}"
    numbers["trial"] = best.trial
    if found.pooled_sd is not None:
        numbers["sd"] = found.pooled_sd
        text += f" (sd {found.pooled_sd:.2g})"
    lucky = False
    if found.seed_optimism is not None and best.search is not None:
        numbers |= {"search": best.search}
        text += f"; the search value {say_number(best.search)} was "
        text += _too_good(facts, found.seed_optimism, best.mean, numbers, "too good")
        lucky = found.pooled_sd is not None and found.seed_optimism > BEYOND * found.pooled_sd
    step = None
    alike = [each for each in found.configs if each.indistinguishable and each is not best]
    smallest = min(alike, key=lambda each: (each.parameters or 0, each.trial), default=None)
    share = 1.0
    if smallest is not None and smallest.parameters and best.parameters:
        share = smallest.parameters / best.parameters
    if smallest is not None and share < SMALLER:
        numbers |= {"smaller_trial": smallest.trial, "smaller_share": share}
        step = (
            f"Consider trial {smallest.trial}: not distinguishable from the winner, with "
            f"{percent(share)} of its parameters."
        )
    return say(
        "luck",
        f"{text}.",
        "#selection",
        numbers,
        tone="warn" if lucky else "good",
        next_step=step,
        urgency=60,
    )


def _configs(number: int) -> str:
    return "the best config" if number == 1 else f"the best {number} configs"


def _too_good(
    facts: Facts,
    optimism: float,
    base: float,
    numbers: dict[str, int | float],
    words: str,
) -> str:
    """`3.1 % too good`, or `0.2 worse`: a share where shares of the metric say something."""
    worse = words if optimism > 0 else "worse" if words == "too good" else "better"
    if facts.metric in NO_SHARES or base <= 0:
        numbers["optimism"] = optimism
        unit = " dB" if facts.metric == PSNR else ""
        return f"{say_number(abs(optimism))}{unit} {worse}"
    numbers["optimism"] = optimism / base
    return f"{percent(abs(optimism) / base)} {worse}"


def _unconfirmed(facts: Facts) -> Said | None:
    """The best of many single values is the luckiest of them, too."""
    best, tried = facts.study.best, len(facts.frame.eligible)
    if best is None or tried < 2:
        return None
    off = "selection was off" if not facts.study.resolved.selection.top_k else "no fresh seeds"
    what = "the knee" if best.front else "the best"
    text = (
        f"Not confirmed ({off}): trial {best.trial} is {what} of {tried:,} results with one seed "
        "each, so part of it is luck."
    )
    step = f"Confirm it: hifitune train --study {facts.study.id} --trial {best.trial} --seeds 3."
    return say(
        "luck",
        text,
        "best_so_far",
        {"trial": best.trial, "tried": tried},
        tone="warn",
        next_step=step,
        urgency=42,
    )


def say_test(facts: Facts) -> Said | None:
    """The test value of a study that is COMPLETE (DOMAIN.md truth 10), beside what was believed."""
    if facts.study.state is not StudyState.COMPLETE or not facts.study.summary:
        return None
    value = (facts.study.summary.get("test") or {}).get(facts.metric)
    if not isinstance(value, int | float):
        return None
    numbers: dict[str, int | float] = {"test": value}
    text = f"On the sealed test split it has {facts.metric} {say_number(float(value))}"
    found = confirmation_of(facts.study)
    best = None if found is None else found.best
    if found is None or best is None or best.mean is None or found.split_optimism is None:
        return say("test", f"{text}.", "#specs", numbers)
    said = _too_good(facts, found.split_optimism, best.mean, numbers, "worse")
    text += f", {said} than the mean on validation."
    return say("test", text, "#selection", numbers)


def say_revision(facts: Facts) -> Said | None:
    """What an extension brought."""
    rows = revision_rows(facts.study, facts.revisions)
    if len(rows) < 2:
        return None
    before, now = rows[-2], rows[-1]
    old = before.search if before.mean is None else before.mean
    new = now.search if now.mean is None else now.mean
    if old is None or new is None:
        return None
    numbers: dict[str, int | float] = {
        "revision": now.number, "trials": now.trials, "before": old, "value": new,
    }  # fmt: skip
    text = (
        f"Extended: revision {now.number} with {count(now.trials, 'trial')} has "
        f"{facts.metric} {say_number(new)}, the one before it {say_number(old)}."
    )
    return say("revision", text, "#revisions", numbers)
