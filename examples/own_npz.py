"""Your own npz in ten minutes: make an array, serve, submit, pull the model, use it.

    python examples/own_npz.py [FOLDER]

own_npz.md walks through the same steps by hand.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from service.client import Client

SPEC = {
    "name": "own-npz",
    "dataset": {"kind": "npz", "path": "waves.npz", "key": "waves"},
    "split": {"train": 1400, "validation": 300, "test": 300},
    "scaling": "standard",
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.001, "high": 0.01, "log": True},
        "hidden_width": {"type": "categorical", "choices": [64, 128]},
        "latent_dim": 4,
    },
    "training": {"epochs": 20},
    "budget": {"trials": 6},
}


def make_waves(count: int = 2000, length: int = 48) -> np.ndarray:
    """[count, length] sine waves of random height, pitch and phase, with a little noise."""
    stream = np.random.default_rng(0)
    height, pitch, phase = stream.uniform((0.5, 1, 0), (2, 3, 2 * np.pi), (count, 3)).T
    time_axis = np.linspace(0, 2 * np.pi, length)
    waves = height[:, None] * np.sin(pitch[:, None] * time_axis + phase[:, None])
    return (waves + stream.normal(0, 0.02, waves.shape)).astype(np.float32)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Client]:
    """A server on a free port that may read FOLDER and keeps its own files in FOLDER/server."""
    command = [sys.executable, "-m", "service.cli", "serve", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(folder / "server")],
        env={**os.environ, "HIFITUNE_DATA_ROOTS": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            started = json.loads(process.stdout.readline())  # {"event": "serving", "url": ...}
            with Client(started["url"]) as client:
                yield client
        finally:
            process.send_signal(signal.SIGINT)


def use_model(folder: Path, waves: np.ndarray) -> float:
    """Load the model as anyone would: from its own folder. The MSE on raw units."""
    sys.path.insert(0, str(folder))
    from model import load

    model = load(folder)
    return float(((model.reconstruct(waves).numpy() - waves) ** 2).mean())


def main(folder: str = "own-npz") -> None:
    here = Path(folder).absolute()
    here.mkdir(parents=True, exist_ok=True)
    waves = make_waves()
    np.savez_compressed(here / "waves.npz", waves=waves)
    with serving(here) as client:
        study = client.submit(SPEC)
        print("watch it at", study.url)
        study.wait()
        best = study.best()
        print(f"best of {SPEC['budget']['trials']}: trial {best.trial}, {best.params}")
        print(f"MSE on the scaled data: validation {best.objective.value:.5f},", best.metrics.test)
        study.download_model(here / "model")
    error = use_model(here / "model", waves)
    print(f"MSE of the reconstruction in raw units: {error:.5f} (variance {waves.var():.5f})")
    print(f"the model is in {here / 'model'}; its README.md says how to use it")


if __name__ == "__main__":
    main(*sys.argv[1:])
