"""ArrayRun: train the slots of one array epoch by epoch.

One epoch: train, freeze what is learned by statistics, evaluate both parts, choose, end what is
over, compact the rest. State changes only at epoch ends, so that a run that is saved there and
loaded again goes on bit for bit.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from trainers.base import Batch, EndState, FitPlan, Slot, SlotEnd, SlotReport, Step, TrainingData
from trainers.checkpoints import read_tensors, write_tensors
from trainers.doing_nothing import of_both_parts
from trainers.ending import complete_end
from trainers.evaluation import ResidentData, by_slot, evaluate
from trainers.losses import check_range
from trainers.pictures import SHOWN
from trainers.progress import SlotProgress, is_finite
from trainers.registry import load_family
from trainers.schedules import rate_table, share_table
from trainers.snapshots import Snapshots
from trainers.stepping import Stepper

STATE_VERSION = 3
READABLE = (2, STATE_VERSION)
"""Version 2 has no snapshots: a trial that goes on from it has those of later epochs only."""


class ArrayRun:
    """Trains trials of one signature side by side.

    Raises ValueError for a config that the family refuses, or bce on data outside [0, 1].
    """

    def __init__(
        self,
        family: str,
        slots: Sequence[Slot],
        data: TrainingData,
        plan: FitPlan,
        device: torch.device | None = None,
    ) -> None:
        self.family = family
        self.plan = plan
        self.epoch = 0
        self._data = ResidentData(data, device or torch.device("cpu"), plan.task)
        self._model = load_family(family)(slots, self._data.problem, device)
        params = self._model.params[0].model_dump()
        check_range(params.get("loss"), self._data.problem)
        self._batch = min(int(params["batch_size"]), len(self._data.train))
        self._stepper = Stepper(self._model)
        self._progress = [SlotProgress(slot, plan) for slot in slots]
        self._snapshot: tuple[Tensor, Tensor] = self._copy()
        self._settled: tuple[Tensor, Tensor] = self._copy()
        shown = self._data.validation_part.first(SHOWN).cpu()
        self._series = Snapshots(type(self._model), slots, self._data.problem, plan.epochs, shown)

    @property
    def live(self) -> list[int]:
        """The trials still in training."""
        return [progress.slot.trial for progress in self._progress]

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch; a last batch of a single sample is left out."""
        full, rest = divmod(len(self._data.train), self._batch)
        return full + (1 if rest > 1 else 0)

    def run_epoch(
        self, interrupted: Callable[[], bool] = lambda: False
    ) -> tuple[list[SlotReport], list[SlotEnd]] | None:
        """Train one epoch; reports of every slot, and the slots that it ended.

        None: `interrupted()` said so before a step; then only `stop`, `best_values` may follow.
        """
        if not self._progress:
            return [], []
        start = time.perf_counter()
        self.epoch += 1
        norms = self._train_epoch(interrupted)
        if norms is None:
            self.epoch -= 1
            return None
        reports = self._evaluate(norms, start)
        ends = self._conclude(reports)
        return reports, ends

    def stop(self) -> list[SlotEnd]:
        """End every live slot as STOPPED with its best so far."""
        ends = [self._end(row, "STOPPED") for row in range(len(self._progress))]
        self._progress = []
        return ends

    def doing_nothing(self) -> tuple[dict[str, float], dict[str, float]]:
        """What the task's input itself is worth, on train and on validation."""
        return of_both_parts(self._data)

    def best_values(self) -> dict[int, float | None]:
        """The value that each live slot would have if it ended now."""
        values: dict[int, float | None] = {}
        for progress in self._progress:
            choice = progress.best.current()
            values[progress.slot.trial] = choice.value if choice else None
        return values

    def _train_epoch(self, interrupted: Callable[[], bool]) -> Tensor | None:
        """One pass over the training part; mean gradient norms, [K]."""
        model = self._model
        steps, count = self.steps_per_epoch, len(model.slots)
        configs = [progress.slot.config for progress in self._progress]
        first, total = (self.epoch - 1) * steps, self.plan.epochs * steps
        rates = rate_table(configs, first, steps, total)
        shares = share_table(configs, first, steps, total).to(model.device)
        self._last_rates, self._last_shares = rates[-1], shares[-1].tolist()
        model.noise.begin_epoch(self.epoch, len(self._data.train) // self._batch)
        model.begin_epoch()
        order = model.noise.permutations(self.epoch, len(self._data.train))  # [K, N]
        batches = torch.split(order, self._batch, dim=1)
        norms = torch.zeros(count, device=model.device)
        # shares has an entry for every step: a last batch of one sample falls away here.
        for index, (rows, share) in enumerate(zip(batches, shares.unbind(), strict=False)):
            if interrupted():
                return None
            samples = self._data.train.index_select(0, rows.reshape(-1))
            samples = samples.view(count, -1, self._data.features)  # [K, B, F]
            step = Step(self.epoch, index, share)
            target = model.augment(samples, step)
            batch = Batch(target, model.training_given(target, step, self._data.fill))
            norms += self._stepper.step(batch, step, rates[index])
        model.end_epoch()
        return norms / steps

    def _evaluate(self, norms: Tensor, start: float) -> list[SlotReport]:
        train, validation, variance = evaluate(self._model, self._data, self.plan.metric)
        terms = self._model.epoch_terms()
        if terms:
            train = [row | more for row, more in zip(train, by_slot(terms), strict=True)]
        seconds = (time.perf_counter() - start) / len(self._progress)
        reports = []
        for row, progress in enumerate(self._progress):
            beta = progress.slot.config.get("beta")
            reports.append(
                SlotReport(
                    trial=progress.slot.trial,
                    epoch=self.epoch,
                    train=train[row],
                    validation=validation[row],
                    effective_beta=None
                    if beta is None
                    else float(beta) * self._last_shares[row] * variance[row],
                    learning_rate=self._last_rates[row],
                    gradient_norm=float(norms[row]),
                    seconds=seconds,
                )
            )
        return reports

    def _conclude(self, reports: Sequence[SlotReport]) -> list[SlotEnd]:
        """Choose best epochs, end what is over, compact the rest."""
        finite = torch.isfinite(self._model.weights.detach()).all(dim=1).tolist()
        diverged: set[int] = set()
        stopped: set[int] = set()
        settled: list[int] = []
        for row, (progress, report) in enumerate(zip(self._progress, reports, strict=True)):
            if not finite[row] or not is_finite(report):
                diverged.add(row)
                continue
            has_settled, exhausted = progress.add(report)
            if has_settled:
                settled.append(row)
            if exhausted:
                stopped.add(row)
        self._settle(settled)
        self._snapshot = self._copy()
        self._series.take(self.epoch, lambda row: self._export(row, self._snapshot), diverged)
        over = range(len(reports)) if self.epoch >= self.plan.epochs else sorted(diverged | stopped)
        ends = []
        for row in over:
            if row in diverged:
                ends.append(self._progress[row].diverged(self.epoch))
            else:
                ends.append(self._end(row, "COMPLETE", self.epoch < self.plan.epochs))
        if over:
            self._compact([row for row in range(len(reports)) if row not in over])
        return ends

    def _settle(self, rows: Sequence[int]) -> None:
        """The epoch before this one is the best of these slots: keep its weights."""
        for kept, previous in zip(self._settled, self._snapshot, strict=True):
            for row in rows:
                kept[row].copy_(previous[row])

    def _copy(self) -> tuple[Tensor, Tensor]:
        return self._model.weights.detach().clone(), self._model.state.clone()

    def _end(self, row: int, state: EndState, stopped_early: bool = False) -> SlotEnd:
        progress = self._progress[row]
        choice = progress.best.current()
        if choice is None:
            return progress.end(state, self.epoch, stopped_early, None, None)
        weights = self._export(row, self._snapshot if choice.latest else self._settled)
        last = self._export(row, self._snapshot)
        twin = type(self._model).plain_twin(progress.slot.config, self._data.problem)
        end = progress.end(state, self.epoch, stopped_early, weights, None)
        series = self._series.of(row, self._data.problem.shape)
        return complete_end(end, twin, weights, last, self._data, series)

    def _export(self, row: int, matrices: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        return {**self._model.export(row, *matrices), **self._data.scaling}

    def _compact(self, rows: Sequence[int]) -> None:
        """Go on with these slots only, in their order."""
        self._progress = [self._progress[row] for row in rows]
        if not rows:
            return
        self._model = self._model.select(rows)
        self._series.select(rows)
        self._stepper.select(rows, self._model)
        index = torch.tensor(list(rows), device=self._model.device)
        self._snapshot = _pick(self._snapshot, index)
        self._settled = _pick(self._settled, index)

    def save(self, path: Path) -> None:
        """Write the full state after an epoch, atomically."""
        model = self._model
        tensors = {
            "weights": model.weights,
            "state": model.state,
            "settled.weights": self._settled[0],
            "settled.state": self._settled[1],
            **self._stepper.tensors(),
            **self._series.tensors(),
        }
        state = {
            "version": STATE_VERSION,
            "family": self.family,
            "epoch": self.epoch,
            "trials": self.live,
            "snapshots": self._series.epochs,
            "progress": [progress.to_json() for progress in self._progress],
        }
        write_tensors(path, tensors, state)

    @classmethod
    def load(
        cls,
        path: Path,
        family: str,
        slots: Sequence[Slot],
        data: TrainingData,
        plan: FitPlan,
        device: torch.device | None = None,
    ) -> Self:
        """Take up a saved run with a subset of its slots: compaction happens here.

        Raises ValueError when the file is of another family, version or set of trials.
        """
        tensors, state = read_tensors(path)
        if state.get("version") not in READABLE or state.get("family") != family:
            raise ValueError(f"{path.name} is not a saved {family} array of this version")
        missing = [slot.trial for slot in slots if slot.trial not in state["trials"]]
        if missing:
            raise ValueError(f"{path.name} does not hold trials {missing}")
        run = cls(family, slots, data, plan, device)
        rows = [state["trials"].index(slot.trial) for slot in slots]
        run._restore(tensors, state, rows)
        return run

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any], rows: list[int]) -> None:
        model = self._model
        index = torch.tensor(rows)
        chosen = {
            name: tensor.index_select(0, index).to(model.device) for name, tensor in tensors.items()
        }
        model.weights, model.state = chosen["weights"], chosen["state"]
        model.bind()
        self._stepper.restore(chosen)
        self._settled = (chosen["settled.weights"], chosen["settled.state"])
        self._snapshot = self._copy()
        self._series.restore(state.get("snapshots", []), chosen)
        self.epoch = state["epoch"]
        for progress, row in zip(self._progress, rows, strict=True):
            progress.restore(state["progress"][row])


def _pick(matrices: tuple[Tensor, Tensor], index: Tensor) -> tuple[Tensor, Tensor]:
    return matrices[0].index_select(0, index), matrices[1].index_select(0, index)
