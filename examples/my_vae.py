"""An ordinary VAE, and nothing of HiFiTune: `hifitune serve --family examples/my_vae.py:MyVAE`."""

from typing import Annotated, Literal

import torch
from torch import nn


class MyVAE(nn.Module):
    """A variational autoencoder of my own."""

    def __init__(
        self,
        features: int,  # given by the data
        width: Annotated[int, [32, 64, 128]] = 64,
        latent: Annotated[int, (2, 32), "capacity"] = 8,
        beta: Annotated[float, (0.1, 4.0, "log"), "objective"] = 1.0,
        activation: Literal["relu", "gelu"] = "gelu",
    ) -> None:
        super().__init__()
        act = {"relu": nn.ReLU, "gelu": nn.GELU}[activation]
        self.beta = beta
        self.encoder = nn.Sequential(
            nn.Linear(features, width), act(), nn.Linear(width, 2 * latent)
        )
        self.decoder = nn.Sequential(nn.Linear(latent, width), act(), nn.Linear(width, features))

    def encode(self, x):
        return self.encoder(x.flatten(1)).chunk(2, dim=-1)  # mean, log-variance

    def reconstruct(self, x):
        return self.decoder(self.encode(x)[0]).reshape(x.shape)

    def loss(self, x):
        mean, log_variance = self.encode(x)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        error = 50 * (self.decoder(z) - x.flatten(1)).square().sum(1).mean()  # sigma 0.1
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return {"loss": error + self.beta * kl, "error": error, "kl": kl}
