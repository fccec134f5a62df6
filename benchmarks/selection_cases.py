"""What selection says of real studies: luck with the seed, and luck with the split.

    python -m benchmarks.selection_cases [--data FOLDER]

A server with two workers; every study over REST, with `selection: {top_k: 3, seeds: 5}`.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.idx_images import DATA
from benchmarks.result_studies import DECAY, RATE, idx
from benchmarks.results import serving
from service.client import Client

SELECTION = {"top_k": 3, "seeds": 5}
SPACE = {
    "learning_rate": RATE,
    "weight_decay": DECAY,
    "dropout": {"type": "float", "low": 0.0, "high": 0.3},
    "hidden_width": {"type": "categorical", "choices": [64, 128, 256]},
    "latent_dim": 16,
}
STUDIES: dict[str, dict[str, Any]] = {
    "Digits, vae": {
        "dataset": {"name": "digits"},
        "family": "vae",
        "space": SPACE,
        "training": {"epochs": 30},
        "budget": {"trials": 48},
    },
    "Digits, autoencoder, 300 samples": {
        "dataset": {"name": "digits", "limit": 300},
        "family": "autoencoder",
        "space": SPACE,
        "training": {"epochs": 40},
        "pruner": {"type": "none"},
        "budget": {"trials": 64},
    },
    "Fashion-MNIST (10,000), autoencoder": {
        **idx("fashion-mnist", 10_000),
        "family": "autoencoder",
        "space": {
            "learning_rate": RATE,
            "weight_decay": DECAY,
            "hidden_width": {"type": "categorical", "choices": [128, 256]},
            "latent_dim": 16,
            "batch_size": 128,
        },
        "training": {"epochs": 12},
        "budget": {"trials": 16},
    },
}


def tune(client: Client, title: str, spec: dict[str, Any], index: int) -> None:
    """Run a study and print its row and its sentences."""
    handle = client.submit({"name": f"selection-{index}", **spec, "selection": SELECTION})
    study = handle.wait(timeout=3600)
    if study.state != "COMPLETE":
        print(f"{title}: {study.state} {study.failure}")
        return
    best = handle.best().model_dump(mode="json")
    found = best["selection"]
    test = (best["metrics"]["test"] or {})[found["metric"]]
    low, high = found["interval"][found["metric"]]
    luck = found["seed_optimism"] / found["search"]
    split = found["split_optimism"] / found["mean"]
    print(
        f"| {title} | {study.progress.trials} | {found['search']:.5f} | {found['mean']:.5f} ± "
        f"{found['pooled_sd']:.5f} | {luck:+.1%} | {split:+.1%} | {test:.5f} "
        f"({low:.5f} to {high:.5f}) |",
        flush=True,
    )
    print(f"  {found['note']}", flush=True)


def main() -> None:
    """Print a table with what the service says below each row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with mnist/ and so on")
    options = parser.parse_args()
    print("| study | trials | search value | confirmed mean ± sd | seed | split | test (95 %) |")
    print("|---|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory(prefix="hifitune-selection-") as name,
        serving(Path(name), options.data) as client,
    ):
        for index, (title, spec) in enumerate(STUDIES.items()):
            tune(client, title, spec, index)


if __name__ == "__main__":
    main()
