"""A sentence on whether the search still finds better models."""

from typing import NamedTuple

from dashboards.figures.frame import StudyFrame
from dashboards.figures.hypervolume import trace_hypervolume
from dashboards.summary.facts import Facts, Said, count, percent, say
from dashboards.wording import say_number
from service.domain.confirmed import confirmation_of
from service.domain.scales import NO_SHARES
from service.domain.states import StudyState

FEWEST = 8
"""Ended trials below which a last quarter says nothing."""
SMALL = 0.01
"""A gain in the last quarter below it is little."""
LAST = 0.1
"""An improvement among so many of the last trials: more of them would probably find another."""
MORE = 0.5
"""So many trials again are worth trying."""
STEPS = 2
"""So many improvements in the last quarter are more than luck makes: 3 to 4 % of studies have
them where values are drawn at random."""
FEW_BEST = 5
"""One improvement counts where it is larger than the spread of so many best values before it."""


class Improvement(NamedTuple):
    """How the best moved over the trials that ended, by number."""

    ended: int
    last: int
    """The trial that was the last one to improve it."""
    since: int
    """Trials that ended after it in order of number."""
    quarter: int
    """How many trials the last quarter is."""
    steps: int
    """How many of them improved the best."""
    spread: float
    """Between the FEW_BEST best values before the quarter (of as many as there are)."""
    gain: float
    """By how much the quarter made it better, in the objective's units; of a front in shares of
    the box. 0: not at all."""
    relative: float | None
    """The same as a share of the value before; None where shares of the metric say nothing."""

    def beyond_luck(self, noise: float | None) -> bool:
        """Whether more than luck moved it; `noise`: the sd over seeds, where one is known.

        Of studies of 8 to 100 trials with values drawn at random under 10 % have such a quarter.
        """
        if noise is not None:
            return self.gain > noise
        return self.steps >= STEPS or self.gain > self.spread

    @property
    def small(self) -> bool:
        """Whether the quarter brought little, as far as shares can tell."""
        return self.gain == 0 or (self.relative is not None and self.relative < SMALL)


def find_improvement(frame: StudyFrame, ended: list[int]) -> Improvement | None:
    """None while there are too few trials. `ended`: positions of trials that ended, by number.

    Where the trials are told apart by luck alone, a quarter of all studies have their best in
    the last quarter: that it moved is no proof. That it did not move is none either: over bowls of
    2 to 6 parameters 28 to 37 % of random searches gain 1 % or more from half as many trials
    again, however long ago their last improvement was and however close their best values are.
    So nothing is claimed of what more trials would bring.
    """
    if len(ended) < FEWEST or len(frame.eligible) < 2:
        return None
    trials, axis = frame.trials, frame.study.aims.objectives[0]
    quarter = len(ended) // 4
    border = trials.number[ended[-quarter]]
    if frame.study.aims.is_pareto:
        trace = trace_hypervolume(frame, [float(number) for number in trials.number])
        steps = [(number, -volume) for _, number, volume in trace]
    else:
        steps = [
            (trials.number[position], axis.loss(value))
            for position in frame.eligible
            if (value := trials.value[position]) is not None
        ]
    best: float | None = None
    before: float | None = None
    last, late, earlier = -1, 0, []
    for number, loss in steps:
        if best is None or loss < best:
            best, last = loss, number
            late += number >= border
        if number < border:
            before = best
            earlier.append(loss)
    if best is None or before is None:
        return None
    gain = before - best
    shares = not frame.study.aims.is_pareto and axis.name not in NO_SHARES and before > 0
    return Improvement(
        ended=len(ended),
        last=last,
        since=sum(trials.number[position] > last for position in ended),
        quarter=quarter,
        steps=late,
        spread=sorted(earlier)[:FEW_BEST][-1] - before,
        gain=gain,
        relative=gain / before if shares else gain if frame.study.aims.is_pareto else None,
    )


def say_improvement(facts: Facts) -> Said | None:
    """The last improvement and the gain of the last quarter; that it goes on beyond luck alone."""
    found = find_improvement(facts.frame, facts.ended)
    if found is None:
        return None
    numbers: dict[str, int | float] = {"last": found.last, "ended": found.ended}
    front = facts.frame.study.aims.is_pareto
    if found.gain == 0:
        numbers["since"] = found.since
        what, did = (
            ("addition to the front", "widened it") if front else ("improvement", "was better")
        )
        text = (
            f"The last {what} was trial {found.last}: none of the {count(found.since, 'trial')} "
            f"after it, of {found.ended:,}, {did}."
        )
        return say("improvement", text, "best_so_far", numbers)
    numbers["quarter"] = found.quarter
    gained = _say_gain(facts, found, numbers)
    noise = _noise(facts)
    text = f"The last {found.quarter:,} of {found.ended:,} trials {gained}"
    if front:  # its additions come by luck far more often than a best does
        text += f"; the last addition to it was trial {found.last}."
        return say("improvement", text, "best_so_far", numbers)
    if noise is not None and found.gain <= noise:
        numbers["noise"] = noise
        text += f", less than seeds differ (sd {noise:.2g})."
        return say("improvement", text, "best_so_far", numbers)
    text += f", last at trial {found.last}"
    if found.small:
        return say("improvement", f"{text}.", "best_so_far", numbers)
    if not found.beyond_luck(noise):
        return say("improvement", f"{text}: luck alone could do that.", "best_so_far", numbers)
    text = f"Still improving: {text[0].lower()}{text[1:]}."
    late = found.since < LAST * found.ended
    step = None
    if late and facts.study.state is StudyState.COMPLETE and not facts.study.parent:
        more = max(FEWEST, round(MORE * found.ended))
        numbers |= {"more": more, "since": found.since}
        step = f"Extend it by {more:,} trials: the best came only {_ago(found.since)} its end."
    return say(
        "improvement",
        text,
        "best_so_far",
        numbers,
        tone="warn" if step else "plain",
        next_step=step,
        urgency=40,
    )


def _noise(facts: Facts) -> float | None:
    """The sd over seeds of one config, where a selection has measured it."""
    found = confirmation_of(facts.study)
    return None if found is None or found.several else found.pooled_sd


def _ago(since: int) -> str:
    return "at" if not since else f"{count(since, 'trial')} before"


def _say_gain(facts: Facts, found: Improvement, numbers: dict[str, int | float]) -> str:
    """`made the best 3.1 % better`, `widened the front by 2 % of the box`."""
    numbers["gain"] = found.gain if found.relative is None else found.relative
    if facts.frame.study.aims.is_pareto:
        return f"widened the front by {percent(found.gain)} of the box"
    if found.relative is not None:
        return f"made the best {percent(found.relative)} better"
    unit = facts.frame.study.aims.objectives[0].unit.split(" ")[0]
    gain = f"{say_number(found.gain)} {unit if unit in ('dB', 'nats') else ''}".rstrip()
    return f"made the best {gain} better"
