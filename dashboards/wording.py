"""Numbers, durations and ages in the words of the pages."""

from datetime import datetime
from itertools import pairwise

from service.domain.studies import BestSoFar

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))

STATE_WORDS = {
    "QUEUED": "queued",
    "RUNNING": "running",
    "PAUSED": "paused",
    "SELECTING": "selecting the best",
    "COMPLETE": "complete",
    "STOPPED": "stopped",
    "FAILED": "failed",
    "PRUNED": "pruned",
    "DIVERGED": "diverged",
}
VERDICT_WORDS = {
    "overfit": "overfit",
    "large_gap": "large gap",
    "underfit": "underfit",
    "converged": "converged",
    "censored": "stopped before it could be told",
    "diverged": "diverged",
}


def say_number(value: object) -> str:
    """Four significant digits; words for what is no number."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def say_setting(value: object) -> str:
    """The value of a parameter: like a number, without separators in whole ones."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole else say_number(value)


def say_duration(seconds: float | None) -> str:
    """`42 s`, `3 min 10 s`, `2 h 5 min`, `4 d 1 h`."""
    if seconds is None:
        return "not known yet"
    if seconds < 1:
        return "under a second" if seconds > 0 else "0 s"
    rest = round(seconds)
    if rest < 60:
        return f"{rest} s"
    units = [*_STEPS, (1, "s")]
    for (size, unit), (smaller, smaller_unit) in pairwise(units):
        if rest >= size:
            whole, left = divmod(rest, size)
            minor = left // smaller
            return f"{whole} {unit} {minor} {smaller_unit}" if minor else f"{whole} {unit}"
    raise AssertionError("unreachable")


def say_age(moment: datetime | None, now: datetime) -> str:
    """`just now`, `5 min ago`, `3 d ago`."""
    if moment is None:
        return "–"
    seconds = (now - moment).total_seconds()
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def say_share(value: float | None) -> str:
    """0.614 as `61 %`."""
    if value is None:
        return "–"
    return f"{100 * value:.0f} %" if abs(value) < 100 else f"{100 * value:.2g} %"


def say_size(size: int | None) -> str:
    """Bytes as `1.6 MiB`."""
    if size is None:
        return "–"
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024 or unit == "GiB":
            break
    return f"{value:.3g} {unit}"


def say_state(state: object) -> str:
    """A state in small letters."""
    return STATE_WORDS.get(str(state), str(state).lower())


def say_verdict(kind: str) -> str:
    """A verdict without underscores."""
    return VERDICT_WORDS.get(kind, kind.replace("_", " "))


def say_others(best: BestSoFar) -> str:
    """The knee's other objectives: `, kl 9.4, knee of 7`; empty where there is one objective."""
    if not best.front:
        return ""
    _, *others = best.values.items()
    values = "".join(f", {name} {say_number(value)}" for name, value in others)
    return f"{values}, knee of {len(best.front)}"


def draw_sparkline(points: list[tuple[int, float]], last: int, width: int, height: int) -> str:
    """The `points` attribute of a polyline: steps of the best so far up to trial `last`."""
    if not points:
        return ""
    values = [value for _, value in points]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    right = max(last, points[-1][0], 1)
    corners: list[tuple[float, float]] = []
    for number, value in points:
        x, y = number / right * width, 2 + (high - value) / span * (height - 4)
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    corners.append((float(width), corners[-1][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
