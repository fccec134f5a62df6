"""A family of one's own, as a user would write it."""

MINE = """
from torch import nn

FACTOR = 1.0

class Mine(nn.Module):
    def __init__(self, features: int, width: int = 4):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(features, width), nn.Linear(width, features))

    def reconstruct(self, x):
        return FACTOR * self.net(x.flatten(1)).view_as(x)

    def loss(self, x):
        return {"loss": (self.reconstruct(x) - x).square().mean()}
"""
