"""What of several studies cannot be put side by side, and why."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from math import sqrt

from service.domain.comparison import ComparedBest, ComparedStudy, Comparison, ComparisonNotice
from service.domain.confirmations import T_975
from service.domain.model import canonical_json
from service.domain.studies import Study

_BLOCKING = frozenset({"different-data", "different-objective", "different-task"})


def compare(studies: Sequence[Study], entries: Sequence[ComparedStudy]) -> Comparison:
    """The comparison of studies; `entries` are the same studies, in the same order."""
    names = _names(entries)
    notices = [
        notice
        for find in (_data, _objective, _task, _unprepared, _several, _parts, _unconfirmed)
        if (notice := find(studies, entries, names)) is not None
    ]
    comparable = not any(notice.code in _BLOCKING for notice in notices)
    leader = _leader(entries) if comparable else None
    equal = _equal(leader, entries, names)
    if equal is not None:
        notices.append(equal)
    return Comparison(
        comparable=comparable,
        leader=None if leader is None or equal is not None else leader.id,
        notices=notices,
        studies=list(entries),
    )


def _leader(entries: Sequence[ComparedStudy]) -> ComparedStudy | None:
    known = [
        (entry.best.value, entry)
        for entry in entries
        if entry.best is not None and entry.best.value is not None
    ]
    if len({entry.best is not None and entry.best.mean is not None for _, entry in known}) != 1:
        return None
    sign = -1.0 if entries[0].direction == "maximize" else 1.0
    return min(known, key=lambda pair: sign * pair[0])[1]


def _equal(
    leader: ComparedStudy | None, entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    """Those whose mean is within the seeds' noise of the best one, with it."""
    if leader is None or leader.best is None:
        return None
    first = leader.best
    found = [
        entry
        for entry in entries
        if entry.best is not None and (entry is leader or _is_alike(first, entry.best))
    ]
    if len(found) < 2:
        return None
    return ComparisonNotice(
        code="within-noise",
        studies=[entry.id for entry in found],
        message=f"The means of {_listed(found, names)} differ by less than the noise of their "
        "seeds (95 %, Student's t): none of them is shown to be better.",
        remedy="take the one that is smaller or cheaper, or confirm with more seeds",
    )


def _is_alike(one: ComparedBest, other: ComparedBest) -> bool:
    """Whether two confirmed means cannot be told apart; False where their noise is not known."""
    if one.mean is None or other.mean is None or one.sd is None or other.sd is None:
        return False
    seeds = (one.seeds or 1, other.seeds or 1)
    error = sqrt(one.sd**2 / seeds[0] + other.sd**2 / seeds[1])
    freedom = max(1, sum(seeds) - 2)
    return abs(one.mean - other.mean) <= T_975[min(freedom, len(T_975)) - 1] * error


def _data(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    groups = _groups([entry for entry in entries if entry.data_hash], lambda each: each.data_hash)
    if len(groups) < 2:
        return None
    by_id = {study.id: study for study in studies}
    sources = {
        canonical_json(by_id[entry.id].resolved.dataset.model_dump(mode="json"))
        for group in groups
        for entry in group
    }
    why = (
        "they name the same data set, but divide or scale it differently"
        if len(sources) == 1
        else "they name different data sets"
    )
    return ComparisonNotice(
        code="different-data",
        studies=[entry.id for group in groups for entry in group],
        message=f"The values of {_sides(groups, names)} cannot be compared: {why}, so that they "
        "were measured on different samples.",
        remedy="compare studies with one data hash: same dataset, split and scaling",
    )


def _objective(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    groups = _groups(entries, lambda each: (each.metric, each.direction))
    if len(groups) < 2:
        return None
    said = ", ".join(f"{group[0].direction} {group[0].metric}" for group in groups)
    return ComparisonNotice(
        code="different-objective",
        studies=[entry.id for entry in entries],
        message=f"The values of {_sides(groups, names)} cannot be compared: they are of different "
        f"objectives ({said}).",
        remedy="compare cost and trials only, or studies with the same objective",
    )


def _task(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    tasks = {
        study.id: canonical_json(study.resolved.task.model_dump(mode="json")) for study in studies
    }
    groups = _groups(entries, lambda each: tasks[each.id])
    if len(groups) < 2:
        return None
    return ComparisonNotice(
        code="different-task",
        studies=[entry.id for entry in entries],
        message=f"The values of {_sides(groups, names)} cannot be compared: their models were "
        "given different inputs (another task, or another degree of it).",
        remedy="compare studies with the same task",
    )


def _unprepared(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    found = [entry for entry in entries if entry.data_hash is None]
    return _about(
        found,
        "data-not-prepared",
        f"The data of {_listed(found, names)} are not prepared yet: whether they are the same is "
        "not known.",
        "look again when the study runs",
    )


def _several(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    several = {study.id for study in studies if study.resolved.aims.is_pareto}
    found = [entry for entry in entries if entry.id in several]
    return _about(
        found,
        "several-objectives",
        f"The answer of {_listed(found, names)} is a Pareto set: its value here is the first "
        "objective at the knee, and it has no line of the best so far.",
        "see the trade-off figures of the study's page",
    )


def _parts(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    found = [entry for entry in entries if entry.parent is not None]
    return _about(
        found,
        "part-of-a-study",
        f"The trials of {_listed(found, names)} repeat configs that another study had found: its "
        "convergence and cost leave out the search for them.",
        "compare the study that it is part of",
    )


def _unconfirmed(
    studies: Sequence[Study], entries: Sequence[ComparedStudy], names: dict[str, str]
) -> ComparisonNotice | None:
    known = [entry for entry in entries if entry.best is not None]
    found = [entry for entry in known if entry.best is not None and entry.best.mean is None]
    if len(found) == len(known):
        return None
    return _about(
        found,
        "unconfirmed",
        f"The best of {_listed(found, names)} is the best of many values with one seed each, which "
        "flatters; that of the others is a mean over fresh seeds.",
        "compare the search values with each other, or wait for the confirmation",
    )


def _about(
    found: Sequence[ComparedStudy], code: str, message: str, remedy: str
) -> ComparisonNotice | None:
    if not found:
        return None
    return ComparisonNotice(
        code=code, studies=[entry.id for entry in found], message=message, remedy=remedy
    )


def _groups(
    entries: Sequence[ComparedStudy], key: Callable[[ComparedStudy], Hashable]
) -> list[list[ComparedStudy]]:
    groups: dict[Hashable, list[ComparedStudy]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())


def _names(entries: Sequence[ComparedStudy]) -> dict[str, str]:
    """What each study is called in a sentence: its name, with the id where two share it."""
    shared = Counter(entry.name for entry in entries)
    return {
        entry.id: entry.name if shared[entry.name] == 1 else f"{entry.name} ({entry.id})"
        for entry in entries
    }


def _listed(entries: Sequence[ComparedStudy], names: dict[str, str]) -> str:
    said = [names[entry.id] for entry in entries]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else ""


def _sides(groups: Sequence[Sequence[ComparedStudy]], names: dict[str, str]) -> str:
    return " against ".join(_listed(group, names) for group in groups)
