"""Best so far where there are several objectives: how much of the box the Pareto set dominates."""

from collections.abc import Sequence

from dashboards.figures.best_steps import BestSoFar, Dots
from dashboards.figures.decimation import MAX_MARKS, MAX_POINTS, choose_points, spread
from dashboards.figures.frame import ENDED, StudyFrame
from dashboards.figures.paper import STATE_MARKS, number, plural
from service.domain.pareto import Losses, Stairs, hypervolume, pareto_front
from service.domain.pareto import Member as Point

MOST_STEPS = 100
"""Of three objectives the volume is computed anew at each: not for every one of 10,000 trials."""


def prepare_front(
    frame: StudyFrame, xs: Sequence[float | None], x_title: str, ended: int, unfinished: str
) -> BestSoFar:
    """The hypervolume of the Pareto set after each eligible trial."""
    trials = frame.trials
    trace = trace_hypervolume(frame, xs)
    share_of = {trial: value for _, trial, value in trace}
    dots = {state: Dots(state, [], [], [], []) for state in STATE_MARKS}
    chosen = choose_points([share_of.get(trial) for trial in trials.number], MAX_MARKS)
    for position in chosen:
        x, number_of = xs[position], trials.number[position]
        if x is None or (number_of not in share_of and trials.state[position] not in ENDED):
            continue
        group, value = dots[trials.state[position]], share_of.get(number_of)
        group.x.append(x)
        group.y.append(0.0 if value is None else value)
        group.numbers.append(number_of)
        group.values.append(value)
    steps = [
        point
        for i, point in enumerate(trace)
        if i in (0, len(trace) - 1) or point[2] > trace[i - 1][2]
    ]
    steps = [steps[i] for i in spread(len(steps), MAX_POINTS)]
    return BestSoFar(
        x_title=x_title,
        y_title="hypervolume (share of the box)",
        log=False,
        y_range=None,
        dots=[group for group in dots.values() if group.x],
        step_x=[x for x, _, _ in steps],
        step_y=[value for _, _, value in steps],
        baselines=[],
        best_number=frame.study.aims.knee,
        best_value=trace[-1][2] if trace else None,
        reached="",
        improvements=0,
        ended=ended,
        planned=frame.study.planned,
        unfinished=unfinished,
        front=say_front(frame),
    )


def trace_hypervolume(
    frame: StudyFrame, xs: Sequence[float | None]
) -> list[tuple[float, int, float]]:
    """(x, trial, share of the box) for every eligible trial in the order of `xs`.

    The box spans from the best to the worst value of all eligible trials on each axis, so that
    the shares of one drawing are of the same box and only rise.
    """
    points = _points(frame)
    if not points:
        return []
    columns = list(zip(*points.values(), strict=True))
    lows, highs = [min(column) for column in columns], [max(column) for column in columns]
    unit = {
        position: tuple(
            0.0 if high == low else (loss - low) / (high - low)
            for loss, low, high in zip(losses, lows, highs, strict=True)
        )
        for position, losses in points.items()
    }
    order = sorted((x, position) for position in unit if (x := xs[position]) is not None)
    shares = _shares([unit[position] for _, position in order])
    return [
        (x, frame.trials.number[position], share)
        for (x, position), share in zip(order, shares, strict=True)
    ]


def _points(frame: StudyFrame) -> dict[int, Losses]:
    axes = frame.study.aims.objectives
    points = {}
    for position in frame.eligible:
        scores = frame.scores.get(frame.trials.number[position], {})
        values = [scores.get(axis.name) for axis in axes]
        losses = [
            axis.loss(value) for axis, value in zip(axes, values, strict=True) if value is not None
        ]
        if len(losses) == len(axes):
            points[position] = tuple(losses)
    return points


def _shares(points: list[Losses]) -> list[float]:
    if not points:
        return []
    if len(points[0]) == 2:
        stairs, total, found = Stairs(1.0, 1.0), 0.0, []
        for x, y in points:
            total += stairs.add(x, y)
            found.append(total)
        return found
    every = max(1, -(-len(points) // MOST_STEPS))
    found = []
    front: list[Losses] = []
    for index, point in enumerate(points):
        front.append(point)
        if index % every == 0 or index == len(points) - 1:
            members = pareto_front(Point(n, losses) for n, losses in enumerate(front))
            front = [member.losses for member in members]
            share = hypervolume(front, (1.0,) * len(point))
        found.append(share)
    return found


def say_front(frame: StudyFrame) -> str:
    """`7 trials are on the front, their knee is trial 3 (mse 0.01, kl 12)`."""
    aims = frame.study.aims
    count = len(aims.front)
    said = f"{plural(count, 'trial')} {'is' if count == 1 else 'are'} on the front"
    if aims.knee is None:
        return said
    scores = frame.scores.get(aims.knee, {})
    values = ", ".join(f"{axis.name} {number(scores.get(axis.name))}" for axis in aims.objectives)
    return f"{said}, the knee is trial {aims.knee} ({values})"
