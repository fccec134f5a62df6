"""Real training jobs on a small stored data set, and what is compared of their events."""

import itertools
from pathlib import Path

from service.executors.base import (
    ArrayJob,
    EarlyStoppingPlan,
    JobEndEvent,
    SavedEvent,
    SlotJob,
    TrainingPlan,
    TrialEndEvent,
)
from trainers.registry import catalog

NUMBERS = itertools.count(1)
SMALL = {"hidden_width": 16, "depth": 1, "latent_dim": 4, "batch_size": 32, "dropout": 0.1}


def complete(family, **changes):
    entries = catalog().families[family].parameters
    return {name: entry.default for name, entry in entries.items()} | SMALL | changes


def training_job(
    data_folder, artifact_root, *, family="vae", rates=(0.001, 0.003, 0.01), **changes
):
    epochs = changes.pop("epochs", 6)
    config = changes.pop("config", {})
    stopping = changes.pop("early_stopping", None)
    job = ArrayJob(
        job_id=f"training-{next(NUMBERS)}",
        study_id="s1",
        cohort=0,
        array=0,
        fence=1,
        family=family,
        data_folder=str(data_folder),
        artifact_root=str(artifact_root),
        slots=[
            SlotJob(
                trial=trial,
                attempt=1,
                seed=100 + trial,
                config=complete(family, learning_rate=rate, **config),
            )
            for trial, rate in enumerate(rates)
        ],
        plan=TrainingPlan(
            epochs=epochs,
            first_eligible_epoch=1,
            early_stopping=stopping and EarlyStoppingPlan(**stopping),
            metric="mse",
            direction="minimize",
        ),
        until_epoch=epochs,
        resume_from=None,
        state_path="studies/s1/arrays/0-0",
    )
    return job.model_copy(update=changes)


def resumed(job, events, **changes):
    """The job that an engine sends after it recorded these events."""
    saved = [event for event in events if isinstance(event, SavedEvent)]
    over = {event.trial for event in events if isinstance(event, TrialEndEvent)}
    return job.model_copy(
        update={
            "job_id": f"training-{next(NUMBERS)}",
            "resume_from": saved[-1].path if saved else None,
            "slots": [slot for slot in job.slots if slot.trial not in over],
            **changes,
        }
    )


def facts(events):
    """What must be the same bit for bit, however the training was cut up."""
    told = {}
    for event in events:
        value = event.model_dump(exclude={"job_id", "attempt"})
        if event.kind == "epoch":
            del value["report"]["seconds"]
            told[(event.trial, event.report.epoch)] = value
        elif event.kind == "trial_end":
            if value.get("complexity"):
                del value["complexity"]["latency_seconds"]  # a clock, like seconds
            told[(event.trial, "end")] = value
    return told


def outcome(events):
    assert isinstance(events[-1], JobEndEvent), events[-1]
    assert events[-1].failure is None, events[-1].failure
    return events[-1].outcome


def temporaries(artifact_root):
    return [path for path in Path(artifact_root).rglob("*") if path.name.startswith(".")]
