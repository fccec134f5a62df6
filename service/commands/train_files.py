"""What one training leaves in its folder: a model, curves as CSV and as a page, result.json."""

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from service.artifacts import FilesystemArtifacts
from service.commands.exits import Exit, Stop
from service.commands.train_report import baselines_of, metrics_of, ranked_metric
from service.commands.training import Training
from service.domain.configuration import complete_config
from service.domain.division import division_of
from service.domain.problems import problem_fields
from service.domain.records import Trial
from trainers.portable import write_model_zip

RESULT, CURVES, PAGE, MODEL, CACHE = "result.json", "curves.csv", "curves.html", "model", "cache"


def make_folder(folder: Path, force: bool) -> None:
    """A folder to write to, before a second is spent. Raises Stop."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [name for name in (RESULT, CURVES, PAGE, MODEL) if (folder / name).exists()]
        if there and not force:
            raise Stop(
                Exit.USAGE,
                f"{folder} holds {', '.join(there)} already; give another --output, or --force to "
                "replace them",
            )
        for name in there:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        # Whether it can be written to is said now, and not after hours of training.
        (folder / CACHE).mkdir(exist_ok=True)
    except OSError as error:
        raise Stop(Exit.USAGE, f"cannot write to {folder}: {error.strerror}") from None


def write_files(training: Training, result: dict[str, Any], folder: Path) -> list[str]:
    """Write what there is; the names of the files, result.json last."""
    files = FilesystemArtifacts(folder)
    written = []
    chosen = training.chosen
    if training.weights and chosen is not None:
        _write_model(training, chosen, folder / MODEL)
        written.append(MODEL)
    if training.reports:
        from service.commands.train_page import curves_page  # loads plotly

        files.put_bytes(CURVES, curves_csv(training).encode())
        files.put_bytes(PAGE, curves_page(training, result).encode())
        written += [CURVES, PAGE]
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    files.put_bytes(RESULT, text.encode())
    return [*written, RESULT]


def curves_csv(training: Training) -> str:
    """A row per seed and epoch; empty cells stand for what is not finite."""
    reports = [
        (training.trials[number].seed, report)
        for number in sorted(training.reports)
        for report in training.reports[number]
    ]
    names = sorted({name for _, report in reports for name in report.train})
    others = sorted({name for _, report in reports for name in report.validation})
    alone = ("effective_beta", "learning_rate", "gradient_norm", "seconds")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [f"train_{name}" for name in names] + [f"validation_{name}" for name in others]
    writer.writerow(["seed", "epoch", *head, *alone])
    for seed, report in reports:
        values = [report.train.get(name) for name in names]
        values += [report.validation.get(name) for name in others]
        values += [getattr(report, name) for name in alone]
        writer.writerow([seed, report.epoch, *values])
    return text.getvalue()


def _write_model(training: Training, chosen: Trial, target: Path) -> None:
    """The zip that `/best/model` gives, unpacked."""
    spec = training.plan.resolved
    packed = io.BytesIO()
    write_model_zip(
        packed,
        family=chosen.family,
        problem=problem_fields(training.dataset, spec.task),
        config=complete_config(spec, chosen.family, chosen.params),
        weights=training.weights,
        metadata=_metadata(training, chosen),
    )
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(target)


def _metadata(training: Training, chosen: Trial) -> dict[str, Any]:
    """What config.json says beside the model's configuration."""
    resolved = training.plan.resolved.model_dump(mode="json")
    metrics, metric = metrics_of(training, chosen), ranked_metric(training)
    return {
        "trained_by": "hifitune train",
        "metrics": metrics.model_dump(mode="json"),
        "best_epoch": chosen.best_epoch,
        "baselines": baselines_of(training, chosen),
        "seed": chosen.seed,
        "versions": dict(training.versions),
        "data_hash": training.dataset.data_hash,
        "complexity": chosen.complexity,
        "objective": {"metric": metric, "value": metrics.validation.get(metric)},
        "study": resolved["name"],
        "dataset": resolved["dataset"],
        "split": resolved["split"],
        "division": division_of(training.plan.readable.dataset),
        "scaling": resolved["scaling"],
        "training": resolved["training"],
    }
