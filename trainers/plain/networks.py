"""Fully connected networks: hidden blocks and a linear head."""

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

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
