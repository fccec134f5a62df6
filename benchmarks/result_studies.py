"""The studies of `make results`: one for each family or task, and the rival that it must beat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RATE = {"type": "float", "low": 0.001, "high": 0.008, "log": True}
DECAY = {"type": "float", "low": 1e-5, "high": 0.03, "log": True}
WIDTHS = {"type": "categorical", "choices": [128, 256]}


@dataclass(frozen=True)
class Entry:
    """A study to tune, the metric to show, and the figure beside it.

    `rival` names an entry of RIVALS (results.py) or a fixed figure of shared/data/README.md.
    """

    title: str
    spec: Mapping[str, Any]
    rival: str
    metric: str = "mse"
    larger_is_better: bool = False
    note: str = ""
    needs_data: str = ""
    """A folder below the data root; empty: built in."""
    more: tuple[str, ...] = field(default=())
    """Other metrics worth a word."""


def idx(name: str, train: int = 20_000) -> dict[str, Any]:
    """MNIST or Fashion-MNIST: the first images in file order, the official test images."""
    return {
        "dataset": {
            "kind": "idx",
            "images": f"{name}/train-images-idx3-ubyte.gz",
            "test_images": f"{name}/t10k-images-idx3-ubyte.gz",
        },
        "split": {"train": train, "validation": 5_000, "order": "file"},
    }


def study(
    data: Mapping[str, Any],
    family: str,
    space: Mapping[str, Any],
    epochs: int,
    trials: int,
    **more: Any,
) -> dict[str, Any]:
    """A small TPE study; one seed a trial: what selection adds is in benchmarks.selection_cases."""
    return {
        **data,
        "family": family,
        "space": dict(space),
        "training": {"epochs": epochs, "early_stopping": {"patience": 6}},
        "budget": {"trials": trials},
        "pruner": {"type": "halving", "reduction_factor": 3, "min_epochs": 2},
        "selection": {"top_k": 0},
        **more,
    }  # fmt: skip


MLP = {"learning_rate": RATE, "weight_decay": DECAY, "hidden_width": WIDTHS, "latent_dim": 16,
       "batch_size": 128}  # fmt: skip
CONV = {"learning_rate": RATE, "architecture": "conv", "latent_dim": 16, "batch_size": 128,
        "channels": {"type": "categorical", "choices": [16, 32]}}  # fmt: skip
KODAK = {
    "dataset": {"kind": "images", "path": "kodak24", "patches": {"size": 32, "stride": 32}},
    "split": {"train": 0.7, "validation": 0.15, "test": 0.15, "seed": 0},
}
NAMES = {"dataset": {"kind": "text", "path": "text/names.txt", "duplicates": "drop"}}
TEXT = {"learning_rate": RATE, "latent_dim": 32, "batch_size": 128,
        "hidden_width": {"type": "categorical", "choices": [128, 192]}}  # fmt: skip
PAIRS = (("MNIST", "mnist"), ("Fashion-MNIST", "fashion-mnist"))

ENTRIES = (
    *(
        Entry(f"{title}, autoencoder, 16 latent", study(idx(name), "autoencoder", MLP, 14, 8),
              "pca", needs_data=name)
        for title, name in PAIRS
    ),
    *(
        Entry(f"{title}, conv autoencoder, 16 latent", study(idx(name, 10_000), "autoencoder",
              CONV, 8, 4), "pca", needs_data=name)
        for title, name in PAIRS
    ),
    Entry("Digits, denoising autoencoder", study({"dataset": {"name": "digits"}},
          "denoising_autoencoder", MLP, 40, 8), "pca"),
    Entry("MNIST, vae (learned sigma)", study(idx("mnist", 10_000), "vae", MLP, 12, 6),
          "linear_vae", needs_data="mnist", more=("kl", "active_units")),
    Entry("MNIST, beta_vae at beta 1", study(idx("mnist", 10_000), "beta_vae",
          {**MLP, "beta": 1.0}, 12, 6), "linear_vae", needs_data="mnist",
          more=("kl", "active_units")),
    Entry("MNIST, sigma_vae", study(idx("mnist", 10_000), "sigma_vae", MLP, 12, 6),
          "linear_vae", needs_data="mnist", more=("kl", "active_units")),
    Entry("MNIST, vq_vae", study(idx("mnist", 10_000), "vq_vae",
          {"learning_rate": RATE, "batch_size": 128}, 10, 4), "mean", needs_data="mnist",
          more=("codes_used", "code_perplexity")),
    Entry("Digits, vae_gan", study({"dataset": {"name": "digits"}}, "vae_gan", MLP, 40, 6), "pca"),
    Entry("Digits, aae", study({"dataset": {"name": "digits"}}, "aae", MLP, 40, 6), "pca"),
    Entry("Digits, bigan", study({"dataset": {"name": "digits"}}, "bigan", MLP, 40, 6), "pca",
          note="its reconstruction is G(E(x)), also charged in pixels (ALICE)"),
    Entry("Names without duplicates, text_autoencoder", study(NAMES, "text_autoencoder", TEXT,
          14, 3), "ngram", metric="token_cross_entropy", needs_data="text",
          more=("exact_match", "edit_distance")),
    Entry("Names without duplicates, text_vae", study(NAMES, "text_vae", TEXT, 14, 3), "ngram",
          metric="token_cross_entropy", needs_data="text",
          more=("exact_match", "edit_distance", "kl")),
    Entry("Breast cancer (scikit-learn), tabular_autoencoder", study(
          {"dataset": {"name": "breast_cancer"}, "scaling": "standard"}, "tabular_autoencoder",
          {**MLP, "latent_dim": 8}, 60, 8), "pca"),
    Entry("Digits, wae_mmd", study({"dataset": {"name": "digits"}}, "wae_mmd", MLP, 40, 6), "pca"),
    Entry("Digits, rae", study({"dataset": {"name": "digits"}}, "rae", MLP, 40, 6), "pca"),
    Entry("Digits, sparse_autoencoder", study({"dataset": {"name": "digits"}},
          "sparse_autoencoder", MLP, 40, 6), "pca"),
    Entry("Digits, contractive_autoencoder", study({"dataset": {"name": "digits"}},
          "contractive_autoencoder", MLP, 40, 6), "pca"),
    Entry("Kodak24 patches, super_resolution x2", study(
          {**KODAK, "task": {"kind": "super_resolve", "factor": 2},
           "objective": {"metric": "psnr", "direction": "maximize"}}, "super_resolution",
          {"learning_rate": RATE, "blocks": 3, "channels": 16, "batch_size": 32}, 10, 2),
          "doing_nothing", metric="psnr", larger_is_better=True, needs_data="kodak24",
          note="against bicubic; large published networks gain several dB more"),
    Entry("Kodak24 patches, denoise at sigma 25", study(
          {**KODAK, "task": {"kind": "denoise", "noise": "gaussian", "level": 25 / 255},
           "objective": {"metric": "psnr", "direction": "maximize"}}, "super_resolution",
          {"learning_rate": RATE, "blocks": 3, "channels": 16, "batch_size": 32}, 10, 2),
          "doing_nothing", metric="psnr", larger_is_better=True, needs_data="kodak24",
          note="the mean over patches of 32 x 32, of which smooth ones (sky) lie high; published "
          "large networks reach 30 dB and more on whole images"),
    Entry("MNIST, inpaint a block", study(
          {**idx("mnist", 10_000), "task": {"kind": "inpaint", "mask": "block", "share": 0.25},
           "objective": {"metric": "hole_mse"}}, "autoencoder", {**MLP, "latent_dim": 64}, 12, 4),
          "doing_nothing", metric="hole_mse", needs_data="mnist", note="the hole alone, against "
          "its mean fill"),
)  # fmt: skip
