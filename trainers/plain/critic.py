"""The discriminator of adversarial models, and what it and its opponent are trained by."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
"""Of the leaky rectifier below 0 (Radford et al. 2016)."""


class CriticLayer(nn.Module):
    """A linear layer; with `spectral` its weight is divided by its largest singular value.

    The singular value comes from a power iteration that `refresh` takes a step further (Miyato
    et al. 2018); `u` is the direction that it has come to, [outputs].
    """

    u: Tensor

    def __init__(self, inputs: int, outputs: int, spectral: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.spectral = spectral
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        if spectral:
            self.register_buffer("u", torch.ones(outputs))

    @torch.no_grad()
    def refresh(self) -> None:
        """One step of the power iteration."""
        if self.spectral:
            v = F.normalize(self.weight.T @ self.u, dim=0)
            self.u.copy_(F.normalize(self.weight @ v, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B, outputs]."""
        if not self.spectral:
            return F.linear(x, self.weight, self.bias)
        largest = (self.weight.T @ self.u).norm()
        return F.linear(x, self.weight / largest.clamp(min=1e-12), self.bias)


class Critic(nn.Module):
    """Says how real a sample looks: one number without a bound."""

    def __init__(self, inputs: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.kind = config["adversarial_loss"]
        self.r1 = config["r1"]
        width, spectral = config["discriminator_width"], config["spectral_norm"]
        sizes = [inputs] + [width] * config["discriminator_depth"]
        self.hidden = nn.ModuleList(
            CriticLayer(sizes[i], sizes[i + 1], spectral) for i in range(len(sizes) - 1)
        )
        self.head = CriticLayer(sizes[-1], 1, spectral)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B]."""
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), SLOPE)
        scores: Tensor = self.head(x)
        return scores[:, 0]

    def loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic is trained by: tell real [B, inputs] from fake [C, inputs].

        Includes R1, half the weighted mean square of its slope at real samples (Mescheder et
        al. 2018).
        """
        for layer in [*self.hidden, self.head]:
            layer.refresh()
        real = real.detach().requires_grad_(self.r1 > 0)
        real_scores, fake_scores = self(real), self(fake.detach())
        if self.kind == "hinge":
            loss = F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()
        else:
            loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
        if self.r1 > 0:
            (slope,) = torch.autograd.grad(real_scores.sum(), real, create_graph=True)
            loss = loss + 0.5 * self.r1 * slope.square().sum(1).mean()
        return loss

    def fooled(self, fake: Tensor, real: bool = False) -> Tensor:
        """What its opponent is trained by: fakes should look real, and with `real` the reverse."""
        scores = self(fake) if not real else -self(fake)
        return -scores.mean() if self.kind == "hinge" else F.softplus(-scores).mean()
