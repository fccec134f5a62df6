"""The timeline of slots: what ran when, what it came to, and when nothing ran."""

import heapq
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.best_so_far import UNITS
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import (
    STATE_MARKS,
    axis,
    number,
    plural,
    rounded,
    share,
    sheet,
)
from service.domain.states import TrialState

MAX_BARS = 2000
BINS = 240
"""Of the busy slots where there are too many trials for a bar each."""
PATTERNS = {
    "COMPLETE": "", "PRUNED": "/", "DIVERGED": "x", "FAILED": "+", "STOPPED": "\\", "RUNNING": ".",
}  # fmt: skip
EDGE = "rgba(255,255,255,0.8)"
"""Between plain bars of one colour, which would run together."""
LOST = (TrialState.PRUNED.value, TrialState.DIVERGED.value, TrialState.FAILED.value)


class Bar(NamedTuple):
    """One trial in its slot, in seconds since the start."""

    trial: int
    state: str
    start: float
    end: float
    slot: int
    array: tuple[int, int]
    attempt: int


class Timeline(NamedTuple):
    """Every trial that started, packed into as few slots as ran at once."""

    bars: list[Bar]
    slots: int
    end: float
    """Of what is known: the last start or end of a trial."""
    unit: str
    divisor: float
    first_result: float | None
    """When the first trial was complete."""
    undated: int
    """Trials that ended without a start: never trained."""

    @property
    def is_drawn_whole(self) -> bool:
        """Whether there are few enough trials for a bar each."""
        return len(self.bars) <= MAX_BARS


def prepare_timeline(frame: StudyFrame) -> Timeline | Waiting:
    """Trials with a start; a running one lasts to the newest time that any trial tells."""
    trials = frame.trials
    started = [p for p in range(len(trials)) if trials.started[p] is not None]
    if not any(trials.finished[position] is not None for position in started):
        return Waiting("Waiting for the first trial to end.", "No trial was trained.")
    times = [time for times in (trials.started, trials.finished) for time in times if time]
    end = max(times, default=0.0)
    bars: list[Bar] = []
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    slots = 0
    for position in sorted(started, key=lambda p: (trials.started[p] or 0.0, p)):
        start = trials.started[position] or 0.0
        finished = trials.finished[position]
        until = max(start, end if finished is None else finished)
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            slot = heapq.heappop(free)
        else:
            slot, slots = slots, slots + 1
        heapq.heappush(busy, (until, slot))
        bars.append(
            Bar(trials.number[position], trials.state[position], start, until, slot,
                trials.array[position], trials.attempt[position])
        )  # fmt: skip
    divisor, unit = next((by, name) for above, by, name in UNITS if end >= above)
    complete = [bar.end for bar in bars if bar.state == TrialState.COMPLETE.value]
    undated = sum(
        trials.started[p] is None and trials.finished[p] is not None for p in range(len(trials))
    )
    first = min(complete, default=None)
    return Timeline(bars, slots, end, unit, divisor, first, undated)


def spent(data: Timeline) -> dict[str, float]:
    """Seconds of slots by state, in the order of the legend."""
    found = dict.fromkeys(STATE_MARKS, 0.0)
    for bar in data.bars:
        found[bar.state] += bar.end - bar.start
    return {state: seconds for state, seconds in found.items() if _count(data, state)}


def _count(data: Timeline, state: str) -> int:
    return sum(bar.state == state for bar in data.bars)


def busy_slots(data: Timeline, bins: int = BINS) -> dict[str, list[float]]:
    """The mean number of busy slots in each of `bins` equal stretches, by state."""
    width = data.end / bins
    found: dict[str, list[float]] = {state: [0.0] * bins for state in spent(data)}
    for bar in data.bars:
        row = found[bar.state]
        low = min(bins - 1, int(bar.start / width))
        high = min(bins - 1, int(bar.end / width))
        for index in range(low, high + 1):
            inside = min(bar.end, (index + 1) * width) - max(bar.start, index * width)
            row[index] += max(0.0, inside) / width
    return found


def draw_timeline(data: Timeline) -> go.Figure:
    """A bar a trial; with too many of them how many slots were busy with what."""
    figure = sheet(height=400)
    if data.is_drawn_whole:
        _draw_bars(figure, data)
    else:
        _draw_areas(figure, data)
    figure.update_xaxes(
        axis(f"time since the start ({data.unit})", range=[0, 1.01 * data.end / data.divisor])
    )
    return figure


def _draw_bars(figure: go.Figure, data: Timeline) -> None:
    for state in spent(data):
        bars = [bar for bar in data.bars if bar.state == state]
        mark = STATE_MARKS[state]
        figure.add_bar(
            base=[rounded(bar.start / data.divisor) for bar in bars],
            x=[rounded((bar.end - bar.start) / data.divisor) for bar in bars],
            y=[bar.slot + 1 for bar in bars],
            width=0.8,
            orientation="h",
            name=f"{mark.label} ({len(bars):,})",
            marker={
                "color": mark.color,
                "pattern": {"shape": PATTERNS.get(state, ""), "size": 6, "solidity": 0.35},
                "line": {"color": mark.color if PATTERNS.get(state) else EDGE, "width": 1},
            },
            customdata=[
                [bar.trial, bar.array[0], bar.array[1], f"{bar.end - bar.start:.3g}",
                 f", attempt {bar.attempt}" if bar.attempt > 1 else ""]
                for bar in bars
            ],
            hovertemplate="trial %{customdata[0]}, %{customdata[3]} s%{customdata[4]}"
            "<br>cohort %{customdata[1]}, array %{customdata[2]}"
            f"<extra>{mark.label}</extra>",
            meta={"trials": True},
        )  # fmt: skip
    slots = data.slots
    figure.update_layout(barmode="overlay", height=min(900, max(300, 160 + 18 * slots)))
    figure.update_yaxes(axis("slot", range=[slots + 0.6, 0.4]))
    if slots <= 12:
        figure.update_yaxes(dtick=1)


def _draw_areas(figure: go.Figure, data: Timeline) -> None:
    width = data.end / BINS / data.divisor
    for state, row in busy_slots(data).items():
        mark = STATE_MARKS[state]
        figure.add_scatter(
            x=[rounded((index + 0.5) * width) for index in range(BINS)],
            y=[rounded(value) for value in row],
            name=f"{mark.label} ({_count(data, state):,})",
            mode="lines",
            stackgroup="busy",
            line={"color": mark.color, "width": 1, "shape": "hvh"},
            fillpattern={"shape": PATTERNS.get(state, ""), "size": 6, "solidity": 0.35,
                         "fgcolor": mark.color},
            hovertemplate="%{y:.3g} slots<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_layout(hovermode="x unified")
    figure.update_yaxes(axis("busy slots (mean of each stretch)", rangemode="tozero"))


def summarise_timeline(data: Timeline) -> str:
    """One sentence: how busy, how long until a result, the longest trial, what was lost."""
    by_state = spent(data)
    total = sum(by_state.values())
    start = f"{plural(len(data.bars), 'trial')}, at most {data.slots:,} at once"
    if not data.is_drawn_whole:
        start += " (too many for a bar each: drawn as the number of busy slots)"
    parts = []
    if data.end > 0:
        parts.append(
            f"these slots were busy {share(total / (data.slots * data.end))} "
            f"of {_say(data, data.end)}"
        )
    if data.first_result is None:
        parts.append("no trial is complete yet")
    else:
        parts.append(f"the first result came after {_say(data, data.first_result)}")
    ended = [bar for bar in data.bars if bar.state != TrialState.RUNNING.value]
    longest = max(ended, key=lambda bar: (bar.end - bar.start, -bar.trial))
    parts.append(
        f"the longest was trial {longest.trial} with {_say(data, longest.end - longest.start)}"
    )
    lost = sum(by_state.get(state, 0.0) for state in LOST)
    if lost > 0:
        *others, last = [STATE_MARKS[state].label for state in LOST if state in by_state]
        states = f"{', '.join(others)} or {last}" if others else last
        parts.append(f"{share(lost / total)} of the busy time went into trials that were {states}")
    again = sum(bar.attempt > 1 for bar in data.bars)
    if again:
        parts.append(f"{again:,} started more than once (drawn from the first start)")
    if data.undated:
        parts.append(f"{data.undated:,} ended without a start and {_are(data.undated)} left out")
    return f"{start}: {'; '.join(parts)}."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _say(data: Timeline, seconds: float) -> str:
    divisor, unit = next((by, name) for above, by, name in UNITS if seconds >= above)
    return f"{number(round(seconds / divisor, 2))} {unit}"


def tabulate_timeline(data: Timeline) -> Table:
    """Trial, state, slot, cohort, array, attempt, start, end."""
    rows: list[list[Cell]] = [
        [bar.trial, STATE_MARKS[bar.state].label, bar.slot + 1, *bar.array, bar.attempt,
         rounded(bar.start), rounded(bar.end)]
        for bar in sorted(data.bars, key=lambda bar: bar.trial)
    ]  # fmt: skip
    columns = ["trial", "state", "slot", "cohort", "array", "attempt", "start (s)", "end (s)"]
    return Table(columns, rows)
