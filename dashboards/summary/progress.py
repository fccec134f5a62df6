"""Sentences on how far a study is, and on what went wrong."""

from dashboards.summary.facts import Facts, Said, count, percent, say
from dashboards.wording import say_duration
from service.domain.states import StudyState

FEW_FAILED = 0.1
"""Of the trials that ended: with more of them failed or diverged something is wrong."""
MANY_DIVERGED = 0.25


def say_progress(facts: Facts) -> Said:
    """The state with its numbers; always said."""
    progress, state = facts.study.progress, facts.study.state
    done, planned = progress.done, progress.trials
    numbers: dict[str, int | float] = {"done": done, "planned": planned}
    one = "repetition" if facts.study.parent else "trial"
    kind = one if planned == 1 else f"{one}s"
    where = "best_so_far_time" if done else "#trials"
    if state is StudyState.COMPLETE:
        numbers |= {"seconds": progress.seconds}
        text = f"Complete: {count(done, one)} in {say_duration(progress.seconds)}"
        return say(
            "progress",
            f"{text}{_parts(facts, numbers)}.",
            where,
            _less(numbers, "planned"),
            tone="good",
        )
    if state is StudyState.SELECTING:
        return _selecting(facts, numbers)
    if state is StudyState.QUEUED:
        text = f"Waiting for an engine: {done:,} of {planned:,} {kind} ended."
        return say("progress", text, "#trials", numbers)
    if state is StudyState.FAILED:
        text = f"Failed after {done:,} of {planned:,} {kind}"
        step = "Read the engine's log, then submit the spec again: no reason is recorded."
        if facts.study.failure:
            text += f": {facts.study.failure.kind}"
            step = f"Mend what failed ({facts.study.failure.kind}), then submit the spec again."
        text += "."
        # Others know more of a search that ran and found nothing to choose.
        searched = facts.study.failure and facts.study.failure.kind in ("infeasible", "no-result")
        urgency = 40 if searched else 0
        return say("progress", text, "#specs", numbers, tone="bad", next_step=step, urgency=urgency)
    if state is StudyState.STOPPED:
        text = f"Stopped after {done:,} of {planned:,} {kind}{_parts(facts, numbers)}."
        return say("progress", text, where, numbers, tone="warn")
    if state is StudyState.PAUSED:
        text = f"Paused after {done:,} of {planned:,} {kind}: nothing is lost."
        step = f"Resume it: {count(planned - done, one)} to go."
        numbers["left"] = planned - done
        return say("progress", text, where, numbers, tone="warn", next_step=step, urgency=5)
    text = f"{done:,} of {planned:,} {kind} ended{_parts(facts, numbers)}"
    going: str | None = None
    if progress.seconds_left is not None:
        numbers["seconds_left"] = progress.seconds_left
        text += f"; about {say_duration(progress.seconds_left)} left"
    if done < planned:
        going = f"Let it run: {count(planned - done, one)} to go."
        numbers["left"] = planned - done
    return say("progress", f"{text}.", where, numbers, next_step=going, urgency=50)


def _less(numbers: dict[str, int | float], name: str) -> dict[str, int | float]:
    return {key: value for key, value in numbers.items() if key != name}


def _parts(facts: Facts, numbers: dict[str, int | float]) -> str:
    """` (14 to the end, 7 pruned)`; what failed or diverged has a sentence of its own."""
    progress = facts.study.progress
    if not progress.pruned and not progress.stopped:
        return ""
    parts = [(progress.complete, "complete"), (progress.pruned, "pruned")]
    if progress.stopped:
        parts.append((progress.stopped, "stopped"))
    numbers |= {name: number for number, name in parts}
    return f" ({', '.join(f'{number:,} {name}' for number, name in parts)})"


def _selecting(facts: Facts, numbers: dict[str, int | float]) -> Said:
    done = facts.study.progress.done
    data = facts.repeats.data if facts.repeats is not None else {}
    numbers = _less(numbers, "planned")
    if not {"done", "planned"} <= data.keys():
        text = f"The search is over after {count(done, 'trial')}; the best are confirmed next."
        return say("progress", text, "best_so_far", numbers)
    numbers |= {"repeated": data["done"], "repetitions": data["planned"]}
    text = (
        f"The search is over after {count(done, 'trial')}; {data['done']} of {data['planned']} "
        "repetitions with fresh seeds are done."
    )
    held_up = data.get("failure")
    step = f"Mend what holds a repetition up ({held_up['kind']}), then resume." if held_up else None
    return say(
        "progress",
        text,
        "#selection",
        numbers,
        tone="bad" if held_up else "plain",
        next_step=step or "Wait for the repetitions: the confirmed best may be another trial.",
        urgency=1 if held_up else 5,
    )


def say_failures(facts: Facts) -> Said | None:
    """Trials that gave nothing because they failed or diverged."""
    progress = facts.study.progress
    failed, diverged, done = progress.failed, progress.diverged, progress.done
    if not failed and not diverged:
        return None
    many = failed + diverged > FEW_FAILED * done
    numbers: dict[str, int | float] = {"done": done}
    if failed:
        numbers["failed"] = failed
        text = f"{failed:,} of {count(done, 'trial')} failed"
        if facts.failures:
            kind = max(facts.failures, key=lambda name: (facts.failures[name], name))
            some = facts.failures[kind]
            if some < failed:
                numbers["of_a_kind"] = some
            text += f" ({kind})" if some >= failed else f", {some:,} of them with {kind}"
        if diverged:
            numbers["diverged"] = diverged
            text += f"; {diverged:,} diverged"
    else:
        numbers["diverged"] = diverged
        text = f"{diverged:,} of {count(done, 'trial')} diverged"
    where = f"?state={'FAILED' if failed else 'DIVERGED'}#trials"
    step: str | None = None
    if diverged > failed and diverged > MANY_DIVERGED * done and done >= 4:
        step = _calm(facts, numbers)
    elif failed > FEW_FAILED * done:
        step = f"Read why {percent(failed / done)} of the trials failed."
        numbers["failed_share"] = failed / done
    return say(
        "failures",
        f"{text}.",
        where,
        numbers,
        tone="bad" if many else "warn",
        next_step=step,
        urgency=10,
    )


def _calm(facts: Facts, numbers: dict[str, int | float]) -> str:
    """A smaller upper end of the learning rate, where it is searched and high rates diverged."""
    trials, progress = facts.frame.trials, facts.study.progress
    rates = {
        state: sorted(
            float(rate)
            for position, params in enumerate(trials.params)
            if trials.state[position] == state
            and isinstance(rate := params.get("learning_rate"), int | float)
        )
        for state in ("DIVERGED", "COMPLETE")
    }
    share = progress.diverged / progress.done
    numbers["diverged_share"] = share
    if rates["DIVERGED"] and rates["COMPLETE"] and rates["DIVERGED"][0] > rates["COMPLETE"][0]:
        middle = rates["DIVERGED"][len(rates["DIVERGED"]) // 2]
        if middle > rates["COMPLETE"][len(rates["COMPLETE"]) // 2]:
            numbers["diverged_rate"] = middle
            return (
                f"Lower the upper end of learning_rate: half of what diverged had "
                f"{middle:.2g} or more."
            )
    return f"Lower the learning rate or clip harder: {percent(share)} of the trials diverged."
