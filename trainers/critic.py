"""Array discriminators: K critics side by side, and what they and their opponents train by."""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.layers import HIDDEN_GAIN, Layout, Pass, fit, padded, softplus
from trainers.plain.critic import SLOPE

_TINY = 1e-12


class CriticLayer:
    """A linear layer; with `spectral` the weight is divided by its largest singular value.

    See trainers.plain.critic. `u` is a buffer, [K, outputs].
    """

    def __init__(
        self, layout: Layout, buffers: Layout, name: str, inputs: int, outputs: int, spectral: bool
    ) -> None:
        self._weight = layout.add(
            f"{name}.weight", inputs, outputs, spread=HIDDEN_GAIN / inputs**0.5
        )
        self._bias = layout.add(f"{name}.bias", outputs)
        self._u = buffers.add(f"{name}.u", outputs, fill=1.0) if spectral else None

    @torch.no_grad()
    def refresh(self, run: Pass) -> None:
        """One step of the power iteration."""
        if self._u is None:
            return
        # Sums of products, not matrix products: a slot's bits are its own (rule R3). Padded
        # entries of the weight are 0, so that those of u become 0 with the first step.
        weight, u = run.weights[self._weight], run.state[self._u]  # [K, in, out], [K, 1, out]
        v = F.normalize((weight * u).sum(2, keepdim=True), dim=1)  # [K, in, 1]
        u.copy_(F.normalize((weight * v).sum(1, keepdim=True), dim=2))

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, padded inputs] -> [K, B, padded outputs]."""
        weight = run.weights[self._weight]
        if self._u is not None:
            direction = (weight * run.state[self._u]).sum(2, keepdim=True)  # [K, in, 1]
            largest = direction.square().sum((1, 2), keepdim=True).sqrt()
            weight = weight / largest.clamp(min=_TINY)
        return torch.baddbmm(run.weights[self._bias], x, weight)


class Critic:
    """K discriminators of one shape and one weight of R1.

    R1 is none of a slot's own: with the slope in the graph, all gradients round otherwise.
    """

    def __init__(
        self,
        layout: Layout,
        buffers: Layout,
        *,
        inputs: int,
        width: int,
        depth: int,
        spectral: bool,
        kind: str,
        r1: float,
    ) -> None:
        sizes = [inputs] + [width] * depth
        self._inputs = inputs
        self._kind = kind
        self._r1 = r1
        self._layers = [
            CriticLayer(layout, buffers, f"critic.hidden.{i}", sizes[i], sizes[i + 1], spectral)
            for i in range(depth)
        ]
        self._head = CriticLayer(layout, buffers, "critic.head", sizes[-1], 1, spectral)

    def scores(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, inputs] -> [K, B]."""
        x = fit(x, padded(self._inputs))
        for layer in self._layers:
            x = F.leaky_relu(layer(run, x), SLOPE)
        return self._head(run, x)[..., 0]

    def loss(self, run: Pass, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the critics are trained by, [K]; and their scores of real and fake, [K, B]."""
        for layer in [*self._layers, self._head]:
            layer.refresh(run)
        real = real.detach().requires_grad_(self._r1 > 0)
        real_scores, fake_scores = self.scores(run, real), self.scores(run, fake.detach())
        if self._kind == "hinge":
            loss = F.relu(1 - real_scores).mean(1) + F.relu(1 + fake_scores).mean(1)
        else:
            loss = softplus(-real_scores).mean(1) + softplus(fake_scores).mean(1)
        if self._r1 > 0:
            (slope,) = torch.autograd.grad(real_scores.sum(), real, create_graph=True)
            loss = loss + 0.5 * self._r1 * slope.square().sum(2).mean(1)
        return loss, real_scores.detach(), fake_scores.detach()

    def fooled(self, run: Pass, fake: Tensor, *, real: bool = False) -> Tensor:
        """What the opponents are trained by, [K]: fakes look real; with `real` the reverse."""
        scores = self.scores(run, fake)
        scores = -scores if real else scores
        return -scores.mean(1) if self._kind == "hinge" else softplus(-scores).mean(1)


class Terms:
    """Means over an epoch's steps of what only training has, for each slot."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, **values: Tensor) -> None:
        """Take in a step's values, [K] each."""
        for name, value in values.items():
            value = value.detach().double()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, Tensor]:
        """Name -> [K]."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}


def share_right(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """[K] how often critics are right: near 1/2 they cannot tell, at 1 they have won."""
    right = [(real_scores > 0).float(), (fake_scores <= 0).float()]
    return torch.cat(right, dim=1).mean(1)
