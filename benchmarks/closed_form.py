"""A linear beta-VAE trained by our own code against its closed form, for several betas.

    python -m benchmarks.closed_form [--data FOLDER]

One array for each data set, a slot for each beta (784-z32-784, no hidden layer, Gaussian with sigma
1, Adam, cosine). The closed form is that of the eigenvalues of the train split itself; figures are
those of the last epoch (DOMAIN.md 5).
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.torch import save_file

from benchmarks.idx_images import DATA, Images, read_images
from service.domain.linear_vae import LinearVae, linear_vae
from trainers.base import FitPlan, Slot
from trainers.evaluation import score
from trainers.loop import ArrayRun
from trainers.problem import problem_of
from trainers.registry import catalog

SETS = (("MNIST", "mnist"), ("Fashion-MNIST", "fashion-mnist"))
BETAS = (0.5, 1.0, 4.0)
TRAIN, EPOCHS, LATENT = 20_000, 40, 32
NEAR = 0.15
"""Directions whose variance is this close to beta are counted neither as active nor as not."""


class Landed(NamedTuple):
    """Where the training ended, beside the optimum."""

    title: str
    expected: LinearVae
    doubtful: int
    """Directions too close to beta to tell."""
    active_units: float
    kl: float
    mse: float

    @property
    def holds(self) -> bool:
        """Active units exactly (but for doubtful ones); KL and MSE within 3 %."""
        return (
            abs(self.active_units - self.expected.active_units) <= self.doubtful
            and abs(self.kl / self.expected.kl - 1) <= 0.03
            and abs(self.mse / self.expected.mse - 1) <= 0.03
        )


def measure(data: Path) -> list[Landed]:
    """Every data set that is there, every beta."""
    found = []
    for title, name in SETS:
        file = data / name / "train-images-idx3-ubyte.gz"
        if file.is_file():
            found += train(title, Images(rows := read_images(file, TRAIN), rows[:8]))
    return found


def train(title: str, data: Images) -> list[Landed]:
    """One array with a slot for each beta, to its last epoch."""
    defaults = {name: p.default for name, p in catalog().families["vae"].parameters.items()}
    shared = defaults | {
        "depth": 0, "latent_dim": LATENT, "loss": "gaussian", "sigma": 1.0, "weight_decay": 0.0,
        "optimizer": "adam", "schedule": "cosine", "learning_rate": 2e-3, "batch_size": 200,
    }  # fmt: skip
    slots = [Slot(i, 1 + i, shared | {"beta": beta}) for i, beta in enumerate(BETAS)]
    run = ArrayRun("vae", slots, data, FitPlan(EPOCHS, EPOCHS, None, "mse", "minimize"))
    ends = []
    while run.live:
        result = run.run_epoch()
        assert result is not None
        ends += result[1]
    centred = data.train.astype(np.float64) - data.train.mean(0, dtype=np.float64)
    covariance = centred.T @ centred / len(centred)
    eigenvalues = np.linalg.eigvalsh(covariance)[::-1].clip(min=0)
    features = centred.shape[1]
    landed = []
    with tempfile.TemporaryDirectory(prefix="hifitune-closed-form-") as folder:
        for beta, slot, end in zip(BETAS, slots, ends, strict=True):
            assert end.weights is not None
            file = Path(folder) / "weights.safetensors"
            save_file(end.weights, file)
            expected = linear_vae(
                eigenvalues.tolist(), float(np.trace(covariance)) / features, features, beta, LATENT
            )
            assert expected is not None
            ours = score("vae", slot.config, file, data.train, slot.seed, problem_of(data))
            landed.append(
                Landed(
                    title,
                    expected,
                    int((np.abs(eigenvalues / beta - 1) < NEAR).sum()),
                    ours["active_units"],
                    ours["kl"],
                    ours["mse"],
                )
            )
    return landed


def describe(landed: Sequence[Landed]) -> list[str]:
    """The lines of the page."""
    return [
        "## The linear beta-VAE and its closed form",
        "",
        "`python -m benchmarks.closed_form`: no hidden layer, Gaussian with sigma 1, every beta a "
        "slot of one array,",
        f"{TRAIN:,} images, {EPOCHS} epochs, on the train split itself. Directions within 15 % of "
        "beta are in doubt.",
        "",
        "| data | beta | active units (closed form, in doubt) | KL | of closed form | MSE | of "
        "closed form | holds |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {row.title} | {row.expected.beta:g} | {row.active_units:.0f} "
            f"({row.expected.active_units}, {row.doubtful}) | {row.kl:.3f} | "
            f"{row.kl / row.expected.kl - 1:+.1%} | {row.mse:.5f} | "
            f"{row.mse / row.expected.mse - 1:+.1%} | {'yes' if row.holds else 'no'} |"
            for row in landed
        ),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with mnist/ and so on")
    print("\n".join(describe(measure(parser.parse_args().data))))


if __name__ == "__main__":
    main()
