"""A VAE of my own, and nothing of HiFiTune: `hifitune serve --family ./my_vae.py:MyVAE`."""

from typing import Annotated

import torch
from torch import nn


def mlp(inputs, width, outputs):
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, outputs))


class MyVAE(nn.Module):
    def __init__(
        self,
        features: int,  # numbers in a sample: the data say
        width: Annotated[int, [32, 64, 128]] = 64,
        latent_dim: Annotated[int, (2, 32), "capacity"] = 8,
        beta: Annotated[float, (0.1, 4.0, "log"), "objective"] = 1.0,
    ):
        super().__init__()
        self.beta = beta
        self.encoder = mlp(features, width, 2 * latent_dim)
        self.decoder = mlp(latent_dim, width, features)

    def encode(self, x):
        return self.encoder(x.flatten(1)).chunk(2, dim=1)  # mean and log-variance

    def reconstruct(self, x):
        return self.decoder(self.encode(x)[0]).reshape(x.shape)

    def loss(self, x):
        mean, log_variance = self.encode(x)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        error = 50 * (self.decoder(z) - x.flatten(1)).square().sum(1).mean()  # sigma 0.1
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return {"loss": error + self.beta * kl, "error": error, "kl": kl}
