"""Every registered family with its tasks, kinds of data and architectures, on small real data."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from tests.trainers.conftest import ArrayData, config_of, read_digits
from tests.trainers.test_tabular import wine
from tests.trainers.texts import text_data
from trainers.base import ModelArray, Slot
from trainers.problem import DataKind, Problem, problem_of
from trainers.registry import catalog, families, find_family, load_family
from trainers.tasks import RECONSTRUCT, Task

NUMBERS = {
    "reconstruct": RECONSTRUCT,
    "denoise": Task("denoise", noise="gaussian", level=0.5),
    "inpaint": Task("inpaint", mask="random", share=0.5),
    "super_resolve": Task("super_resolve", factor=2),
}
TEXTS = {
    "reconstruct": RECONSTRUCT,
    "denoise": Task("denoise", noise="token_drop", level=0.2),
}
ROWS = {**NUMBERS, "denoise": Task("denoise", noise="gaussian", level=1.0)}
"""Standardised columns: noise as large as they are."""
TASKS = {"vector": NUMBERS, "image": NUMBERS, "table": ROWS, "text": TEXTS}
SMALL: dict[str, dict[str, Any]] = {
    "text_autoencoder": {"embedding_dim": 8, "hidden_width": 32},
    "text_vae": {"embedding_dim": 8, "hidden_width": 32},
    "super_resolution": {"channels": 8, "blocks": 2},
}
"""Where the default size takes a minute to learn anything."""


@dataclass(frozen=True)
class Case:
    """A family at a task, on a kind of data, with an architecture where it has several."""

    family: str
    kind: DataKind
    task: Task
    architecture: str | None

    def __str__(self) -> str:
        parts = (self.family, self.kind, self.task.kind, self.architecture)
        return "-".join(part for part in parts if part)

    @property
    def few(self) -> ArrayData:
        """About 200 training samples."""
        return small_data(self.kind)

    @property
    def many(self) -> ArrayData:
        """As many as there are."""
        return whole_data(self.kind)

    @property
    def problem(self) -> Problem:
        return problem_of(self.few, self.task)

    @property
    def metric(self) -> str:
        """What epochs are chosen by."""
        if self.kind == "text":
            return "token_cross_entropy"
        return "hole_mse" if self.task.kind == "inpaint" else "mse"

    def config(self, **changes: Any) -> dict[str, Any]:
        chosen = {} if self.architecture is None else {"architecture": self.architecture}
        return config_of(self.family, **{**SMALL.get(self.family, {}), **chosen, **changes})

    def slots(self, count: int, **changes: Any) -> list[Slot]:
        return [Slot(trial, 100 + trial, self.config(**changes)) for trial in range(count)]

    def build(self, count: int, **changes: Any) -> ModelArray:
        torch.manual_seed(0)
        return load_family(self.family)(self.slots(count, **changes), self.problem)


@cache
def small_data(kind: DataKind) -> ArrayData:
    """The first rows of the data of a kind."""
    data = whole_data(kind)
    return ArrayData(
        data.train[:201], data.validation[:60], data.shape, data.low, data.high, data.offset,
        data.scale, data.kind, data.tokens, data.tokenizer, data.columns,
    )  # fmt: skip


@cache
def whole_data(kind: DataKind) -> ArrayData:
    """Digits, also as plain vectors; wines; words."""
    if kind == "table":
        return wine()
    if kind == "text":
        return text_data(1200, 200)
    rows = read_digits()
    shape = (8, 8) if kind == "image" else (64,)
    return ArrayData(rows[:1257], rows[1257:1527], shape, kind=kind)


def cases() -> list[Case]:
    """A family's first kind of data gets every task; the other kinds show that they are taken."""
    found = []
    kinds_of_task = {task.name: task.data_kinds for task in catalog().tasks}
    for name, family in families().items():
        main = main_kind(name)
        for kind in family.data:
            for task in family.tasks:
                if kind not in kinds_of_task[task] or (kind != main and task != family.tasks[0]):
                    continue
                found += [
                    Case(name, kind, TASKS[kind][task], chosen)
                    for chosen in architectures(name, kind)
                ]
    return found


def main_kind(family: str) -> str:
    """Images, where the family takes them."""
    kinds = find_family(family).data
    return "image" if "image" in kinds else kinds[0]


def architectures(family: str, kind: str) -> list[str | None]:
    """What a family can be built as for a kind of data."""
    knob = find_family(family).params.knobs().get("architecture")
    if knob is None:
        return [None]
    names = [str(choice) for choice in knob.allowed.choices]  # type: ignore[union-attr]
    return names if kind == "image" else [name for name in names if name != "conv"]  # type: ignore[return-value]


CASES = cases()
