"""What is measured once of a trial, when it ends: pictures, evidence, closer looks, complexity."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from trainers.complexity import measure_complexity
from trainers.contract import SlotEnd
from trainers.evaluation import ResidentData, look_closely
from trainers.evidence import gather_evidence
from trainers.pictures import take_pictures
from trainers.plain.base import PlainModel


def complete_end(
    end: SlotEnd,
    twin: PlainModel,
    best: dict[str, Tensor],
    last: dict[str, Tensor],
    data: ResidentData,
    series: Mapping[str, Tensor],
) -> SlotEnd:
    """A trial's end with everything that its weights at the best and the last epoch show.

    What the epochs have measured of the metrics stands; closer looks fill in the rest. Made by
    the plain twin, alone, so that a trial's company changes nothing. `series`: the pictures of
    epochs on the way (trainers.snapshots), put beside the others.
    """
    train, validation = data.train_part.cpu(), data.validation_part.cpu()
    evidence = gather_evidence(twin, {"last": last, "best": best}, validation)
    pictures = take_pictures(twin, best, last, validation)  # leaves the twin at its best epoch

    def fill(metrics: Mapping[str, float] | None, looks: Mapping[str, float]) -> dict[str, float]:
        return {**(metrics or {}), **{n: v for n, v in looks.items() if n not in (metrics or {})}}

    return replace(
        end,
        train=fill(end.train, look_closely(twin, data.problem, train)),
        validation=fill(end.validation, look_closely(twin, data.problem, validation)),
        pictures={**pictures, **series},
        evidence=evidence,
        complexity=measure_complexity(twin, data.problem),
    )
