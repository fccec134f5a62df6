"""A fully connected variational autoencoder in plain PyTorch (Kingma & Welling 2014).

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                      # this folder: config.json, weights.safetensors
    reconstructed = model.reconstruct(raw)  # raw units in, raw units out, same shape
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

LOG_VARIANCE_BOUND = 10.0

CONSTANTS = {
    "mse": 0.5 * math.log(2 * math.pi),
    "bce": 0.0,
    "l1": math.log(2),
    "huber": math.log(math.sqrt(2 * math.pi) * math.erf(math.sqrt(0.5)) + 2 * math.exp(-0.5)),
    "gaussian": 0.0,
}
"""Nats per feature from a loss to the negative log-likelihood."""

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
}


class Block(nn.Module):
    """Linear, norm, activation, dropout."""

    def __init__(self, inputs: int, width: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        nn.init.kaiming_uniform_(self.linear.weight, nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)
        norms = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        self.norm = norms[config["norm"]](width)
        self.activation = ACTIVATIONS[config["activation"]]()
        self.dropout = nn.Dropout(config["dropout"])

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B, width]."""
        x = self.activation(self.norm(self.linear(x)))
        return cast(Tensor, self.dropout(x))


class Stack(nn.Module):
    """Hidden blocks and a linear head; with depth 0 the head alone."""

    def __init__(self, inputs: int, outputs: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, depth = config["hidden_width"], config["depth"]
        sizes = [inputs] + [width] * depth
        self.hidden = nn.ModuleList(Block(sizes[i], width, config) for i in range(depth))
        self.head = nn.Linear(sizes[-1], outputs)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B, outputs]."""
        for block in self.hidden:
            x = block(x)
        return cast(Tensor, self.head(x))


class ReconstructionLoss:
    """The loss of a batch: summed over features, averaged over samples.

    A learned sigma is the optimal one, log sigma = 1/2 log(MSE of the batch), soft-clipped at
    -6 (Rybkin, Daniilidis & Levine 2021).
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.name = config["loss"]
        self.sigma = config["sigma"]
        self.mean_square = torch.ones(())
        """Of the last batch; what a learned sigma is frozen from."""

    def log_sigma(self, mean_square: Tensor) -> Tensor:
        """The learned log sigma for a mean squared error, or the fixed one."""
        if self.sigma == "learned":
            return -6 + F.softplus(0.5 * mean_square.clamp(min=1e-30).log() + 6)
        return torch.full_like(mean_square, math.log(self.sigma))

    def __call__(self, output: Tensor, target: Tensor, log_sigma: Tensor | None = None) -> Tensor:
        """[B, F] twice -> scalar; `output` is logits for bce, `log_sigma` instead of its own."""
        if self.name == "mse":
            terms = 0.5 * (output - target) ** 2
        elif self.name == "l1":
            terms = (output - target).abs()
        elif self.name == "huber":
            terms = F.huber_loss(output, target, reduction="none")
        elif self.name == "bce":
            terms = F.binary_cross_entropy_with_logits(output, target, reduction="none")
        else:
            squares = (output - target) ** 2
            self.mean_square = squares.mean().detach()
            if log_sigma is None:
                log_sigma = self.log_sigma(self.mean_square)
            terms = 0.5 * squares * (-2 * log_sigma).exp() + log_sigma
            terms = terms + 0.5 * math.log(2 * math.pi)
        return terms.sum(1).mean()


class Vae(nn.Module):
    """An encoder to a normal posterior over z, and a decoder that mirrors it."""

    offset: Tensor
    scale: Tensor
    log_sigma: Tensor

    def __init__(self, features: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.latent_dim = int(config["latent_dim"])
        self.encoder = Stack(features, 2 * self.latent_dim, config)
        self.decoder = Stack(self.latent_dim, features, config)
        self.reconstruction_loss = ReconstructionLoss(config)
        # float64: a time in seconds has more digits than a float32. A device without it (mps)
        # takes the model after model.float().
        self.register_buffer("offset", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(1, dtype=torch.float64))
        self.register_buffer("log_sigma", torch.zeros(()))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, F] scaled -> mean and clamped log-variance of z, [B, L] each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F] scaled -> [B, F]: the decoder's output at the posterior mean (logits for bce)."""
        return cast(Tensor, self.decoder(self.posterior(x)[0]))

    def training_loss(
        self, x: Tensor, kl_share: float = 1.0, noise: Tensor | None = None
    ) -> Tensor:
        """Reconstruction + KL of a batch [B, F]; `kl_share` is the warm-up, `noise` [B, L]."""
        mean, log_variance = self.posterior(x)
        noise = torch.randn_like(mean) if noise is None else noise
        output = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)  # [L]
        charged = kl.clamp(min=self.config["free_bits"]).sum()
        beta: float = self.config["beta"]
        return self.reconstruction_loss(output, x) + kl_share * beta * charged

    def elbo(self, x: Tensor, noise: Tensor) -> Tensor:
        """Mean ELBO of [B, F] in nats: beta = 1, constants included, one z from `noise` [B, L]."""
        mean, log_variance = self.posterior(x)
        output = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        nats = self.reconstruction_loss(output, x, self.log_sigma)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return -(nats + CONSTANTS[self.config["loss"]] * x.shape[1] + kl)

    def encode(self, scaled: Tensor) -> Tensor:
        """[N, F] scaled -> the posterior mean, [N, L]."""
        return self.posterior(scaled)[0]

    def predict(self, output: Tensor) -> Tensor:
        """The decoder's output on the scale of the scaled data."""
        return torch.sigmoid(output) if self.config["loss"] == "bce" else output

    def preprocess(self, raw: Tensor) -> Tensor:
        """Raw units, [N, ...] -> scaled, [N, F]."""
        flat = torch.as_tensor(raw).to(self.offset).reshape(len(raw), -1)
        return ((flat - self.offset) / self.scale).to(self.decoder.head.weight)

    def decode(self, code: Tensor) -> Tensor:
        """[N, L] -> [N, F] scaled."""
        return self.predict(self.decoder(code))

    @torch.no_grad()
    def reconstruct(self, raw: Tensor) -> Tensor:
        """Raw units -> raw units, same shape, float64; eval mode."""
        training = self.training
        self.eval()
        scaled = self.decode(self.encode(self.preprocess(raw)))
        self.train(training)
        return (scaled.to(self.scale) * self.scale + self.offset).reshape(raw.shape)


def build(features: int, config: Mapping[str, Any]) -> Vae:
    """An untrained model."""
    return Vae(features, config)


def load(folder: str | Path = ".") -> Vae:
    """The trained model of a folder, in eval mode."""
    config = json.loads((Path(folder) / "config.json").read_text())["config"]
    state = load_file(Path(folder) / "weights.safetensors")
    model = build(int(state["decoder.head.bias"].shape[0]), config)
    # The buffers take the shape of the data's scaling: one number, or one for each column.
    model.offset, model.scale = state["offset"].double(), state["scale"].double()
    model.load_state_dict(state)
    return model.eval()
