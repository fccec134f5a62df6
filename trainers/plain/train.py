"""Train this model's configuration again, from your own data: a plain PyTorch loop.

Written by HiFiTune; needs PyTorch, safetensors and NumPy, and the files beside it.

    python train.py data.npy --output retrained     (a model of texts: lines.txt)

Objective, split, epochs, schedule and early stopping are those on record in config.json; the
result lands within the noise of the seed. Give the array in the units and the order that the
study read, copies included (they stay in one part, or are left out, as they were then); of texts
one a line.
"""

import argparse
import hashlib
import importlib
import json
import math
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainers.plain.division import DEFAULT_DIVISION, divide_samples, group_samples

DEFAULT_TRAINING = {"epochs": 30, "early_stopping": None, "first_eligible_epoch": 1}
MAX_GRADIENT_NORM = 1e4
CHUNK = 1024
"""Samples evaluated at once."""
KEPT = ("format", "family", "problem", "config", "study", "division", "split", "scaling")
"""What the config.json of the trained model has from the one that it was trained by."""
JUDGED = ("categorical_accuracy",)
"""NaN for rows where it has nothing to judge: they are left out."""
MAXIMIZED = ("elbo", "exact_match", "psnr", "ssim", "ms_ssim", "categorical_accuracy")
"""Metrics that are better when higher."""


def make_optimizer(player: Any, config: dict[str, Any]) -> torch.optim.Optimizer:
    """The optimizer of a player's parameters."""
    rate = config["learning_rate"] * player.rate
    settings = {"lr": rate, "weight_decay": config["weight_decay"]}
    if config["optimizer"] == "sgd":
        return torch.optim.SGD(player.parameters, momentum=0.9, **settings)
    kind = torch.optim.AdamW if config["optimizer"] == "adamw" else torch.optim.Adam
    return kind(player.parameters, **settings)


@torch.no_grad()
def measure(model: Any, data: Tensor) -> dict[str, float]:
    """Means over scaled samples [N, F], eval mode: mse, mae and what the data allows.

    That is psnr, ssim, ms_ssim, bce_excess, or figures of columns; elbo, bits_per_dimension and
    kl where the model has them; hole_mse and known_mse of one that fills holes. A model with
    metrics of its own (of texts) measures itself.
    """
    model.eval()
    generator = torch.Generator().manual_seed(0)  # the same noise at every epoch
    if hasattr(model, "measure"):
        found: dict[str, float] = model.measure(data, generator)
        return found
    sums, counts = {"mse": 0.0, "mae": 0.0}, dict.fromkeys(JUDGED, 0)
    holes = {"hole_mse": [0.0, 0.0], "known_mse": [0.0, 0.0]}  # squared error, values
    for part in torch.split(data, CHUNK):
        given = model.corrupt(part, generator)
        prediction = model.estimate(given)
        error = prediction - part
        for name, values in model.figures(prediction, part).items():
            if name in JUDGED:
                values = values[~values.isnan()]
            sums[name] = sums.get(name, 0.0) + float(values.double().sum())
            counts[name] = counts.get(name, 0) + len(values)
        sums["mse"] += float((error**2).mean(1).sum())
        sums["mae"] += float(error.abs().mean(1).sum())
        if given.known is not None:
            for name, chosen in (("hole_mse", given.known == 0), ("known_mse", given.known > 0)):
                holes[name][0] += float((error[chosen] ** 2).sum())
                holes[name][1] += float(chosen.sum())
        posterior = model.posterior(given)
        if posterior is not None:
            mean, log_variance = posterior
            kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
            sums["kl"] = sums.get("kl", 0.0) + float(kl.sum())
        if getattr(model, "is_likelihood", False):
            noise = torch.randn(len(part), model.latent_dim, generator=generator)
            elbo = float(model.elbo(part, given, noise))
            sums["elbo"] = sums.get("elbo", 0.0) + elbo * len(part)
    means = {
        name: total / count
        for name, total in sums.items()
        if (count := counts.get(name, len(data)))
    }
    if "elbo" in means:
        # A density of scaled data becomes one of raw data by the scale; a probability does not.
        scale = 0.0 if model.config["loss"] == "bce" else float(model.scale.log2().mean())
        bits = -means["elbo"] / (model.features * math.log(2))
        means["bits_per_dimension"] = bits + scale
    return means | {name: squares / count for name, (squares, count) in holes.items() if count}


class BestEpoch:
    """The epoch with the best median of three neighbours, so that one lucky epoch does not win.

    At both ends of the series the window has two epochs, and the worse counts. Equal windows:
    the better value, then the earlier epoch. Lower is better.
    """

    def __init__(self) -> None:
        self.chosen: tuple[float, float, int] | None = None
        """(score, value, epoch)"""
        self.state: dict[str, Tensor] = {}
        """Of the chosen epoch."""
        self._recent: list[float] = []
        self._newest: tuple[int, dict[str, Tensor]] = (0, {})

    def add(self, epoch: int, value: float, state: dict[str, Tensor]) -> None:
        """Take in an epoch, which settles the one before it."""
        self._recent = [*self._recent[-2:], value]
        if len(self._recent) > 1:  # of two the worse, of three the median
            self._offer(sorted(self._recent)[1], self._recent[-2])
        self._newest = (epoch, {name: tensor.clone() for name, tensor in state.items()})

    def finish(self) -> None:
        """No epoch follows: the newest one counts too."""
        self._offer(max(self._recent[-2:]), self._recent[-1])

    def _offer(self, score: float, value: float) -> None:
        epoch, state = self._newest
        if self.chosen is None or (score, value, epoch) < self.chosen:
            self.chosen, self.state = (score, value, epoch), state


def train(
    model: Any,
    train_data: Tensor,
    validation_data: Tensor,
    training: dict[str, Any],
    *,
    metric: str = "mse",
    show: bool = True,
) -> int:
    """Train in place by a validation metric and restore the best eligible epoch: returns it."""
    config = model.config
    sign = -1.0 if metric in MAXIMIZED else 1.0
    loss_terms = getattr(model, "reconstruction_loss", None)  # of texts there are none
    players = model.players()
    optimizers = [make_optimizer(player, config) for player in players]
    batch_size = min(config["batch_size"], len(train_data))
    stopping = training.get("early_stopping")
    first_eligible = min(training["first_eligible_epoch"], training["epochs"])
    batches = list(torch.split(torch.arange(len(train_data)), batch_size))
    if len(batches[-1]) == 1 and len(batches) > 1:  # one sample has no batch statistics
        batches.pop()
    total = training["epochs"] * len(batches)
    best, step = BestEpoch(), 0
    waited_for, improved_at = math.inf, 0
    for epoch in range(1, training["epochs"] + 1):
        model.train()
        order = torch.randperm(len(train_data))
        squares, seen = 0.0, 0
        for batch in batches:
            x = model.augment(train_data[order[batch]])
            given = model.corrupt(x)
            fall = 0.5 * (1 + math.cos(math.pi * step / total))
            ramp = config.get("warm_up", 0.0) * total
            share = min(1.0, (step + 1) / ramp) if ramp else 1.0
            for player, optimizer in zip(players, optimizers, strict=True):
                if config["schedule"] == "cosine":
                    for group in optimizer.param_groups:
                        group["lr"] = config["learning_rate"] * player.rate * fall
                loss = model.player_loss(player.name, x, given, kl_share=share)
                model.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(player.parameters, MAX_GRADIENT_NORM)
                optimizer.step()
            if loss_terms is not None:
                squares += float(loss_terms.mean_square) * len(x)
            seen += len(x)
            step += 1
        if loss_terms is not None:
            model.log_sigma.copy_(loss_terms.log_sigma(torch.tensor(squares / seen)))
        model.end_epoch()
        metrics = measure(model, validation_data)
        if metric not in metrics:
            raise SystemExit(f"this model has no metric {metric!r}: it has {', '.join(metrics)}")
        if show:
            print(f"epoch {epoch:4d}  validation {metric} {metrics[metric]:.6f}")
        value = sign * metrics[metric]
        if not math.isfinite(value):
            raise SystemExit(f"the training diverged in epoch {epoch}: lower learning_rate")
        if epoch < first_eligible:
            continue
        best.add(epoch, value, model.state_dict())
        if stopping and value < waited_for - stopping["min_delta"]:
            waited_for, improved_at = value, epoch
        if (
            stopping
            and epoch - improved_at >= stopping["patience"]
            and epoch >= stopping["min_epochs"]
        ):
            break
    best.finish()
    assert best.chosen is not None
    model.load_state_dict(best.state)
    model.eval()
    return best.chosen[2]


def read(path: Path) -> Any:
    """Raw samples: the array of a .npy file, or the lines of any other that are not blank."""
    if path.suffix == ".npy":
        return torch.from_numpy(np.load(path, allow_pickle=False))
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return [line.removesuffix("\r") for line in lines if line.strip()]


def keys_of(model: Any, raw: Any) -> Iterator[Hashable]:
    """What is equal for exact copies: hashes of an array's samples, the tokens of texts."""
    for sample in raw:
        if isinstance(sample, str):
            yield tuple(model.pieces(sample))
        else:
            # 0.0 and -0.0 are one number in two bytes.
            yield hashlib.blake2b((sample.numpy() + 0).tobytes(), digest_size=16).digest()


def main() -> None:
    """Read the command line, train, write weights.safetensors and config.json."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description="Train this model's configuration again.")
    parser.add_argument(
        "data", type=Path, help="a .npy file, [samples, ...], raw units; or texts, one a line"
    )
    parser.add_argument("--validation", type=Path, help="such a file, instead of a split")
    parser.add_argument("--model", type=Path, default=here, help="folder with config.json")
    parser.add_argument("--output", type=Path, default=Path("retrained"))
    parser.add_argument("--epochs", type=int, help="instead of the epochs on record")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    study = json.loads((arguments.model / "config.json").read_text())
    training = {**DEFAULT_TRAINING, **study.get("training", {})}
    training["epochs"] = arguments.epochs or training["epochs"]
    default = "token_cross_entropy" if study["problem"]["kind"] == "text" else "mse"
    metric = study.get("objective", {}).get("metric", default)
    trained = load_file(arguments.model / "weights.safetensors")
    raw = read(arguments.data)

    model = importlib.import_module("model").build(study["problem"], study["config"])
    # The scaling is the one that was fitted on the study's training part.
    model.offset, model.scale = trained["offset"].double(), trained["scale"].double()
    if model.masked:
        model.fill.copy_(trained["fill"])

    def scaled(raw: Any) -> Tensor:
        starts = range(0, len(raw), CHUNK)
        return torch.cat([model.scaled(raw[start : start + CHUNK]) for start in starts])

    record = {name: study[name] for name in KEPT if name in study}
    if arguments.validation:
        parts = (scaled(raw), scaled(read(arguments.validation)))
        record = {name: record[name] for name in record if name not in ("split", "division")}
    else:
        division = {**DEFAULT_DIVISION, **study.get("division", {})}
        raw = raw[: division["limit"]]
        roots = group_samples(keys_of(model, raw), division["duplicates"])
        rows = divide_samples(roots, study.get("split", {}), division)
        data = scaled(raw)
        parts = (data[rows[0]], data[rows[1]])
    epoch = train(model, *parts, training, metric=metric)
    metrics = {"train": measure(model, parts[0]), "validation": measure(model, parts[1])}
    value = metrics["validation"][metric]
    print(f"epoch {epoch} is the best: validation {metric} {value:.6f}")

    record |= {
        "training": training,
        "seed": arguments.seed,
        "objective": {"metric": metric, "value": value},
        "best_epoch": epoch,
        "metrics": metrics,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), arguments.output / "weights.safetensors")
    (arguments.output / "config.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
