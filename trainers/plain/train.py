"""Train this model's configuration again, from your own array: a plain PyTorch loop.

Written by HiFiTune; needs PyTorch, safetensors and NumPy, and the files beside it.

    python train.py data.npy --output retrained

Split, epochs, schedule and early stopping are those on record in config.json; the result lands
within the noise of the seed. Give the array in the units and the order that the study read.
"""

import argparse
import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

DEFAULT_TRAINING = {"epochs": 30, "early_stopping": None, "first_eligible_epoch": 1}
DEFAULT_SPLIT = {"train": 0.7, "validation": 0.15, "order": "seed", "seed": 0}


def split_rows(count: int, split: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Rows of the training and the validation part: shares (below 1) or counts."""
    order = np.arange(count)
    if split["order"] == "seed":
        order = np.argsort(np.random.PCG64(split["seed"]).random_raw(count), kind="stable")
    share, fixed, ends = 0.0, 0, [0]
    for size in (split["train"], split["validation"]):
        if isinstance(size, str):
            raise SystemExit("the study read its parts from files: give --validation as well")
        if isinstance(size, float):
            share += size
        else:
            fixed += int(size)
        ends.append(round(share * count) + fixed)
    rows = torch.from_numpy(order)
    return rows[: ends[1]], rows[ends[1] : ends[2]]


def make_optimizer(model: torch.nn.Module, config: dict[str, Any]) -> torch.optim.Optimizer:
    """The optimizer of a configuration."""
    settings = {"lr": config["learning_rate"], "weight_decay": config["weight_decay"]}
    if config["optimizer"] == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=0.9, **settings)
    kind = torch.optim.AdamW if config["optimizer"] == "adamw" else torch.optim.Adam
    return kind(model.parameters(), **settings)


@torch.no_grad()
def reconstruction_error(model: Any, data: Tensor) -> float:
    """Mean squared error on scaled samples [N, F], eval mode."""
    model.eval()
    errors = [(model.decode(model.encode(part)) - part) ** 2 for part in torch.split(data, 1024)]
    return float(torch.cat(errors).mean())


def train(
    model: Any,
    train_data: Tensor,
    validation_data: Tensor,
    training: dict[str, Any],
    *,
    show: bool = True,
) -> float:
    """Train in place and restore the best eligible epoch; returns its validation MSE."""
    config = model.config
    optimizer = make_optimizer(model, config)
    batch_size = min(config["batch_size"], len(train_data))
    stopping = training.get("early_stopping")
    batches = list(torch.split(torch.arange(len(train_data)), batch_size))
    if len(batches[-1]) == 1 and len(batches) > 1:  # one sample has no batch statistics
        batches.pop()
    total = training["epochs"] * len(batches)
    best, best_state, step = math.inf, {}, 0
    waited_for, improved_at = math.inf, 0
    for epoch in range(1, training["epochs"] + 1):
        model.train()
        order = torch.randperm(len(train_data))
        squares, seen = 0.0, 0
        for batch in batches:
            x = train_data[order[batch]]
            if config["schedule"] == "cosine":
                for group in optimizer.param_groups:
                    share = 0.5 * (1 + math.cos(math.pi * step / total))
                    group["lr"] = config["learning_rate"] * share
            ramp = config.get("warm_up", 0.0) * total
            loss = model.training_loss(x, kl_share=min(1.0, (step + 1) / ramp) if ramp else 1.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            squares += float(model.reconstruction_loss.mean_square) * len(x)
            seen += len(x)
            step += 1
        model.log_sigma.copy_(model.reconstruction_loss.log_sigma(torch.tensor(squares / seen)))
        error = reconstruction_error(model, validation_data)
        if show:
            print(f"epoch {epoch:4d}  validation mse {error:.6f}")
        if epoch < training["first_eligible_epoch"]:
            continue
        if error < best:
            best = error
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
        if stopping and error < waited_for - stopping["min_delta"]:
            waited_for, improved_at = error, epoch
        if (
            stopping
            and epoch - improved_at >= stopping["patience"]
            and epoch >= stopping["min_epochs"]
        ):
            break
    if best_state:
        model.load_state_dict(best_state)
    model.eval()
    return best


def main() -> None:
    """Read the command line, train, write weights.safetensors and config.json."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description="Train this model's configuration again.")
    parser.add_argument("data", type=Path, help="a .npy file, [samples, ...], raw units")
    parser.add_argument("--validation", type=Path, help="a .npy file, instead of a split")
    parser.add_argument("--model", type=Path, default=here, help="folder with config.json")
    parser.add_argument("--output", type=Path, default=Path("retrained"))
    parser.add_argument("--epochs", type=int, help="instead of the epochs on record")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    record = json.loads((arguments.model / "config.json").read_text())
    training = {**DEFAULT_TRAINING, **record.get("training", {})}
    training["epochs"] = arguments.epochs or training["epochs"]
    trained = load_file(arguments.model / "weights.safetensors")
    raw = torch.from_numpy(np.load(arguments.data, allow_pickle=False))

    model = importlib.import_module("model").build(raw[0].numel(), record["config"])
    # The scaling is the one that was fitted on the study's training part.
    model.offset, model.scale = trained["offset"], trained["scale"]
    data = model.preprocess(raw)
    if arguments.validation:
        other = torch.from_numpy(np.load(arguments.validation, allow_pickle=False))
        parts = (data, model.preprocess(other))
    else:
        rows, others = split_rows(len(data), {**DEFAULT_SPLIT, **record.get("split", {})})
        parts = (data[rows], data[others])
    error = train(model, *parts, training)
    print(f"best validation mse {error:.6f}")

    arguments.output.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), arguments.output / "weights.safetensors")
    (arguments.output / "config.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
