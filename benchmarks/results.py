"""`make results`: tune one study for each family and task, and write docs/results_by_family.md.

Below the studies stands the linear beta-VAE against its closed form.

    python -m benchmarks.results [--only TEXT] [--data FOLDER]

Runs a real server with two workers on a database of its own and submits every study over REST.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import closed_form
from benchmarks.idx_images import DATA
from benchmarks.result_studies import ENTRIES, Entry
from service.client import Client

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "results_by_family.md"


class Row(NamedTuple):
    """One study's answer; `test` is scored once, on the sealed part."""

    entry: Entry
    trials: str
    seconds: float
    validation: float | None
    test: float | None
    rival_name: str
    rival: float | None
    more: dict[str, float]
    failure: str = ""

    @property
    def beats(self) -> bool:
        """Whether the model is better than its rival on the sealed test part."""
        if self.test is None or self.rival is None:
            return False
        return (self.test > self.rival) is self.entry.larger_is_better


@contextlib.contextmanager
def serving(folder: Path, data: Path) -> Iterator[Client]:
    """A server on a free port with two workers; stopped at the end."""
    command = [sys.executable, "-m", "service.cli", "serve", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(folder), "--workers", "2"],
        env={**os.environ, "HIFITUNE_DATA_ROOTS": str(data)},
        stdout=subprocess.PIPE,
        stderr=(folder / "serve.log").open("w"),
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            with Client(json.loads(process.stdout.readline())["url"]) as client:
                yield client
        finally:
            process.terminate()


def rival_of(entry: Entry, best: Mapping[str, Any]) -> tuple[str, float | None]:
    """The name of what the entry must beat, and its figure on the sealed test part."""
    baselines = best["baselines"]
    if entry.rival == "mean":
        return "mean sample", baselines["mean"]["test"]
    if entry.rival == "pca":
        pca = baselines["pca"]
        figure = pca["test"] if pca["test_clipped"] is None else pca["test_clipped"]
        return f"PCA-{pca['latent_dim']}", figure
    if entry.rival == "linear_vae":
        linear = baselines["linear_vae"]
        if linear is None:
            return "linear VAE", None
        name = f"linear VAE-{linear['latent_dim']} at beta {linear['beta']:.3g}"
        return name, linear["mse"]["test"]
    if entry.rival == "doing_nothing":
        nothing = baselines["task"]
        return nothing["name"], (nothing["test"] or nothing["validation"]).get(entry.metric)
    if entry.rival == "ngram":
        found = min(baselines["ngrams"], key=lambda each: each["validation"])
        return f"{found['order']}-gram", found["test"]
    raise ValueError(entry.rival)


def tune(client: Client, entry: Entry, index: int) -> Row:
    """Submit a study, wait for its end and read its answer."""
    started = time.monotonic()
    handle = client.submit({"name": f"results-{index}", **entry.spec})
    study = handle.wait(timeout=3600)
    seconds = time.monotonic() - started
    trials = f"{study.progress.complete} of {study.progress.trials}"
    if study.state != "COMPLETE":
        failure = study.failure.message if study.failure else str(study.state)
        return Row(entry, trials, seconds, None, None, entry.rival, None, {}, failure)
    best = handle.best().model_dump(mode="json")
    test = best["metrics"]["test"] or {}
    name, rival = rival_of(entry, best)
    return Row(
        entry=entry,
        trials=trials,
        seconds=seconds,
        validation=best["metrics"]["validation"].get(entry.metric),
        test=test.get(entry.metric),
        rival_name=name,
        rival=rival,
        more={key: test[key] for key in entry.more if test.get(key) is not None},
    )


def describe(rows: list[Row], landed: list[closed_form.Landed], seconds: float) -> str:
    """The page, as Markdown."""
    lines = [
        "# Results by family",
        "",
        "Written by `make results`: for each row a study is tuned through `POST /v1/studies` on a",
        "server with two workers, and its winner scored once on the sealed test part, beside a",
        "rival on the same split. The studies are small (2 to 8 trials, minutes on two cores):",
        "they show that a family works end to end, not how far it goes. One seed a trial, without",
        "selection: what that adds is in results.md.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} at the end, {seconds / 60:.0f} minutes in all.",
        "",
        "| study | trials ended | metric | validation | test | rival | its figure | better | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.failure:
            lines.append(f"| {row.entry.title} | {row.trials} | failed: {row.failure} ||||||")
            continue
        figures = [_say(value) for value in (row.validation, row.test)]
        lines.append(
            f"| {row.entry.title} | {row.trials} | {row.entry.metric} | {figures[0]} | "
            f"**{figures[1]}** | {row.rival_name} | {_say(row.rival)} | "
            f"{'yes' if row.beats else 'no'} | {row.seconds:.0f} |"
        )
    notes = [
        f"- {row.entry.title}: "
        + "; ".join(
            [*(f"{name} {_say(value)}" for name, value in row.more.items()), row.entry.note]
        ).strip("; ")
        for row in rows
        if row.more or row.entry.note
    ]
    forms = ["", *closed_form.describe(landed)] if landed else []
    return "\n".join([*lines, "", *notes, *forms, ""])


def _say(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def main() -> None:
    """Run the studies that match, write the page, say which rivals were not beaten."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="studies whose title holds this text")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with mnist/ and so on")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args()
    started = time.monotonic()
    rows: list[Row] = []
    wanted = [(index, entry) for index, entry in enumerate(ENTRIES) if options.only in entry.title]
    with (
        tempfile.TemporaryDirectory(prefix="hifitune-results-") as name,
        serving(Path(name), options.data) as client,
    ):
        for index, entry in wanted:
            if entry.needs_data and not (options.data / entry.needs_data).is_dir():
                print(f"{entry.title}: left out, there is no {entry.needs_data}/")
                continue
            row = tune(client, entry, index)
            rows.append(row)
            verdict = row.failure or ("better" if row.beats else "NOT better")
            print(
                f"{entry.title}: {entry.metric} {_say(row.test)} against {row.rival_name} "
                f"{_say(row.rival)}: {verdict} ({row.seconds:.0f} s)",
                flush=True,
            )
    landed = [] if options.only else closed_form.measure(options.data)
    page = describe(rows, landed, time.monotonic() - started)
    options.output.write_text(page, encoding="utf-8")
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
