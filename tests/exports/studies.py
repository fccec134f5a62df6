"""Specs of small real studies whose trials end in every way that training can."""

from typing import Any

SEARCH: dict[str, Any] = {
    "name": "every way to end",
    "dataset": {"name": "digits"},
    # Of raw pixels up to 16, so that plain gradient descent at a rate of 10 diverges.
    "scaling": "none",
    "family": {"choices": ["autoencoder", "vae"]},
    "space": {
        "optimizer": {"type": "categorical", "choices": ["adamw", "sgd"]},
        "learning_rate": {"type": "categorical", "choices": [0.001, 0.003, 0.01, 10.0]},
        "weight_decay": {
            "type": "float", "low": 1e-6, "high": 1e-2, "log": True,
            "when": {"optimizer": ["adamw"]},
        },
        "dropout": {
            "type": "float", "low": 0.0, "high": 0.35, "step": 0.1, "when": {"family": ["vae"]}
        },
        "augment_flip": {"type": "categorical", "choices": [True, False]},
        "hidden_width": {"type": "int", "low": 16, "high": 32, "step": 8},
        "latent_dim": 8,
    },
    "objective": {"metric": "mse"},
    "sampler": {"type": "random"},
    "training": {"epochs": 6},
    "pruner": {"type": "halving", "min_epochs": 2},
    "budget": {"trials": 16},
    "parallel": {"cohort_size": 8},
    "selection": {"top_k": 0},
}  # fmt: skip
