"""What is reconstructed from what: the task of a study, as plain values. Torch-free."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

TaskKind: TypeAlias = Literal["reconstruct", "denoise", "inpaint", "super_resolve"]


@dataclass(frozen=True)
class Task:
    """A task; only the fields of its kind are set.

    denoise: `noise` and `level` (standard deviation on the scaled data, or a share of elements).
    inpaint: `mask` and `share` (of the elements that are hidden). super_resolve: `factor`.
    """

    kind: TaskKind = "reconstruct"
    noise: str | None = None
    level: float | None = None
    mask: str | None = None
    share: float | None = None
    factor: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


RECONSTRUCT = Task()


def parse_task(fields: Mapping[str, Any]) -> Task:
    """The task of a spec's JSON form."""
    return Task(**fields)
