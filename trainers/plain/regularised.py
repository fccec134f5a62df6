"""What autoencoders with a penalty share: reconstruction + a weighed penalty."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from trainers.plain.autoencoder import Autoencoder
from trainers.plain.given import Given

Draw = Callable[[str, int], Tensor]
"""(site, width) -> standard normal numbers, [B, width]."""


class RegularisedAutoencoder(Autoencoder):
    """An autoencoder with a penalty on its codes, or on how its networks bend."""

    def penalised(self, given: Given, draw: Draw) -> tuple[Tensor, Tensor]:
        """What the loss looks at, [B, F], and the weighed penalty, mean over the batch."""
        raise NotImplementedError

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """Reconstruction and penalty of a batch [B, F]; `kl_share` changes nothing."""
        return self.player_loss("model", target, given, kl_share)

    def player_loss(
        self,
        player: str,
        target: Tensor,
        given: Given,
        kl_share: float = 1.0,
        draws: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The loss of a batch; `draws` [B, width] by site instead of its own."""

        def draw(site: str, width: int) -> Tensor:
            if draws is not None:
                return draws[site]
            return torch.randn(len(target), width).to(target)

        output, penalty = self.penalised(given, draw)
        return self.reconstruction_loss(output, target) + penalty


def squared_slope(output: Tensor, at: Tensor, probe: Tensor) -> Tensor:
    """An unbiased estimate of the sum over outputs of their squared slopes, mean over samples.

    Hutchinson 1990: the squared length of the gradient of `output . probe`, `probe` standard
    normal, has the squared Frobenius norm of the Jacobian as its mean. Differentiable.
    """
    graph = torch.is_grad_enabled()
    (slope,) = torch.autograd.grad((output * probe).sum(), at, create_graph=graph)
    return slope.square().sum(-1).mean(-1)
